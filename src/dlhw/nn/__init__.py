"""Layers, losses and containers with hand-written backward passes, all with a leading run axis.

Shape suffixes, used in every file of this package:

    R runs        N batch       I/O in/out features   K classes or outputs
    C/F channels in/out (F: filters)    H,W image     Q = C*k*k, one window   L = positions of a window
    S runs of shared data: 1 when every run sees the same tensor, else R
    P all parameters of a run, laid out flat
"""

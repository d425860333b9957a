"""Sweeps: which cells a command means, which of them are done, and what became of them."""

"""Procedures: what a run can do instead of training. Each computes something exact and verifies it."""

"""Sweeps: the cells of a command, which of them are done, and how they ended."""

"""Callbacks: what a run records and prints while it trains; see `registry` for adding one."""

"""Trackers: what a run shows while it trains and what it leaves behind. They only listen."""

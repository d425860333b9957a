"""The config: one dataclass a group, checked once and whole before anything runs."""

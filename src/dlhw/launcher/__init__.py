"""The fused launcher: jobs of a sweep that can share a cohort train as one tensor program."""

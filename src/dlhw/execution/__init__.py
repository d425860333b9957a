"""Train runs: one by itself, or cohorts of them as one tensor program."""

"""What a run can do instead of training: each procedure computes something exact and verifies it."""

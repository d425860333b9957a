"""What executes the training steps of a cohort, and how they are spread over threads."""

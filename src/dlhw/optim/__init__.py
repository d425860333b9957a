"""Optimizers, learning rate schedules and regularizers, on the flat parameters (R, P) of a whole cohort."""

"""Update rules, schedules and regularizers, on the flat parameters (R, P) of a whole cohort."""

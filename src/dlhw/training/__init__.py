"""The loop over a cohort: batches, engines, evaluations, early stopping. It knows nothing of Hydra."""

"""All that touches the internals of Hydra and OmegaConf: composing, launcher, sweeper, callback."""

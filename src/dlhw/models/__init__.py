"""Models: short functions that put layers together."""

"""dlhw: small deep-learning experiments, one command per table or figure."""

from importlib.metadata import version

__version__ = version("dlhw")

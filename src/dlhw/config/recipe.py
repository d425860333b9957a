"""`experiment.recipe`: where the settings of an experiment come from."""

from dataclasses import dataclass, field

from dlhw.config.group import Group


@dataclass(kw_only=True)
class RecipeConfig(Group):
    """Sentences that say where the settings and the tolerances come from."""

    stated: list[str] = field(default_factory=list)
    """settings that the write-up states"""
    inferred: list[str] = field(default_factory=list)
    """settings that were inferred, from the write-up's code, figures or conventions"""
    fitted: list[str] = field(default_factory=list)
    """settings that were chosen because they reproduce the published numbers"""
    tolerance: str = ""
    """what the tolerances rest on"""

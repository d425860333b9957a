"""`experiment.mutations`: wrong recipes that the published numbers and the rules must detect."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from omegaconf import MISSING

from dlhw.config.listed import Listed


@dataclass(kw_only=True)
class MutationConfig(Listed):
    """A deliberately wrong recipe, which `dlhw-reproduce --falsify` runs and must detect."""

    place: ClassVar[str] = "experiment.mutations"

    change: Any = MISSING
    """override of the experiment that makes it wrong, such as optimizer.lr=0.02, or a list of overrides"""
    name: str = ""
    """what a table calls it, where the overrides are too long; empty: the overrides"""
    visible: bool = True
    """false: the experiment's table cannot show this mistake, for the given reason"""
    reason: str = ""
    """why the mistake cannot be seen; required with visible=false"""

    @property
    def overrides(self) -> list[str]:
        """The overrides as a list, also where only one is given."""
        return list(self.change) if isinstance(self.change, list | tuple) else [self.change]

    @property
    def text(self) -> str:
        """The overrides as on a command line."""
        return " ".join(map(str, self.overrides))

    @property
    def label(self) -> str:
        """What a line of the console calls it."""
        return self.name or self.text

    def problems_at(self, key: str) -> Iterator[str]:
        for override in self.overrides:
            if not (isinstance(override, str) and override.partition("=")[1]):
                yield f"{key}.change must be KEY=VALUE or a list of them, got {override}"
        if not self.overrides:
            yield f"{key}.change must be KEY=VALUE or a list of them, got []"
        if not self.visible and not self.reason.strip():
            yield f"{key}.reason must be given with visible=false"

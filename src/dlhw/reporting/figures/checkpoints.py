"""What a figure reads of a run's checkpoint."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlhw.errors import RunFolderError
from dlhw.reporting.cells import Cell
from dlhw.runs.folder import RunFolder

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Saved:
    """Parameters of one run.

    Args:
        folder: of the run.
        checkpoint: "best" or "last".
        parameters: name -> tensor, on the CPU.
        input_shape: of one input.
        class_names: of each label; empty for regression.
    """

    folder: Path
    checkpoint: str
    parameters: "dict[str, Tensor]"
    input_shape: tuple[int, ...]
    class_names: list[str]


def checkpoint_of(cell: Cell) -> Saved:
    """The selected parameters of a cell's first run.

    Raises:
        RunFolderError: if no run of the cell ended well, or its checkpoint is missing or damaged.
    """
    from dlhw.callbacks.checkpoint import load_checkpoint, under

    if not cell.counted:
        raise RunFolderError(f"no run of the cell {cell.label} ended well")
    run = cell.counted[0]
    folder = Path(run["folder"])
    name = "last" if run.get("trainer.select") == "last" else "best"
    path = RunFolder(folder).checkpoint(name)
    tensors, state = load_checkpoint(path)
    try:
        input_shape, class_names = tuple(map(int, state["input_shape"])), list(map(str, state["class_names"]))
    except (LookupError, TypeError, ValueError) as error:
        raise RunFolderError(f"{path} holds no state of a run") from error
    return Saved(
        folder=folder,
        checkpoint=name,
        parameters=under("parameters", tensors),
        input_shape=input_shape,
        class_names=class_names,
    )

"""Where the time of an update goes: each part of it alone, and the whole update."""

from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor

from benchmarks.dlhw_side import NAME, DlhwSide
from benchmarks.page import three_digits
from benchmarks.peers.plain import Plain
from benchmarks.problem import ALPHA, LR, NUM_CLASSES, Problem, load_images, spread
from benchmarks.report import Report, Table
from benchmarks.timing import in_turn
from dlhw.training.device import matmul_setting

# batch, runs, steps of a round
CASES = ((64, 1, 300), (64, 16, 50), (12, 1, 500), (1, 1, 1000))
Part = Callable[[], object]


def measure(full: bool, effort: float = 1.0) -> Report:
    """Microseconds of each part of an update of one run."""
    name, dataset = load_images()
    rounds = 9 if full else 5
    tables = []
    for batch, runs, steps in CASES:
        count = max(2, round(effort * steps))
        problem = Problem("mlp", dataset, batch, count, spread(runs))
        tables.append(_table(problem, rounds))
    return Report(
        title="Where the time of an update goes",
        notes=[
            f"784-128-10 with sigmoid ({name}). Each part is measured alone, with plain torch calls into "
            "preallocated buffers, repeatedly on the same numbers and so with warm caches: what a program of "
            "such calls could reach. A whole update is measured in training; where it takes less than the "
            "sum of the parts, it has fewer operations, or fused ones.",
        ],
        tables=tables,
    )


def _table(problem: Problem, rounds: int) -> Table:
    """The parts, their sum, and whole updates of dlhw and of plain PyTorch."""
    dlhw_side, runs = DlhwSide(problem), len(problem.lrs)
    plain = Plain(problem, dlhw_side.weights())
    parts = {name: _repeated(part, problem.steps) for name, part in Parts(problem).all().items()}
    wholes = {f"{NAME}, whole": dlhw_side.train, "PyTorch in memory, whole": plain.train}
    with matmul_setting(dlhw_side.matmul()):
        seconds = in_turn({**parts, **wholes}, rounds)
    micros = {name: 1e6 * median(taken) / problem.steps / runs for name, taken in seconds.items()}
    whole = micros[f"{NAME}, whole"]
    total = sum(micros[name] for name in parts)
    all_micros = {**{name: micros[name] for name in parts}, "sum of the parts": total}
    all_micros |= {name: micros[name] for name in wholes}
    rows = [[name, three_digits(taken), f"{100 * taken / whole:.0f} %"] for name, taken in all_micros.items()]
    title = f"Batch {problem.batch_size}, {runs} run{'s' * (runs > 1)}, µs an update a run:"
    return Table(title, ("part", "µs", f"of {NAME}'s whole"), rows)


def _repeated(part: Part, times: int) -> Callable[[int], None]:
    def work(number: int) -> None:
        for _ in range(times):
            part()

    return work


class Parts:
    """What a step of the MLP does, as plain torch calls on the run axis.

    Args:
        problem: shapes and number of runs.
    """

    def __init__(self, problem: Problem) -> None:
        runs, batch, width = len(problem.lrs), problem.batch_size, problem.width
        self.samples = problem.inputs.flatten(1)
        self.index = problem.order(0)[:batch]
        fan_in = self.samples.shape[1]
        self.x_1NI = self.samples[self.index].unsqueeze(0)
        self.x_RNI = self.x_1NI.expand(runs, -1, -1)
        self.h, self.dh = torch.rand(runs, batch, width), torch.rand(runs, batch, width)
        self.z, self.dz = torch.rand(runs, batch, NUM_CLASSES), torch.rand(runs, batch, NUM_CLASSES)
        self.w1, self.g1 = (torch.rand(runs, fan_in, width) for _ in range(2))
        self.w2, self.g2 = (torch.rand(runs, width, NUM_CLASSES) for _ in range(2))
        self.flat, self.grads = (torch.zeros(runs, fan_in * width) for _ in range(2))

    def all(self) -> dict[str, Part]:
        """Name -> part."""
        return {
            "take the batch": lambda: torch.index_select(self.samples, 0, self.index, out=self.x_1NI[0]),
            "products with the first layer's weights": self.first_layer,
            "products with the second layer's weights": self.second_layer,
            "sigmoid, softmax and their derivatives": self.elementwise,
            "penalty and update of the parameters": self.update,
        }

    def first_layer(self) -> None:
        """h = x W, dW = x^T dh."""
        torch.bmm(self.x_RNI, self.w1, out=self.h)
        torch.bmm(self.x_RNI.mT, self.dh, out=self.g1)

    def second_layer(self) -> None:
        """z = h W, dW = h^T dz, dh = dz W^T."""
        torch.bmm(self.h, self.w2, out=self.z)
        torch.bmm(self.h.mT, self.dz, out=self.g2)
        torch.bmm(self.dz, self.w2.mT, out=self.dh)

    def elementwise(self) -> Tensor:
        """s = sigmoid(h), dh s (1 - s), softmax(z)."""
        s = torch.sigmoid(self.h)
        torch.ops.aten.sigmoid_backward(self.dh, s)
        return torch.softmax(self.z.mT, 1)

    def update(self) -> None:
        """g += alpha W, W -= lr g."""
        self.grads.add_(self.flat, alpha=ALPHA)
        self.flat.add_(self.grads, alpha=-LR)

"""On a GPU: one run, and cohorts of up to 1,024 runs, compared with eager PyTorch."""

from statistics import median

import torch

from benchmarks.dlhw_side import DlhwSide
from benchmarks.page import median_and_range, three_digits
from benchmarks.peers import PLAIN
from benchmarks.problem import Problem, load_images, spread
from benchmarks.report import Aim, Report, Table
from benchmarks.sides import compare, matmul_note
from benchmarks.timing import in_turn
from dlhw.training.device import matmul_setting

BATCH = 64
COHORTS = (1, 16, 64, 256, 1024)
SETTINGS = {"highest": "float32", "high": "TF32"}
COHORT_AIM = "a cohort of 256 / one run, whole time"
EAGER_AIM = "one run / eager PyTorch"
ABSENT = "no GPU"


def measure(full: bool, steps: int = 750) -> Report:
    """Seconds of an epoch on the first CUDA device."""
    if not torch.cuda.is_available():
        return Report(
            title="CUDA",
            notes=[f"Not measured: {ABSENT}."],
            aims=[Aim(COHORT_AIM, 2.0, reason=ABSENT), Aim(EAGER_AIM, 0.2, reason=ABSENT)],
        )
    name, dataset = load_images()
    rounds = 7 if full else 3
    problem = Problem("mlp", dataset, BATCH, steps, device="cuda")
    eager = compare("one run, batch 64", problem, [PLAIN], rounds, per=1, unit="s an epoch")
    seconds = {setting: _cohorts(problem, setting, rounds) for setting in SETTINGS}
    exact = seconds["highest"]
    pairs = zip(exact[256], exact[1], strict=True)
    return Report(
        title="CUDA",
        notes=[
            f"{torch.cuda.get_device_name()}; 784-128-10 with sigmoid, {steps * BATCH:,} images ({name}).",
            matmul_note(eager),
        ],
        comparisons=[eager],
        aims=[
            Aim(COHORT_AIM, 2.0, [many / one for many, one in pairs]),
            Aim(EAGER_AIM, 0.2, eager.ratios(PLAIN)),
        ],
        tables=[_table(cohorts, SETTINGS[setting]) for setting, cohorts in seconds.items()],
    )


def _cohorts(problem: Problem, setting: str, rounds: int) -> dict[int, list[float]]:
    """Size of a cohort -> seconds of an epoch of all its runs."""
    sides = {
        str(count): DlhwSide(
            Problem("mlp", problem.dataset, BATCH, problem.steps, spread(count), device="cuda")
        ).train
        for count in COHORTS
    }
    with matmul_setting(setting):
        seconds = in_turn(sides, rounds, warm_ups=2)
    return {int(count): taken for count, taken in seconds.items()}


def _table(seconds: dict[int, list[float]], precision: str) -> Table:
    rows = [
        [
            f"{count:,}", three_digits(median(taken)), three_digits(1e3 * median(taken) / count),
            median_and_range([many / one for many, one in zip(taken, seconds[1], strict=True)]),
        ]
        for count, taken in seconds.items()
    ]  # fmt: skip
    headings = ("runs", "s an epoch", "ms an epoch a run", "/ one run")
    return Table(f"Cohorts in {precision}:", headings, rows)

"""`make bench`: seconds of an epoch with the manual engine beside plain PyTorch, in turn, in one process.

784-128-10 with sigmoid, batch 64, 48,000 images, SGD, L2. MNIST where it is, else random numbers of its shape
(the arithmetic is the same). Both sides start from the same weights and see the same batches; afterwards the
weights of both must agree, so that nobody is fast by computing something else.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter

import torch

from benchmarks.plain import PlainMLP
from dlhw.config.compose import compose
from dlhw.config.root import TrainConfig
from dlhw.config.trainer import Engine
from dlhw.data.dataset import Dataset, Part, load_dataset
from dlhw.training.cohort import Cohort
from dlhw.training.device import choose_matmul, matmul_setting
from dlhw.training.fit import prepare
from dlhw.training.loop import Loop
from dlhw.training.planning import costliest_product
from dlhw.training.pool import Pool

LIMIT = 0.75
SEED = 0


def recipe(data: str, engine: Engine) -> TrainConfig:
    """The benchmark's config."""
    config = compose(
        [
            f"data={data}", "model.activation=sigmoid", "regularizer=l2", "regularizer.alpha=1e-3",
            "trainer.device=cpu", f"trainer.engine={engine}", f"seed={SEED}",
        ]
    )  # fmt: skip
    return config


def dataset_for(config: TrainConfig) -> tuple[str, Dataset]:
    """What is trained on, and its name."""
    raw = Path(os.environ.get("DLHW_DATA_DIR", "data")) / "MNIST" / "raw"
    if raw.is_dir():
        return "MNIST", load_dataset(config.data, config.data_seed())
    digits = load_dataset(compose(["data=digits"]).data, 0)
    made = torch.Generator().manual_seed(0)
    part = Part(torch.rand(48_000, 1, 28, 28, generator=made), torch.randint(10, (48_000,), generator=made))
    return "random images", Dataset(
        {"train": part}, (1, 28, 28), digits.class_names, 10, None, digits.normalization, {}
    )


class Side:
    """One of our engines, an epoch at a time, without evaluations."""

    def __init__(self, config: TrainConfig, dataset: Dataset) -> None:
        self.cohort = prepare([config], [dataset])
        self.loop = Loop(self.cohort, {"train": Pool.of([dataset.parts["train"]], self.cohort.device)}, [[]])
        self.next = 0

    def epoch(self) -> None:
        """One pass over the data, as the loop makes it between two evaluations."""
        (shard,), steps = self.loop.shards, self.loop.steps_per_epoch
        with self.loop.workers:
            shard.start_epoch(self.next)
            shard.train(self.next * steps, steps, [self.cohort.config.optimizer.lr])
        self.next += 1


def timed(work: Callable[[], None]) -> float:
    """Seconds that a call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


def measure(sides: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Seconds of each side in each round, in turn, after one round of warm-up."""
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, work in sides.items():
            taken = timed(work)
            if number:
                seconds[name].append(taken)
    return seconds


def plain_side(config: TrainConfig, dataset: Dataset, cohort: Cohort) -> tuple[PlainMLP, Callable[[], None]]:
    """Plain PyTorch from the same weights."""
    train = dataset.parts["train"]
    weights = cohort.layout.of_run(cohort.params_RP, 0)
    assert config.trainer.batch_size is not None
    plain = PlainMLP(
        train.inputs.flatten(1), train.targets, weights, config.optimizer.lr, 1e-3, config.trainer.batch_size
    )
    numbers = iter(range(10**6))
    return plain, lambda: plain.epoch(next(numbers), SEED)


def report(seconds: dict[str, list[float]]) -> None:
    """Print the median of each side and its ratio to plain PyTorch, round by round."""
    plain = seconds["plain PyTorch"]
    print(f"\n{'':24}{'s/epoch':>9}{'ratio':>9}   (median; ratio to plain PyTorch: median, range)")
    for name, taken in seconds.items():
        ratios = sorted(mine / theirs for mine, theirs in zip(taken, plain, strict=True))
        spread = f"{ratios[0]:.2f} to {ratios[-1]:.2f}"
        print(f"{name:24}{statistics.median(taken):9.3f}{statistics.median(ratios):9.2f}   {spread}")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point: returns 1 if the two sides computed different things."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="epochs of each side (default 7)")
    args = parser.parse_args(argv)
    configs = {engine: recipe("mnist", engine) for engine in Engine}
    name, dataset = dataset_for(configs[Engine.manual])
    ours = {engine: Side(config, dataset) for engine, config in configs.items()}
    manual = ours[Engine.manual].cohort
    plain, plain_epoch = plain_side(configs[Engine.manual], dataset, manual)
    setting = choose_matmul(
        configs[Engine.manual].trainer.matmul, manual.device, manual.dtype, costliest_product(manual)
    )
    print(f"784-128-10 sigmoid, batch 64, 48,000 samples ({name}), torch {torch.__version__}, ", end="")
    print(f"{torch.get_num_threads()} threads, matmul {setting}")
    with matmul_setting(setting):
        sides = {"plain PyTorch": plain_epoch} | {
            f"dlhw engine={engine}": side.epoch for engine, side in ours.items()
        }
        seconds = measure(sides, args.rounds)
    report(seconds)
    return verdict(plain, manual, seconds)


def verdict(plain: PlainMLP, cohort: Cohort, seconds: dict[str, list[float]]) -> int:
    """Say whether both computed the same, and whether the aim is met."""
    first: torch.nn.Linear = plain.model[0]  # type: ignore[assignment]
    difference = float((cohort.params["fc1"]["weight"][0] - first.weight.detach().T).abs().max())
    print(f"largest difference of a first-layer weight after all epochs: {difference:.1e}")
    pairs = zip(seconds["dlhw engine=manual"], seconds["plain PyTorch"], strict=True)
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    print(f"manual / plain: {ratio:.2f} (aim: at most {LIMIT})")
    return 0 if difference < 1e-3 else 1


if __name__ == "__main__":
    raise SystemExit(main())

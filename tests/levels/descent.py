"""Mini-batch gradient descent in plain torch, with autograd: a loop that shares no code with dlhw.

Shape suffixes: S seeds, N samples, I inputs, H hidden units, K outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import stdev
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from tests.levels.images import Images, Splits

# Seeds that train in one tensor program; the weights of more hidden layers do not fit into a core's cache.
GROUP, GROUP_HIDDEN = 10, 3
# First seed of the program; dlhw's runs draw other numbers in any case, since they hash their seed.
FIRST_SEED = 1000

Measured = Mapping[str, Sequence[float]]
"""Metric -> one value per seed."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The recipe that one program trains.

    Args:
        splits: reads the images.
        classes: K; 2 is one output, a logit.
        lr: learning rate.
        epochs: passes over the training images.
        batch: batch size N.
        alpha: strength of L2.
        full: whether the penalty is alpha |W|^2; else alpha / 2 |W|^2.
        on_biases: whether biases are penalised too.
        hidden: H; None: no hidden layer.
        std: standard deviation of the initial weights; 0: zeros.
        momentum: v = momentum v + g, w = w - lr v.
        shuffle: a new order in each epoch; False: the order of the file, and nothing is random.
        drop_last: leave out the last batch if it is not full.
        train_loss: running: mean over the batches of the last epoch, during training; full: over all
            training images after the last step.
        val_every: steps between validations, the first after one step; None: only at the end.
        patience: stop after this number of validations without a new minimum of the loss.
    """

    splits: Callable[[], Splits]
    classes: int
    lr: float
    epochs: int
    batch: int
    alpha: float = 0.0
    full: bool = False
    on_biases: bool = False
    hidden: int | None = None
    std: float = 0.0
    momentum: float = 0.0
    shuffle: bool = True
    drop_last: bool = False
    train_loss: Literal["running", "full"] = "running"
    val_every: int | None = None
    patience: int | None = None

    @property
    def is_random(self) -> bool:
        """Whether seeds differ."""
        return self.shuffle or self.std > 0


@cache
def train(recipe: Recipe, num_seeds: int) -> Measured:
    """Train with each seed; cells with the same recipe are trained once.

    Returns:
        final/train/loss, final/val/loss, squared_norm/weights, squared_norm/biases, and with `val_every`
        spread/val/accuracy: the deviation over the second half of the validations.
    """
    seeds = list(range(FIRST_SEED, FIRST_SEED + (num_seeds if recipe.is_random else 1)))
    size = GROUP_HIDDEN if recipe.hidden else GROUP
    groups = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    measured = [_train(recipe, group) for group in groups]
    return {name: [value for group in measured for value in group[name]] for name in measured[0]}


def _train(recipe: Recipe, seeds: Sequence[int]) -> Measured:
    train, val = recipe.splits()
    x_NI, y_N = train
    streams = [torch.Generator().manual_seed(seed) for seed in seeds]
    weights, biases = _initial(recipe, streams, x_NI)
    params = [*weights, *biases]
    velocities = [torch.zeros_like(param) for param in params]
    slope = recipe.alpha * (2 if recipe.full else 1)
    decay = [slope] * len(weights) + [slope if recipe.on_biases else 0.0] * len(biases)
    num, step = len(y_N), 0
    end = num - num % recipe.batch if recipe.drop_last else num
    steps = recipe.epochs * -(-end // recipe.batch)
    losses: list[list[float]] = []
    accuracies: list[list[float]] = []
    least, waited = float("inf"), 0
    for _ in range(recipe.epochs):
        order_SN = torch.stack([torch.randperm(num, generator=stream) for stream in streams])
        if not recipe.shuffle:
            order_SN = torch.arange(num).expand(len(seeds), num)
        running_S = torch.zeros(len(seeds), dtype=torch.float64)
        for start in range(0, end, recipe.batch):
            chosen_SN = order_SN[:, start : min(start + recipe.batch, end)]
            loss_SN = _losses(_outputs(x_NI[chosen_SN], weights, biases), y_N[chosen_SN])
            grads = torch.autograd.grad(loss_SN.mean(1).sum(), params)
            running_S += loss_SN.detach().sum(1, dtype=torch.float64)
            with torch.no_grad():
                for w, g, v, strength in zip(params, grads, velocities, decay, strict=True):
                    if strength:
                        g.add_(w, alpha=strength)
                    if recipe.momentum:
                        g = v.mul_(recipe.momentum).add_(g)
                    w.sub_(g, alpha=recipe.lr)
            step += 1
            if recipe.val_every and (step % recipe.val_every == 1 or step == steps):
                loss_S, accuracy_S = _evaluate(val, weights, biases)
                losses.append(loss_S)
                accuracies.append(accuracy_S)
                waited = 0 if loss_S[0] < least else waited + 1
                least = min(least, loss_S[0])
                if waited == recipe.patience:
                    break
        if recipe.patience is not None and waited == recipe.patience:
            break
    is_running = recipe.train_loss == "running"
    measured = {
        "final/train/loss": (running_S / end).tolist()
        if is_running
        else _evaluate(train, weights, biases)[0],
        "final/val/loss": _evaluate(val, weights, biases)[0],
        "squared_norm/weights": _squared_norm(weights),
        "squared_norm/biases": _squared_norm(biases),
    }
    if recipe.val_every:
        late = accuracies[len(accuracies) // 2 :]
        measured["spread/val/accuracy"] = [stdev(scores) for scores in zip(*late, strict=True)]
    return measured


def _initial(
    recipe: Recipe, streams: Sequence[torch.Generator], like: Tensor
) -> tuple[list[Tensor], list[Tensor]]:
    outputs = 1 if recipe.classes == 2 else recipe.classes
    sizes = [like.shape[1], *([recipe.hidden] if recipe.hidden else []), outputs]
    weights, biases = [], []
    for fan_in, fan_out in zip(sizes, sizes[1:], strict=False):
        drawn = [torch.randn(fan_in, fan_out, generator=stream, dtype=like.dtype) for stream in streams]
        weights.append((recipe.std * torch.stack(drawn)).requires_grad_())
        biases.append(torch.zeros(len(streams), 1, fan_out, dtype=like.dtype, requires_grad=True))
    return weights, biases


def _outputs(x_SNI: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> Tensor:
    out = torch.baddbmm(biases[0], x_SNI, weights[0])
    for w, b in zip(weights[1:], biases[1:], strict=True):
        out = torch.baddbmm(b, torch.sigmoid(out), w)
    return out


def _losses(out_SNK: Tensor, y_SN: Tensor) -> Tensor:
    """Cross-entropy of each sample."""
    if out_SNK.shape[2] == 1:
        return F.binary_cross_entropy_with_logits(out_SNK[..., 0], y_SN.to(out_SNK), reduction="none")
    return F.cross_entropy(out_SNK.flatten(0, 1), y_SN.flatten(), reduction="none").view_as(y_SN)


@torch.no_grad()
def _evaluate(
    images: Images, weights: Sequence[Tensor], biases: Sequence[Tensor]
) -> tuple[list[float], list[float]]:
    """Mean loss and accuracy of each seed."""
    x_SNI = images.x_NI.expand(len(weights[0]), *images.x_NI.shape)
    y_SN = images.y_N.expand(len(weights[0]), -1)
    out_SNK = _outputs(x_SNI, weights, biases)
    predicted_SN = out_SNK.argmax(2) if out_SNK.shape[2] > 1 else (out_SNK[..., 0] > 0).long()
    loss_S = _losses(out_SNK, y_SN).double().mean(1)
    return loss_S.tolist(), (predicted_SN == y_SN).double().mean(1).tolist()


def _squared_norm(params: Sequence[Tensor]) -> list[float]:
    return sum(param.detach().double().square().flatten(1).sum(1) for param in params).tolist()  # type: ignore[union-attr]

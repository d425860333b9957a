"""JAX as its users write it: a jitted scan over the steps of an epoch, vmapped over the runs of a cohort."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch

from benchmarks.problem import ALPHA, Problem, Weights

Params = dict[str, Any]


def mlp(params: Params, x: Any) -> Any:
    """Logits of the MLP."""
    h = jax.nn.sigmoid(x.reshape(x.shape[0], -1) @ params["fc1.weight"] + params["fc1.bias"])
    return h @ params["fc2.weight"] + params["fc2.bias"]


def cnn(params: Params, x: Any) -> Any:
    """Logits of the small CNN."""
    kernel = params["conv1.weight"]
    h = jax.lax.conv_general_dilated(x, kernel, (1, 1), "SAME") + params["conv1.bias"][:, None, None]
    return jax.nn.relu(h).reshape(x.shape[0], -1) @ params["fc.weight"] + params["fc.bias"]


NETWORKS = {"mlp": mlp, "cnn": cnn}


def loss(network: Any, params: Params, x: Any, labels: Any) -> Any:
    """Mean cross-entropy."""
    log_s = jax.nn.log_softmax(network(params, x))
    return -jnp.mean(jnp.take_along_axis(log_s, labels[:, None], 1))


def epoch_of(network: Any, inputs: Any, labels: Any, params: Params, lr: Any, batches: Any) -> Params:
    """All updates of a round; `batches` are indices (steps, B)."""

    def step(params: Params, index: Any) -> tuple[Params, None]:
        grads = jax.grad(partial(loss, network))(params, inputs[index], labels[index])
        decay = {name: ALPHA if value.ndim > 1 else 0.0 for name, value in params.items()}
        return {
            name: value - lr * (grads[name] + decay[name] * value) for name, value in params.items()
        }, None

    return jax.lax.scan(step, params, batches)[0]


class JaxScan:
    """One run by jit and scan; several by vmap over all of it. Old parameters are donated."""

    def __init__(self, problem: Problem, weights: Sequence[Weights]) -> None:
        self.problem = problem
        self.inputs = jnp.asarray(problem.inputs.numpy())
        self.labels = jnp.asarray(problem.labels.numpy().astype(np.int32))
        self.one = len(weights) == 1
        lrs = np.asarray(problem.lrs, np.float32)
        stacked = {name: np.stack([run[name].numpy() for run in weights]) for name in weights[0]}
        if self.one:
            stacked = {name: values[0] for name, values in stacked.items()}
        self.params: Params = {name: jnp.asarray(values) for name, values in stacked.items()}
        self.lrs = jnp.asarray(lrs[0] if self.one else lrs)
        self.epoch = jax.jit(self._epoch, donate_argnums=2)

    def _epoch(self, inputs: Any, labels: Any, params: Params, lrs: Any, batches: Any) -> Params:
        run = partial(epoch_of, NETWORKS[self.problem.model], inputs, labels)
        result: Params = (run if self.one else jax.vmap(run, in_axes=(0, 0, None)))(params, lrs, batches)
        return result

    def train(self, epoch: int) -> None:
        """The updates of a round."""
        order = self.problem.order(epoch).numpy().astype(np.int32)
        batches = jnp.asarray(order.reshape(self.problem.steps, -1))
        self.params = self.epoch(self.inputs, self.labels, self.params, self.lrs, batches)
        jax.block_until_ready(self.params)

    def weights(self) -> list[Weights]:
        """Each run's parameters."""
        params = {name: torch.from_numpy(np.array(value)) for name, value in self.params.items()}
        if self.one:
            return [params]
        return [{name: value[run] for name, value in params.items()} for run in range(len(self.problem.lrs))]

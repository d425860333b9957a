"""How many runs fit into memory, and whether an error means that they did not."""

import os
from math import prod

import torch

from dlhw.config.root import TrainConfig
from dlhw.data.dataset import Dataset
from dlhw.nn.parameters import ParameterLayout
from dlhw.training.metrics import BUFFER_ELEMENTS, CHUNK_ELEMENTS

# Of what is free, so much is planned with; the rest is for what an estimate leaves out.
SHARE = 0.6
# Copies of the parameters beside the optimizer's state: values, gradients, best values, scratch.
COPIES = 4

# What torch's errors say; the last where not even the number of bytes can be counted.
OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "storage size calculation overflowed")


def free_bytes(device: torch.device) -> int:
    """Memory that is free on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        with open("/proc/meminfo", encoding="ascii") as file:
            for line in file:
                if line.startswith("MemAvailable:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # not Linux
    return (
        int(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")) if hasattr(os, "sysconf") else 2**32
    )


def run_bytes(
    config: TrainConfig, layout: ParameterLayout, activations: int, dataset: Dataset, own_data: bool
) -> int:
    """Estimate of what one more run of a cohort takes.

    Args:
        config: the run's.
        layout: of its parameters.
        activations: elements of all layers' outputs for one sample.
        dataset: its data.
        own_data: whether each run has samples of its own (a seeded split), which are then stacked.
    """
    size = 4 if config.trainer.dtype == "float32" else 8
    batch = config.trainer.batch_size or len(dataset.splits["train"])
    parameters = layout.size * (COPIES + config.optimizer.state_copies())
    data = sum(part.inputs.numel() for part in dataset.splits.values()) if own_data else 0
    inputs = batch * prod(dataset.input_shape)
    return size * (parameters + 2 * batch * activations + inputs + data)


def cohort_bytes(dtype_size: int) -> int:
    """What every cohort takes whatever its size: chunks of evaluations and kept outputs."""
    return dtype_size * (3 * CHUNK_ELEMENTS + 4 * BUFFER_ELEMENTS)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in OUT_OF_MEMORY)

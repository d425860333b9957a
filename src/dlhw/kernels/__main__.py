"""`python -m dlhw.kernels`: compile the training step now, so that the first run need not."""

import torch

from dlhw.kernels.aot_cache import CannotCompile, load_steps
from dlhw.terminal import warn

if __name__ == "__main__":
    try:
        load_steps(torch.float32)
    except CannotCompile as error:
        warn(f"training steps are not compiled and take several times as long, because {error}")

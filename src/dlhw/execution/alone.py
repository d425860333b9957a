"""Jobs of a sweep that do not train: each by itself, with the files and the end that a training has."""

import logging
from contextlib import suppress

from hydra.types import HydraContext

from dlhw.callbacks.summary import write_failure
from dlhw.hydra_support.job import Job
from dlhw.locks import FolderLostError
from dlhw.procedures.run_procedure import run_procedure
from dlhw.training.fit import objective


def run_alone(job: Job, context: HydraContext) -> None:
    """Run a job's procedure; whatever goes wrong is its own."""
    assert job.config is not None
    folder = job.begin(context)
    job.log(f"{job.config.procedure.name} into {folder}")
    try:
        result = run_procedure(job.config, folder)
    except FolderLostError:  # of the whole sweep
        raise
    except Exception as error:
        job.log(str(error) or repr(error), logging.ERROR)
        with suppress(OSError):  # the cell's folder is gone; the others go on
            write_failure(folder, str(error) or repr(error))
        job.end(error, context.callbacks)
        return
    job.log(f"{result.status} after {result.seconds:.2f} s")
    job.end(objective(result), context.callbacks)

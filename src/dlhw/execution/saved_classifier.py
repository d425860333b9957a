"""The trained classifier of a run, rebuilt from its folder."""

from typing import TYPE_CHECKING

import numpy as np

from dlhw.errors import RunFolderError
from dlhw.reporting.figures.decision_regions import SavedClassifier

if TYPE_CHECKING:
    from dlhw.reporting.figures.figure_data import SavedParameters


def load_classifier(saved: "SavedParameters") -> SavedClassifier:
    """Rebuild the classifier of a run with two inputs, on the CPU.

    Args:
        saved: its parameters.

    Raises:
        RunFolderError: if the parameters do not fit the run's config, or the model predicts numbers.
        ConfigError: if the config does not fit this version.
        DataError: if the data of the run is missing.
    """
    import torch

    from dlhw.callbacks.checkpoints import check_matches
    from dlhw.data.dataset import load_dataset
    from dlhw.nn.layer import Context
    from dlhw.runs.saved_config import saved_config
    from dlhw.training.device import DTYPES
    from dlhw.training.fit import prepare

    config = saved_config(saved.folder, ["trainer.device=cpu"])
    dtype = DTYPES[config.trainer.dtype]
    dataset = load_dataset(config.data, config.data_seed(), dtype)
    train, scaling = dataset.splits["train"], dataset.normalization
    cohort = prepare([config], [dataset])
    shapes = {name: spec.shape for name, spec in cohort.layout.specs.items()}
    check_matches(saved.folder, saved.parameters, shapes)
    cohort.load_run(0, saved.parameters)

    def classify(points_M2: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        inputs = torch.cat([scaling.apply(points_M2, dtype), train.inputs])
        with torch.no_grad():
            out_RNK, _ = cohort.model.forward(cohort.params, inputs[None], Context())
            predicted_RN = cohort.loss.predict(out_RNK)
        if predicted_RN is None:
            raise RunFolderError(f"{saved.folder} predicts numbers, regions are drawn for classes")
        labels: np.ndarray = predicted_RN[0].numpy()
        return labels[: len(points_M2)], labels[len(points_M2) :]

    return SavedClassifier(
        inputs_N2=(train.inputs.double() * scaling.scale + scaling.shift).numpy(),
        labels_N=train.targets.numpy(),
        class_names=dataset.class_names,
        classify=classify,
    )

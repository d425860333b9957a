"""The row that a run has in TensorBoard's HParams tab."""

from collections.abc import Mapping
from typing import Any

from dlhw.config.fields import Role, leaves
from dlhw.display import visible
from dlhw.runs.status import Status
from dlhw.training.events import RunInfo, RunResult, Scores

NAMES = ("data.name", "optimizer.name", "schedule.name", "regularizer.name")


def hyperparameters(info: RunInfo) -> dict[str, float | str]:
    """What sweeps vary: fields that may differ in a cohort, the model's, the groups' names, batch size."""
    chosen = {
        key: leaf.value
        for key, leaf in leaves(info.config).items()
        if leaf.role is Role.per_run or key.startswith("model.") or key in NAMES
    }
    chosen["trainer.batch_size"] = info.config.trainer.batch_size or info.num_samples.get("train")
    return {key: _cell(value) for key, value in chosen.items() if value is not None}


def _cell(value: Any) -> float | str:
    return value if isinstance(value, int | float) else visible(str(value))


def metric_values(result: RunResult) -> dict[str, float]:
    """Columns of results: scores at the best validation, on every part that was measured."""
    parts: Mapping[str, Scores] = {**result.final, **result.best}
    values = {f"hparam/{part}_loss": scores.loss for part, scores in parts.items()}
    accuracies = {f"hparam/{part}_accuracy": scores.accuracy for part, scores in parts.items()}
    return values | {tag: accuracy for tag, accuracy in accuracies.items() if accuracy is not None}


def start_summary(info: RunInfo) -> Any:
    """The event that opens the row, so that a run has one while it trains.

    torch's writer makes another that lists the columns. It is left out: TensorBoard would take the list of
    whichever run it finds first for all of them, hide the fields that other runs have, and no longer put
    those first that differ. Without a list it makes its own, from all runs and all scalars.
    """
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    start = plugin_data_pb2.SessionStartInfo()
    for key, value in hyperparameters(info).items():
        if isinstance(value, str):
            start.hparams[key].string_value = value
        else:
            start.hparams[key].number_value = value
    return _summary(metadata.SESSION_START_INFO_TAG, session_start_info=start)


def end_summary(status: Status) -> Any:
    """The event that closes the row, as a success or a failure."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    code = api_pb2.STATUS_SUCCESS if status.is_success else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=code)
    return _summary(metadata.SESSION_END_INFO_TAG, session_end_info=end)


def _summary(tag: str, **content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    data = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **content)
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=data.SerializeToString())
    about = SummaryMetadata(plugin_data=plugin)
    return Summary(value=[Summary.Value(tag=tag, metadata=about)])

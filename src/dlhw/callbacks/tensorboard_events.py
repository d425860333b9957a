"""TensorBoard's event file and what it holds: scalars, images, histograms, texts, hyperparameters.

torch's SummaryWriter has a thread of its own, which computes checksums in Python and which every flush waits
for: of a sweep of 32 runs that was five of fifty seconds. Here a flush is one append, and no file stays open.
Imports of TensorBoard are late, because it is slow to import.
"""

import functools
import io
import itertools
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image
from torch import Tensor

from dlhw.callbacks.drawing import Pixels
from dlhw.config.fields import Role, leaves
from dlhw.display import visible
from dlhw.files import append_whole
from dlhw.status import Status
from dlhw.training.events import RunInfo, RunResult, Scores

VERSION = "brain.Event:2"
BINS = 64
PNG_LEVEL = 3  # a third of the time of torch's add_image, for files a twentieth larger
CRC_MASK = 0xA282EAD8  # of TensorFlow's `lib/hash/crc32c.h`
GROUP_NAMES = ("data.name", "optimizer.name", "schedule.name", "regularizer.name")

_file_numbers = itertools.count()


class EventFile:
    """A new event file.

    Args:
        folder: where the file is made; must exist.
        purge_step: TensorBoard ignores what earlier files of the folder hold of this step and later ones.
    """

    def __init__(self, folder: Path, purge_step: int | None = None) -> None:
        from tensorboard.compat.proto.event_pb2 import SessionLog

        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_file_numbers)}"
        self.path = folder / f"events.out.tfevents.{name}"
        self._pending: list[bytes] = []
        self._add(None, file_version=VERSION)
        if purge_step is not None:
            self._add(purge_step, session_log=SessionLog(status=SessionLog.START))
        self.flush(is_new=True)

    def add(self, summary: Any, step: int | None = None) -> None:
        """Add a summary as one event; the next flush writes it."""
        self._add(step, summary=summary)

    def _add(self, step: int | None, **content: Any) -> None:
        from tensorboard.compat.proto.event_pb2 import Event

        event = Event(wall_time=time.time(), step=step, **content)
        self._pending.append(record(event.SerializeToString()))

    def flush(self, *, is_new: bool = False) -> None:
        """Append all pending events, or none if that fails, for example on a full disk.

        Args:
            is_new: create the file.
        """
        pending, self._pending = self._pending, []
        if pending:
            append_whole(self.path, b"".join(pending), is_new=is_new)


def record(data: bytes) -> bytes:
    """Frame data as TFRecord does: its length, the length's checksum, the data, the data's checksum."""
    length = struct.pack("<Q", len(data))
    return b"".join([length, _checksum(length), data, _checksum(data)])


def _checksum(data: bytes) -> bytes:
    """CRC-32C, masked (rotated and shifted), so that checksums of data with checksums stay useful."""
    crc = _crc32c()(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + CRC_MASK) & 0xFFFFFFFF)


@functools.cache
def _crc32c() -> Callable[[bytes], int]:
    # TensorBoard's own function takes 12 ms for an image of 100 kB, in which no other Python thread runs,
    # and imports 290 modules; google-crc32c uses the processor's instruction.
    try:
        import google_crc32c
    except ImportError:
        from tensorboard.compat.tensorflow_stub import pywrap_tensorflow

        return cast(Callable[[bytes], int], pywrap_tensorflow.crc32c)
    return cast(Callable[[bytes], int], google_crc32c.value)


def scalars(values: Mapping[str, float]) -> Any:
    """Summary of all scalars of one step (tag -> value): one event costs a fifth of one event for each."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def image(tag: str, pixels: Pixels) -> Any:
    """Summary of an image `(height, width, 3)`, as PNG."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    png = io.BytesIO()
    Image.fromarray(pixels).save(png, "PNG", compress_level=PNG_LEVEL)
    height, width, channels = pixels.shape
    content = Summary.Image(
        height=height, width=width, colorspace=channels, encoded_image_string=png.getvalue()
    )
    return Summary(value=[Summary.Value(tag=tag, image=content)])


def histogram(tag: str, tensor: Tensor) -> Any | None:
    """Summary of a tensor's distribution: finite values in 64 bins of equal width; None without any."""
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    values = tensor.detach().cpu().double().numpy().ravel()
    values = values[np.isfinite(values)]
    if values.size == 0:
        return None
    low, high = float(values.min()), float(values.max())
    # Equal values have no width to divide; numpy would invent one.
    counts, edges = (
        np.histogram(values, bins=BINS, range=(low, high)) if low < high else ([values.size], [0, high])
    )
    content = HistogramProto(
        min=low,
        max=high,
        num=values.size,
        sum=float(values.sum()),
        sum_squares=float(values @ values),
        bucket_limit=[float(edge) for edge in edges[1:]],  # right edges
        bucket=[int(count) for count in counts],
    )
    return Summary(value=[Summary.Value(tag=tag, histo=content)])


def text(tag: str, content: str) -> Any:
    """Summary of a text, which TensorBoard shows as Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData

    version = TextPluginData(version=0).SerializeToString()
    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text", content=version))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype="DT_STRING", string_val=[content.encode()], tensor_shape=shape)
    return Summary(value=[Summary.Value(tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor)])


def hyperparameters(info: RunInfo) -> dict[str, float | str]:
    """What sweeps vary: fields that may differ in a cohort, the model's, groups' names, batch size."""
    values = {
        key: leaf.value
        for key, leaf in leaves(info.config).items()
        if leaf.role is Role.per_run or key.startswith("model.") or key in GROUP_NAMES
    }
    values["trainer.batch_size"] = info.config.trainer.batch_size or info.num_samples.get("train")
    return {
        key: value if isinstance(value, int | float) else visible(str(value))
        for key, value in values.items()
        if value is not None
    }


def metric_values(result: RunResult) -> dict[str, float]:
    """Result columns of the HParams tab: scores of every measured split, with the best parameters."""
    splits: Mapping[str, Scores] = {**result.final, **result.best}
    values = {f"hparam/{split}_loss": scores.loss for split, scores in splits.items()}
    accuracies = {f"hparam/{split}_accuracy": scores.accuracy for split, scores in splits.items()}
    return values | {tag: accuracy for tag, accuracy in accuracies.items() if accuracy is not None}


def session_start(info: RunInfo) -> Any:
    """Summary that opens the run's row in the HParams tab, so that it has one while it trains.

    torch's writer adds another event that lists the columns. It is left out: TensorBoard would apply the list
    of whichever run it finds first to all of them, hide the fields that other runs have, and no longer put
    first those that differ. Without a list it makes its own, from all runs and all scalars.
    """
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    start = plugin_data_pb2.SessionStartInfo()
    for key, value in hyperparameters(info).items():
        if isinstance(value, str):
            start.hparams[key].string_value = value
        else:
            start.hparams[key].number_value = value
    return _hparams_summary(metadata.SESSION_START_INFO_TAG, session_start_info=start)


def session_end(status: Status) -> Any:
    """Summary that closes the run's row in the HParams tab, as a success or a failure."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    code = api_pb2.STATUS_SUCCESS if status.is_success else api_pb2.STATUS_FAILURE
    end = plugin_data_pb2.SessionEndInfo(status=code)
    return _hparams_summary(metadata.SESSION_END_INFO_TAG, session_end_info=end)


def _hparams_summary(tag: str, **content: Any) -> Any:
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    data = plugin_data_pb2.HParamsPluginData(version=metadata.PLUGIN_DATA_VERSION, **content)
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=data.SerializeToString())
    about = SummaryMetadata(plugin_data=plugin)
    return Summary(value=[Summary.Value(tag=tag, metadata=about)])

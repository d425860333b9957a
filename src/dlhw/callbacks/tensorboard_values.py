"""What TensorBoard's event file is made of. Imports are inside: TensorBoard is heavy."""

import io
from collections.abc import Mapping
from typing import Any

from PIL import Image

from dlhw.callbacks.colormap import Pixels
from dlhw.callbacks.histogram import Histogram

PNG_EFFORT = 3  # a third of the time of torch's add_image, for files a twentieth larger


def scalars(values: Mapping[str, float]) -> Any:
    """All scalars of one step as one event: a fifth of the cost of one event each."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    return Summary(value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()])


def image(tag: str, picture: Pixels) -> Any:
    """A picture `(height, width, 3)`, as PNG."""
    from tensorboard.compat.proto.summary_pb2 import Summary

    png = io.BytesIO()
    Image.fromarray(picture).save(png, "PNG", compress_level=PNG_EFFORT)
    height, width, channels = picture.shape
    content = Summary.Image(
        height=height, width=width, colorspace=channels, encoded_image_string=png.getvalue()
    )
    return Summary(value=[Summary.Value(tag=tag, image=content)])


def distribution(tag: str, seen: Histogram) -> Any:
    """A histogram."""
    from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary

    content = HistogramProto(
        min=seen.min,
        max=seen.max,
        num=seen.num,
        sum=seen.sum,
        sum_squares=seen.sum_squares,
        bucket_limit=seen.limits,
        bucket=seen.counts,
    )
    return Summary(value=[Summary.Value(tag=tag, histo=content)])


def text(tag: str, content: str) -> Any:
    """A text, which TensorBoard shows as Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.plugins.text.plugin_data_pb2 import TextPluginData

    version = TextPluginData(version=0).SerializeToString()
    about = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text", content=version))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype="DT_STRING", string_val=[content.encode()], tensor_shape=shape)
    return Summary(value=[Summary.Value(tag=f"{tag}/text_summary", metadata=about, tensor=tensor)])

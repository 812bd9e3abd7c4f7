"""``torch.utils.tensorboard.writer``: the writer."""

from __future__ import annotations

import importlib
import io
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from cnn_physics77.core.tensor import Tensor

_INSTALL = "pip install tensorboard"


def _imported(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = (error.name or module).partition(".")[0]
        raise ImportError(f"SummaryWriter needs the package {package}; {_INSTALL}", name=package) from None


def _array(value: Any) -> np.ndarray:
    return value.detach().numpy() if isinstance(value, Tensor) else np.asarray(value)


class SummaryWriter:
    """Writes scalars, histograms, images and texts to a folder that TensorBoard shows.

    Args:
        log_dir: the folder; ``runs/<date>_<host>`` by default.
        comment: added to the default folder's name.
        purge_step: not used.
        max_queue: how many entries wait for being written.
        flush_secs: for how many seconds.
        filename_suffix: added to the file's name.

    Raises:
        ImportError: the package tensorboard is not installed.
    """

    def __init__(
        self,
        log_dir: Any = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        files = _imported("tensorboard.summary.writer.event_file_writer")
        self._events = _imported("tensorboard.compat.proto.event_pb2")
        self._summaries = _imported("tensorboard.compat.proto.summary_pb2")
        self._open = lambda folder: files.EventFileWriter(folder, max_queue, flush_secs, filename_suffix)
        started = time.strftime("%b%d_%H-%M-%S")
        default = os.path.join("runs", f"{started}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir) if log_dir else default
        self._writers = {"": self._open(self.log_dir)}

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def _add(self, value: Mapping[str, Any], step: Any, walltime: float | None, name: str = "") -> None:
        if name not in self._writers:
            self._writers[name] = self._open(os.path.join(self.log_dir, name))
        summary = self._summaries.Summary(value=[self._summaries.Summary.Value(**value)])
        event = self._events.Event(summary=summary, wall_time=time.time() if walltime is None else walltime)
        if step is not None:
            event.step = int(step)
        self._writers[name].add_event(event)

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Add a number, or a tensor of one element."""
        value = {"tag": tag, "simple_value": _array(scalar_value).item()}
        self._add(value, global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: Mapping[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Add several numbers for one plot; each has a folder of its own."""
        for tag, scalar in tag_scalar_dict.items():
            value = {"tag": main_tag, "simple_value": _array(scalar).item()}
            self._add(value, global_step, walltime, f"{main_tag.replace('/', '_')}_{tag}")

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "auto",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Add the histogram of all values; ``bins`` as for ``numpy.histogram``."""
        values = _array(values).ravel().astype(np.float64)
        counts, limits = np.histogram(values, max_bins or bins)
        histogram = self._summaries.HistogramProto(
            min=values.min(),
            max=values.max(),
            num=values.size,
            sum=values.sum(),
            sum_squares=values @ values,
            bucket_limit=limits[1:].tolist(),
            bucket=counts.tolist(),
        )
        self._add({"tag": tag, "histo": histogram}, global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Add an image: uint8, or floats from 0 to 1; ``dataformats`` orders C, H and W. It needs Pillow."""
        image = _array(img_tensor)
        if sorted(dataformats) not in (sorted("CHW"), sorted("HW")) or image.ndim != len(dataformats):
            raise ValueError(
                f"add_image: expected dataformats such as 'CHW' or 'HW' for an image of shape {image.shape}, "
                f"found {dataformats!r}"
            )
        if "C" in dataformats:
            image = image.transpose([dataformats.index(axis) for axis in "HWC"])
            image = image[:, :, 0] if image.shape[2] == 1 else image
        else:
            image = image.transpose([dataformats.index(axis) for axis in "HW"])
        if image.dtype != np.uint8:
            image = (image * 255).clip(0, 255).astype(np.uint8)
        file = io.BytesIO()
        _imported("PIL.Image").fromarray(image).save(file, "PNG")
        summary = self._summaries.Summary.Image(
            height=image.shape[0],
            width=image.shape[1],
            colorspace=1 if image.ndim == 2 else image.shape[2],
            encoded_image_string=file.getvalue(),
        )
        self._add({"tag": tag, "image": summary}, global_step, walltime)

    def add_text(
        self, tag: str, text_string: str, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Add a text, which TensorBoard shows as Markdown."""
        plugin = self._summaries.SummaryMetadata.PluginData(plugin_name="text")
        tensors = _imported("tensorboard.compat.proto.tensor_pb2")
        shapes = _imported("tensorboard.compat.proto.tensor_shape_pb2")
        shape = shapes.TensorShapeProto(dim=[shapes.TensorShapeProto.Dim(size=1)])
        tensor = tensors.TensorProto(dtype="DT_STRING", string_val=[text_string.encode()], tensor_shape=shape)
        value = {
            "tag": f"{tag}/text_summary",
            "metadata": self._summaries.SummaryMetadata(plugin_data=plugin),
            "tensor": tensor,
        }
        self._add(value, global_step, walltime)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("add_"):
            raise NotImplementedError(
                f"SummaryWriter.{name}: expected a scalar, histogram, image or text, found no way to write "
                "anything else; use add_scalar, add_scalars, add_histogram, add_image or add_text"
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def flush(self) -> None:
        """Write what waits to the files."""
        for writer in self._writers.values():
            writer.flush()

    def close(self) -> None:
        """Write what waits, and close the files."""
        for writer in self._writers.values():
            writer.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *exception: Any) -> None:
        self.close()


__all__ = ["SummaryWriter"]

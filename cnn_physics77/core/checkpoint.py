"""Saving and loading tensors in dictionaries and lists, such as the ``state_dict`` of models and optimizers.

Files are read as data: no code in a file is run, and only what a table lists is made, so files from untrusted
sources can be opened. The exceptions must be asked for: ``load(..., weights_only=False)``, and
:mod:`.safe_globals`. There are four formats.

- :func:`save` writes PyTorch's own format (:mod:`.torch_file`) if ``torch.load(weights_only=True)`` reads the
  object in it: tensors, parameters, numbers, strings, and plain containers of them. :func:`load` reads it.
- For other objects, with arrays, dates, paths and so on, :func:`save` writes a format of this package, which
  :func:`load` reads as well. It is an uncompressed ZIP archive too. The structure is in ``structure.json``,
  and every array is a file ``arrays/<number>.npy``; both can be read without this package. Shared memory is
  stored once; ``"views"`` in the structure has the offset and the strides, in bytes, of each array in it. For
  an array whose memory order is neither C nor Fortran, ``"views"`` lists the axes in memory order.
- Objects of other classes, such as whole modules, are pickled, as PyTorch does: the file ``objects.pkl``
  in the archive, in which tensors, arrays, sizes, dtypes and devices are numbers: they are in the format of
  this package, so that they keep shared memory. Unpickling runs what the file says, so it is the last resort,
  for ``load(..., weights_only=False)``; otherwise such a file is read as data too.
- :func:`save_safetensors` and :func:`load_safetensors`: one flat dictionary of tensors, in the format of the
  safetensors library, which PyTorch users read and write.

A file is written under a temporary name in the same folder and then renamed, so an interrupted ``save``
leaves the old file intact.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from math import prod
from typing import IO, Any

import numpy as np

from cnn_physics77.core import torch_file
from cnn_physics77.core.backend.device import check_device, device
from cnn_physics77.core.backend.dtype import dtype
from cnn_physics77.core.backend.size import Size
from cnn_physics77.core.copying import attributes_of
from cnn_physics77.core.encoding import NUMERIC, VERSION, Decoder, Encoder
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.layers.parameter import Buffer, Parameter
from cnn_physics77.core.pickle_reader import PickleReader
from cnn_physics77.core.tensor import Tensor, from_array

FORMAT = "cnn_physics77 checkpoint"
_OBJECTS = "objects.pkl"
_BEFORE_ZIP = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9"  # a pickle of PyTorch's magic number

# ------------------------------------------------------------------------------------------- files


@contextmanager
def _opened_for_writing(f) -> Iterator[IO[bytes]]:
    """A binary file to write to: ``f`` if it is one, else a temporary file that is renamed to ``f`` at the
    end.

    A symbolic link stays a link, to the new file. A device or a pipe is written to directly.
    """
    if hasattr(f, "write"):
        if isinstance(f, io.TextIOBase):
            raise TypeError("save: expected a path or a binary file, found a text file; open it as 'wb'")
        yield f
        return
    path = os.path.realpath(os.fsdecode(f))
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            yield file
        return
    folder, name = os.path.split(path)
    temporary = os.path.join(folder, f".{name[:32]}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            shutil.copymode(path, temporary)
        os.replace(temporary, path)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _read(f) -> tuple[bytes, str]:
    """All bytes of a file, and its name for messages."""
    if hasattr(f, "read"):
        if isinstance(f, io.TextIOBase):
            raise TypeError("load: expected a path or a binary file, found a text file; open it as 'rb'")
        return f.read(), getattr(f, "name", type(f).__name__)
    with open(f, "rb") as file:
        return file.read(), str(f)


def save(
    obj: Any,
    f,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write an object to a file, in PyTorch's format if that can hold the object as data: see this module.

    Args:
        obj: tensors, arrays, numbers (also ``Decimal`` and ``Fraction``), strings, bytes, None, dtypes,
            paths, dates and times, ranges, slices, and of these lists, tuples, sets, deques, dictionaries
            (``OrderedDict``, ``Counter``, and ``defaultdict`` with a built-in factory keep their type; others
            become ``dict``) and ``argparse.Namespace``, in any nesting. Tensors keep the attributes that the
            user has set on them, their memory order, and shared memory; they lose gradients and hooks.
            Objects of other classes, whole modules for example, are pickled: :func:`load` reads such a file
            with ``weights_only=False``, or if all of the classes are declared safe. PyTorch does not read it.
            Prefer to save their ``state_dict()``.
        f: a path, or a binary file.
        pickle_module, pickle_protocol, _use_new_zipfile_serialization: accepted for PyTorch's sake.

    Raises:
        CheckpointError: the object contains something that is not data, the message says where, and it cannot
            be pickled.
        OSError: the file cannot be written; an existing file is kept.

    >>> import cnn_physics77 as torch, io
    >>> file = io.BytesIO()
    >>> torch.save({"step": 3, "weights": [torch.ones(2)]}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'step': 3, 'weights': [tensor([1., 1.])]}
    """
    write: Callable[[zipfile.ZipFile], None]
    try:
        write = torch_file.writer(obj)
    except torch_file.NotForPyTorchError:
        try:
            write = writer_of_own_format(obj)
        except CheckpointError as not_data:
            write = _writer_of_pickle(obj, not_data)
        except RecursionError:
            raise CheckpointError(
                "save: expected containers in containers, found them too deep for Python's limit of "
                "recursion; save them as one list"
            ) from None
    with _opened_for_writing(f) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        write(archive)


def writer_of_own_format(obj: Any) -> Callable[[zipfile.ZipFile], None]:
    """The function that writes an object into an archive, in the format of this package.

    Raises:
        CheckpointError: the object contains something that cannot be saved.
    """
    encoder = Encoder()
    structure = {"format": FORMAT, "version": VERSION, **encoder.structure(obj)}

    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr("structure.json", json.dumps(structure))
        for number, array in encoder.stored.items():
            with archive.open(f"arrays/{number}.npy", "w", force_zip64=array.nbytes > 1 << 30) as entry:
                np.lib.format.write_array(entry, array, allow_pickle=False)

    return write


def _writer_of_pickle(obj: Any, not_data: CheckpointError) -> Callable[[zipfile.ZipFile], None]:
    """The function that writes a pickle of an object into an archive.

    Raises:
        CheckpointError: it cannot be pickled; ``not_data`` says what it contains.
    """
    pickled, data = io.BytesIO(), _Data()
    try:
        _Pickler(pickled, data).dump(obj)
    except Exception as error:
        raise CheckpointError(f"{not_data}; nor can it be pickled ({error})") from None
    write_data = writer_of_own_format(data.found)

    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr(_OBJECTS, pickled.getvalue())
        write_data(archive)

    return write


class _Data:
    """Objects, each once, and their numbers."""

    def __init__(self) -> None:
        self.found: list[Any] = []
        self._numbers: dict[int, int] = {}

    def number(self, obj: Any) -> int:
        if id(obj) not in self._numbers:
            self._numbers[id(obj)] = len(self.found)
            self.found.append(obj)
        return self._numbers[id(obj)]


class _Pickler(pickle.Pickler):
    """Writes numbers for tensors and arrays. A tensor with attributes is pickled, as they can be anything."""

    def __init__(self, file: IO[bytes], data: _Data) -> None:
        super().__init__(file, protocol=4)
        self._data = data

    def persistent_id(self, obj: Any) -> int | None:
        kind = type(obj)
        tensor = kind in (Tensor, Parameter, Buffer) and not attributes_of(obj)
        array = kind is np.ndarray and obj.dtype.kind in NUMERIC
        return self._data.number(obj) if tensor or array or kind in (Size, device, dtype) else None


def _opened(data: bytes) -> zipfile.ZipFile:
    """The archive, unless what it says to hold would fill the memory: a few bytes can be packed terabytes."""
    archive = zipfile.ZipFile(io.BytesIO(data))
    size, limit = sum(entry.file_size for entry in archive.infolist()), max(100 * len(data), 1 << 28)
    methods = {entry.compress_type for entry in archive.infolist()}
    if size > limit or not methods <= {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError(f"its entries would have {size} bytes, packed by the methods {sorted(methods)}")
    return archive


def _read_array(data: bytes) -> np.ndarray:
    """An array of numbers or times from the bytes of a ``.npy`` file, which must hold as many as it says."""
    entry = io.BytesIO(data)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, kind = read_header[np.lib.format.read_magic(entry)](entry)
    rest = len(data) - entry.tell()
    if kind.kind not in NUMERIC or min(shape, default=0) < 0 or prod(shape) * kind.itemsize != rest:
        raise ValueError(f"an array of {kind} and shape {shape} in {rest} bytes")
    entry.seek(0)
    return np.lib.format.read_array(entry, allow_pickle=False)


def load(
    f,
    map_location=None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Read a file written by :func:`save`, or by PyTorch's.

    Args:
        f: a path, or a binary file.
        map_location: ``"cpu"`` or None; a function or a dict, which PyTorch takes too, changes nothing.
        pickle_module, mmap: accepted for PyTorch's sake.
        weights_only: False also reads pickled objects, whole modules for example, of :func:`save` and of
            PyTorch's. That runs whatever code the file asks for: only for files that you trust. Otherwise
            no code of a file is run, except of classes that ``torch.serialization.add_safe_globals`` has got.

    bfloat16 becomes float32, which holds all of its values.

    Raises:
        CheckpointError: the file is truncated, altered, or of another format; or it holds objects of other
            classes, such as whole modules, and ``weights_only`` is not False.
        OSError: the file cannot be read.
    """
    if not callable(map_location) and not isinstance(map_location, dict):
        check_device("load", map_location)
    data, name = _read(f)
    if data.startswith(_BEFORE_ZIP):
        raise CheckpointError(
            f"load: expected an archive in {name}, found PyTorch's format before 1.6; load it there, and "
            "save it again"
        )
    try:
        with _opened(data) as archive:
            entries = archive.namelist()
            if "structure.json" not in entries:
                pickles = [entry for entry in entries if entry.endswith("data.pkl")]
                if not pickles:
                    raise CheckpointError(f"load: expected a {FORMAT} in {name}, found another archive")
                return torch_file.read(archive, pickles[0], trusted=weights_only is False)
            structure = json.loads(archive.read("structure.json"))
            if structure.get("format") != FORMAT:
                raise CheckpointError(
                    f"load: expected a {FORMAT} in {name}, found {structure.get('format')!r}"
                )
            if not 1 <= structure["version"] <= VERSION:
                raise CheckpointError(
                    f"load: expected format version {VERSION} or older in {name}, found "
                    f"version {structure['version']}; update the package"
                )

            def read_array(number: int) -> np.ndarray:
                return _read_array(archive.read(f"arrays/{number}.npy"))

            content = Decoder(structure, read_array).object()
            if _OBJECTS not in entries:
                return content
            objects = archive.read(_OBJECTS)
            if weights_only is False:
                return torch_file.Unpickler(objects, content.__getitem__).load()
            return PickleReader(torch_file.names(), content.__getitem__).read(objects)
    except CheckpointError:
        raise
    except MemoryError as error:
        raise CheckpointError(f"load: {name} needs more memory than there is ({error})") from None
    except Exception as error:  # all is in memory: whatever goes wrong is the file's fault
        raise CheckpointError(
            f"load: expected a whole {FORMAT} in {name}, found {len(data)} bytes that are truncated, altered "
            f"or of another format ({error}); restore the file from a copy"
        ) from None


# ------------------------------------------------------------------------------------------- safetensors

_CODES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "|i1",
    "U64": "<u8",
    "U32": "<u4",
    "U16": "<u2",
    "U8": "|u1",
    "BOOL": "|b1",
    "C64": "<c8",
}


def save_safetensors(tensors: Mapping[str, Any], filename, metadata: Mapping[str, str] | None = None) -> None:
    """Write a dictionary of tensors in the safetensors format.

    The file has eight bytes N (little-endian), N bytes of JSON
    ``{name: {"dtype", "shape", "data_offsets"}}``, and the values (little-endian, in C order).

    Args:
        tensors: tensors or arrays by name; the format has no complex128.
        filename: a path, or a binary file.
        metadata: strings by name, kept under ``"__metadata__"``.

    Raises:
        CheckpointError: a value is not a tensor, or has a dtype that the format lacks; a name or metadata
            is not a string.
    """
    for string in (*tensors, *(metadata or {}), *(metadata or {}).values()):
        if not isinstance(string, str) or string == "__metadata__":
            raise CheckpointError(
                f"save_safetensors: expected names and metadata that are strings, no name '__metadata__', "
                f"found {string!r}"
            )
    codes = {np.dtype(t): code for code, t in _CODES.items()}
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    arrays = []
    end = 0
    for name, tensor in tensors.items():
        array = tensor.array if isinstance(tensor, Tensor) else tensor
        if not isinstance(array, np.ndarray) or array.dtype.newbyteorder("<") not in codes:
            found = array.dtype if isinstance(array, np.ndarray) else type(tensor).__name__
            raise CheckpointError(
                f"save_safetensors: expected a tensor of one of {', '.join(_CODES)} as {name!r}, "
                f"found {found}; convert it"
            )
        dtype = array.dtype.newbyteorder("<")
        arrays.append(np.ascontiguousarray(array, dtype))
        header[name] = {
            "dtype": codes[dtype],
            "shape": list(array.shape),
            "data_offsets": [end, end + array.nbytes],
        }
        end += array.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)  # so that the values are aligned
    with _opened_for_writing(filename) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for array in arrays:
            file.write(array.tobytes())


def load_safetensors(filename) -> dict[str, Tensor]:
    """Read a file of the safetensors format.

    Args:
        filename: a path, or a binary file.

    Returns:
        The tensors by name. bfloat16 becomes float32, which holds all of its values.

    Raises:
        CheckpointError: the file is truncated, altered, of another format, or has a dtype that NumPy lacks.

    >>> import cnn_physics77 as torch, io
    >>> file = io.BytesIO()
    >>> save_safetensors({"weight": torch.ones(1, 2)}, file)
    >>> _ = file.seek(0)
    >>> load_safetensors(file)
    {'weight': tensor([[1., 1.]])}
    """
    data, name = _read(filename)
    try:
        begin = 8 + int.from_bytes(data[:8], "little")
        if len(data) < 8 or begin > len(data):
            raise ValueError(f"a header of {begin - 8} bytes in a file of {len(data)}")
        header = json.loads(data[8:begin])
        header.pop("__metadata__", None)
        size = sum(max(0, end - start) for start, end in (entry["data_offsets"] for entry in header.values()))
        if size > len(data) - begin:  # tensors on the same bytes, which are copied
            raise ValueError(f"tensors of {size} bytes in {len(data) - begin}")
        return {key: _tensor_of(key, entry, data, begin) for key, entry in header.items()}
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(
            f"load_safetensors: expected a whole safetensors file in {name}, found {len(data)} bytes that "
            f"are truncated, altered or of another format ({error}); restore the file from a copy"
        ) from None


def _tensor_of(key: str, entry: dict[str, Any], data: bytes, begin: int) -> Tensor:
    start, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    code = entry["dtype"]
    if code != "BF16" and code not in _CODES:
        raise CheckpointError(
            f"load_safetensors: expected one of {', '.join(_CODES)} or BF16 as the dtype of {key!r}, "
            f"found {code!r}; convert it"
        )
    dtype = np.dtype("<u2" if code == "BF16" else _CODES[code])
    if not 0 <= start <= end <= len(data) - begin or end - start != prod(shape) * dtype.itemsize:
        raise ValueError(f"{key!r} of shape {shape} in bytes {start} to {end} of {len(data) - begin}")
    array = np.frombuffer(data, dtype, prod(shape), begin + start).reshape(shape)
    if code == "BF16":  # the upper half of a float32
        return from_array((array.astype(np.uint32) << 16).view(np.float32))
    return from_array(array.astype(dtype.newbyteorder("=")))

"""PyTorch's own files, ``.pt`` and ``.pth``, without PyTorch: reading them as data, and writing them.

Such a file is an uncompressed ZIP archive. ``data.pkl`` is a pickle in which a tensor is a call of
``torch._utils._rebuild_tensor_v2`` with its storage (by number), offset, shape, strides and whether it
requires grad; ``data/<number>`` has the bytes of a storage. It is read by :mod:`.pickle_reader`: what is not
in the table below is refused, unless the user trusts the file. What is written is what
``torch.load(weights_only=True)`` reads.
"""

from __future__ import annotations

import codecs
import io
import pickle
import sys
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator
from typing import IO, Any, ClassVar, NamedTuple

import numpy as np

from cnn_physics77.core.backend.device import device
from cnn_physics77.core.backend.dtype import dtype, torch_dtype
from cnn_physics77.core.backend.size import Size
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.copying import address, attributes_of, packed
from cnn_physics77.core.encoding import NUMERIC, memory_of, overlapping
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.layers.parameter import Parameter
from cnn_physics77.core.pickle_reader import Built, Known, PickleReader
from cnn_physics77.core.pytorch_names import ours
from cnn_physics77.core.tensor import Tensor, from_array

STORAGES = {
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "HalfStorage": "float16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
    "ComplexFloatStorage": "complex64",
    "ComplexDoubleStorage": "complex128",
}
"""PyTorch's storages, and the dtype of their elements."""

_KINDS = {*STORAGES.values(), "bfloat16"}

# ---------------------------------------------------------------------------------------------- reading


def _tensor(array: np.ndarray, offset: int, size: Any, stride: Any, requires_grad: bool) -> Tensor:
    """A view of a storage."""
    numbers = (offset, *size, *stride)
    if not all(type(n) is int and n >= 0 for n in numbers) or len(size) != len(stride):
        raise ValueError(f"a tensor of shape {size}, strides {stride} and offset {offset}")
    item = array.itemsize
    if 0 in size:
        view = np.empty(size, array.dtype)
    else:  # NumPy checks that it lies within the storage
        view = np.ndarray(size, array.dtype, array, offset * item, [step * item for step in stride])
    return from_array(plain_array("load", view)).requires_grad_(bool(requires_grad))


def _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks, metadata=None) -> Tensor:
    made = _tensor(storage, offset, size, stride, requires_grad)
    for flag, change in (("conj", np.conj), ("neg", np.negative)):
        if (metadata or {}).get(flag):
            made.array = change(made.array)
    return made


def _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, kind, metadata=None) -> Tensor:
    if not isinstance(kind, dtype):
        raise ValueError(f"a tensor of {kind}")
    return _rebuild_tensor_v2(
        storage.view(np.dtype(kind)), offset, size, stride, requires_grad, hooks, metadata
    )


def _rebuild_parameter(data: Tensor, requires_grad: bool, hooks: Any) -> Parameter:
    return Parameter(data, bool(requires_grad))


def _rebuild_parameter_with_state(data: Tensor, requires_grad: bool, hooks: Any, state: Any) -> Parameter:
    return _with_attributes(Parameter(data, bool(requires_grad)), state)


def _rebuild_from_type(function: Any, kind: Any, args: tuple, state: Any) -> Tensor:
    make = function.make if isinstance(function, Known) else function
    return _with_attributes(make(*args), state)


def _with_attributes(made: Any, state: Any) -> Any:
    if not isinstance(state, dict) or Tensor._own & set(state):
        raise ValueError("the attributes of a tensor: no dictionary, or names that a tensor has")
    vars(made).update({str(name): value for name, value in state.items()})
    return made


def _not_called(*args: Any) -> Any:
    """For a class that a file only names: called, it could ask for any amount of memory."""
    raise ValueError(f"a call with {len(args)} arguments")


def _bytes(text: str, encoding: str) -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise ValueError(f"bytes in {encoding}")
    return text.encode("latin-1")


def _bytearray(*args: Any) -> bytearray:
    return bytearray(_bytes(*args) if len(args) == 2 else b"".join(args))  # no number: it would be a length


class _Array(Built):
    """An array of NumPy, before its state."""

    def __init__(self, *args: Any) -> None:
        pass

    def build(self, state: Any) -> np.ndarray:
        _, shape, kind, fortran, data = state
        return _numbers(data, kind).reshape(shape, order="F" if fortran else "C").copy(order="K")


class _Dtype(Built):
    """A dtype of NumPy, before its state, which has the byte order."""

    def __init__(self, text: str, *args: Any) -> None:
        self.dtype = np.dtype(str(text))
        if self.dtype.kind not in NUMERIC:
            raise ValueError(f"an array of {self.dtype}")

    def build(self, state: Any) -> np.dtype:
        return np.dtype(state[1] + self.dtype.str[1:]) if state[1] in ("<", ">") else self.dtype


def _numbers(data: str | bytes, kind: np.dtype) -> np.ndarray:
    return np.frombuffer(_bytes(data, "latin-1") if isinstance(data, str) else data, kind)


def _scalar(kind: np.dtype, data: Any) -> Any:
    (value,) = _numbers(data, kind)
    return value


def names() -> dict[str, Any]:
    """All names that a file may contain."""
    multiarray = {"_reconstruct": _Array, "scalar": _scalar}
    found: dict[str, dict[str, Any]] = {
        "collections": {"OrderedDict": OrderedDict, "Counter": Counter},
        "builtins": {
            "bytes": lambda: b"",
            "set": set,
            "frozenset": frozenset,
            "complex": complex,
            "bytearray": _bytearray,
        },
        "_codecs": {"encode": _bytes},
        "torch": {"Size": Size, "device": device, "Tensor": _not_called},
        "torch.nn.parameter": {"Parameter": _not_called},
        "torch._tensor": {"_rebuild_from_type_v2": _rebuild_from_type},
        "torch._utils": {
            "_rebuild_tensor": lambda storage, offset, size, stride: _tensor(
                storage, offset, size, stride, False
            ),
            "_rebuild_tensor_v2": _rebuild_tensor_v2,
            "_rebuild_tensor_v3": _rebuild_tensor_v3,
            "_rebuild_parameter": _rebuild_parameter,
            "_rebuild_parameter_with_state": _rebuild_parameter_with_state,
        },
        "numpy": {"ndarray": _not_called, "dtype": _Dtype},
        "numpy.core.multiarray": multiarray,
        "numpy._core.multiarray": multiarray,
    }
    names: dict[str, Any] = {
        f"{module}.{name}": Known(name, make)
        for module, functions in found.items()
        for name, make in functions.items()
    }
    names |= {f"torch.{name}": kind for name, kind in STORAGES.items()}
    names |= {"torch.BFloat16Storage": "bfloat16", "torch.storage.UntypedStorage": "uint8"}
    for kind in (*STORAGES.values(), "uint16", "uint32", "uint64"):
        names[f"torch.{kind}"] = torch_dtype(kind)
    return names


class _Storages:
    """The storages of an archive, read when a tensor asks for one."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        self._archive, self._root = archive, root
        self._read: dict[str, np.ndarray] = {}
        names = set(archive.namelist())
        big = f"{root}byteorder" in names and archive.read(f"{root}byteorder").strip() == b"big"
        self._order = ">" if big else "<"

    def __call__(self, identity: Any) -> np.ndarray:
        what, kind, key, _, count = identity
        if what != "storage" or kind not in _KINDS or type(key) is not str:
            raise ValueError(f"a persistent object {identity}")
        if key not in self._read:
            brain = kind == "bfloat16"
            stored = np.dtype("uint16" if brain else kind)
            entry = self._archive.getinfo(f"{self._root}data/{key}")
            if entry.file_size != count * stored.itemsize:  # before it is unpacked
                raise ValueError(f"a storage of {count} {kind} in {entry.file_size} bytes")
            data = self._archive.read(entry)
            array = np.frombuffer(data, self._order + stored.str[1:]).astype(stored)
            if brain:  # the upper half of a float32
                array = (array.astype(np.uint32) << 16).view(np.float32)
            self._read[key] = array
        return self._read[key]


class Unpickler(pickle.Unpickler):
    """Imports what the table lacks, and runs what the file says. PyTorch's names are our own."""

    def __init__(self, data: bytes, persistent: Callable[[Any], Any]) -> None:
        super().__init__(io.BytesIO(data))
        self._persistent, self._names = persistent, names()

    def persistent_load(self, pid: Any) -> Any:
        return self._persistent(pid)

    def find_class(self, module: str, name: str) -> Any:
        own = ours(module)
        if own is not None:
            known = self._names.get(f"{module}.{name}")
            if known is not None and not (isinstance(known, Known) and known.make is _not_called):
                return known.make if isinstance(known, Known) else known
        try:
            return super().find_class(own or module, name)
        except (ImportError, AttributeError) as error:
            raise CheckpointError(
                f"load: expected classes that can be imported, found {module}.{name} ({error}); "
                "import or define it where it was when the file was saved"
            ) from None


def read(archive: zipfile.ZipFile, entry: str, trusted: bool) -> Any:
    """The object of one of PyTorch's files.

    Args:
        entry: the name of its ``data.pkl``.
        trusted: whether to import and run what it says.

    Raises:
        CheckpointError: it contains a name that is not in the table.
        Exception: others, if it is damaged.
    """
    root = entry.removesuffix("data.pkl")
    if f"{root}constants.pkl" in archive.namelist():
        raise CheckpointError(
            "load: expected saved data, found a TorchScript program; save the state_dict() of its module"
        )
    if trusted:
        return Unpickler(archive.read(entry), _Storages(archive, root)).load()
    return PickleReader(names(), _Storages(archive, root)).read(archive.read(entry))


# ---------------------------------------------------------------------------------------------- writing


class NotForPyTorchError(Exception):
    """An object that ``torch.load(weights_only=True)`` would not read."""


class _Name:
    """A name of PyTorch's, which is written without importing it."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self) -> None:
        """A pickler calls nothing; it asks whether this could be called."""


class _Storage:
    """The memory of one or more tensors; ``number`` is the name of its file."""

    def __init__(self, number: int, values: np.ndarray) -> None:
        kinds = {kind: name for name, kind in STORAGES.items()}
        if values.dtype.name not in kinds or not values.dtype.isnative:
            raise NotForPyTorchError
        self.number, self.values, self.kind = number, values, _Name("torch", kinds[values.dtype.name])


class _Place(NamedTuple):
    """Where an array lies: in elements, not in bytes."""

    storage: _Storage
    offset: int
    strides: tuple[int, ...]


def _places_of(arrays: list[np.ndarray]) -> tuple[list[_Storage], dict[int, _Place]]:
    """The storages of the arrays, and by id the place of each array; those that share memory share one."""
    storages: list[_Storage] = []
    places: dict[int, _Place] = {}
    for group in overlapping(arrays):
        members = [arrays[number] for number in group]
        if len(members) == 1:
            whole = packed(members[0])
            values, laid = whole.values, [whole.array()]
            start = address(laid[0])
        else:
            start, values = memory_of(members)
            laid = members
        storage = _Storage(len(storages), values)
        storages.append(storage)
        for member, array in zip(members, laid):
            item, offset = array.itemsize, address(array) - start
            if array.dtype != values.dtype or offset % item or any(s < 0 or s % item for s in array.strides):
                raise NotForPyTorchError
            places[id(member)] = _Place(storage, offset // item, tuple(s // item for s in array.strides))
    return storages, places


_CONTAINERS = (list, tuple, dict, set, OrderedDict, Counter)
_PLAIN = (*_CONTAINERS, type(None), bool, int, float, complex, str, bytes, bytearray)
_FUNCTIONS = (OrderedDict, Counter, set, complex, bytearray, codecs.encode)
_REBUILD = _Name("torch._utils", "_rebuild_tensor_v2")
_PARAMETER = _Name("torch._utils", "_rebuild_parameter")


def _tensors_in(obj: Any) -> Iterator[Tensor]:
    """All tensors, each once."""
    todo, seen = [obj], set()
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, Tensor):
            yield value
        elif type(value) in _CONTAINERS:
            todo += [*value, *value.values()] if isinstance(value, dict) else value


_PythonPickler: Any = pickle._Pickler  # its table of types can be changed, that of the one in C cannot


class _Pickler(_PythonPickler):
    """Writes what ``torch.load(weights_only=True)`` reads, and nothing else."""

    def __init__(self, file: IO[bytes], places: dict[int, _Place]) -> None:
        super().__init__(file, protocol=2)
        self._places = places

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is not _Storage:
            return None
        return "storage", obj.kind, str(obj.number), "cpu", obj.values.size

    def save(self, obj: Any, save_persistent_id: bool = True) -> None:
        kind = type(obj)
        if kind not in _PLAIN and kind not in self.own and not any(obj is f for f in _FUNCTIONS):
            raise NotForPyTorchError
        if (kind is int and obj.bit_length() > 2000) or (kind is bytes and not obj):
            raise NotForPyTorchError  # it does not know how a pickle has these
        super().save(obj, save_persistent_id)

    def _save_name(self, obj: _Name) -> None:
        self.write(pickle.GLOBAL + f"{obj.module}\n{obj.name}\n".encode())
        self.memoize(obj)

    def _save_tensor(self, obj: Tensor) -> None:
        place = self._places[id(obj.array)]
        arguments: tuple
        if type(obj) is Tensor:
            shape = tuple(obj.array.shape)
            arguments = (place.storage, place.offset, shape, place.strides, obj.requires_grad, OrderedDict())
            self.save_reduce(_REBUILD, arguments, obj=obj)
        else:
            arguments = (from_array(obj.array), obj.requires_grad, OrderedDict())
            self.save_reduce(_PARAMETER, arguments, obj=obj)

    def _save_size(self, obj: Size) -> None:
        self.save_reduce(_Name("torch", "Size"), (tuple(obj),), obj=obj)

    def _save_device(self, obj: device) -> None:
        self.save_reduce(_Name("torch", "device"), (str(obj),), obj=obj)

    def _save_dtype(self, obj: dtype) -> None:
        self._save_name(_Name("torch", obj.dtype.name))

    own: ClassVar[dict[type, Any]] = {
        _Name: _save_name,
        _Storage: None,  # has a persistent id
        Tensor: _save_tensor,
        Parameter: _save_tensor,
        Size: _save_size,
        device: _save_device,
        dtype: _save_dtype,
    }
    dispatch: ClassVar[dict[type, Any]] = {**_PythonPickler.dispatch, **own}


def writer(obj: Any) -> Callable[[zipfile.ZipFile], None]:
    """The function that writes an object into an archive as PyTorch would.

    Raises:
        NotForPyTorchError: ``torch.load(weights_only=True)`` would not read it.
    """
    tensors = list(_tensors_in(obj))
    if not all(type(t) in (Tensor, Parameter) and not attributes_of(t) for t in tensors):
        raise NotForPyTorchError
    storages, places = _places_of(list({id(t.array): t.array for t in tensors}.values()))
    content = io.BytesIO()
    try:
        _Pickler(content, places).dump(obj)
    except (RecursionError, KeyError):  # too deep; a tensor in an attribute of a container
        raise NotForPyTorchError from None

    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr("archive/data.pkl", content.getvalue())
        archive.writestr("archive/byteorder", sys.byteorder)
        for storage in storages:
            values, name = np.ascontiguousarray(storage.values), f"archive/data/{storage.number}"
            with archive.open(name, "w", force_zip64=values.nbytes > 1 << 30) as file:
                file.write(values.reshape(-1).view(np.uint8).data)
        archive.writestr("archive/version", "3\n")

    return write


__all__ = ["NotForPyTorchError", "Unpickler", "names", "read", "writer"]

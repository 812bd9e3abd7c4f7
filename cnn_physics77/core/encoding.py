"""The content of a checkpoint as JSON and arrays: how each supported type is encoded and decoded.

Only these types are ever created, and no name in a file is looked up or called. So, unlike a pickle, a file
cannot run code.
"""

from __future__ import annotations

import base64
import datetime
import pathlib
import uuid
from argparse import Namespace
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from math import isfinite
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from cnn_physics77.core.backend.device import device
from cnn_physics77.core.backend.dtype import dtype, torch_dtype
from cnn_physics77.core.backend.size import Size
from cnn_physics77.core.construction import plain_array
from cnn_physics77.core.copying import Packed, address, attributes_of, packed, root_of
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.layers.parameter import Buffer, Parameter
from cnn_physics77.core.tensor import Tensor, from_array

VERSION = 2
"""2: shared memory, memory orders, attributes, and the types below :data:`_TEXTS`."""

NUMERIC = "fcbiuMm"
"""Kinds of dtypes whose arrays can be stored."""

# --------------------------------------------------------------------------------------------- types


class _Text(NamedTuple):
    """A type that is written as a string."""

    kind: type
    write: Callable[[Any], str]
    read: Callable[[str], Any]


def _base64(value: bytes | bytearray) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _fraction(text: str) -> Fraction:
    """As written; ``Fraction`` itself would spend hours on ``1e999999999``."""
    return Fraction(*map(int, text.split("/")))


_TEXTS: dict[str, _Text] = {
    "bytes": _Text(bytes, _base64, _bytes),
    "bytearray": _Text(bytearray, _base64, lambda text: bytearray(_bytes(text))),
    "Path": _Text(type(pathlib.Path()), str, pathlib.Path),
    "PurePosixPath": _Text(pathlib.PurePosixPath, str, pathlib.PurePosixPath),
    "PureWindowsPath": _Text(pathlib.PureWindowsPath, str, pathlib.PureWindowsPath),
    "date": _Text(datetime.date, datetime.date.isoformat, datetime.date.fromisoformat),
    "Decimal": _Text(Decimal, str, Decimal),
    "Fraction": _Text(Fraction, str, _fraction),
    "UUID": _Text(uuid.UUID, str, uuid.UUID),
    "device": _Text(device, str, device),
    "torch.dtype": _Text(dtype, lambda found: found.dtype.name, torch_dtype),
}
_TEXT_OF = {text.kind: name for name, text in _TEXTS.items()}

_CONTAINERS: dict[str, type] = {c.__name__: c for c in (list, tuple, set, frozenset, Size)}
_MAPPINGS: dict[str, type] = {"dict": dict, "OrderedDict": OrderedDict, "Counter": Counter}
_NAMESPACES: dict[str, type] = {"Namespace": Namespace, "SimpleNamespace": SimpleNamespace}
_TENSORS: dict[str, Callable] = {
    "tensor": lambda data, requires_grad: data.requires_grad_(requires_grad),
    "parameter": Parameter,
    "buffer": lambda data, requires_grad: Buffer(data).requires_grad_(requires_grad),
}
_FACTORIES: dict[str, Callable | None] = {
    factory.__name__ if factory else "None": factory
    for factory in (None, list, dict, set, tuple, int, float, complex, str, bool, OrderedDict, Counter)
}


# ----------------------------------------------------------------------------------- encoding


class Encoder:
    """Converts an object to JSON's types and a list of arrays; an array that occurs twice is stored once."""

    def __init__(self) -> None:
        self._arrays: list[np.ndarray] = []
        self._numbers: dict[int, int] = {}
        self._open_containers: set[int] = set()  # ids of the containers around the current object

    def structure(self, obj: Any) -> dict[str, Any]:
        """The content of ``structure.json``, for :meth:`Decoder.object`."""
        return {"content": self.encode(obj, ""), "views": self._views()}

    def encode(self, value: Any, path: str) -> Any:
        """Encode one object; ``path`` is its position, for errors."""
        kind = type(value)
        if value is None or kind in (bool, int, str) or (kind is float and isfinite(value)):
            return value
        if kind is float:
            return {"float": str(value)}
        if kind is complex:
            return {"complex": [self.encode(value.real, path), self.encode(value.imag, path)]}
        if isinstance(value, Tensor):
            return self._tensor(value, path)
        if kind in (np.ndarray, np.memmap) and value.dtype.kind in NUMERIC:
            return {"array": self._number(np.asarray(value))}
        if isinstance(value, np.generic) and value.dtype.kind in NUMERIC:
            return {"scalar": self._number(np.asarray(value))}
        if isinstance(value, np.dtype) and value.fields is None and value.subdtype is None:
            return {"dtype": value.str}
        if kind in _TEXT_OF:
            name = _TEXT_OF[kind]
            return {name: _TEXTS[name].write(value)}
        if kind is range:
            return {"range": [value.start, value.stop, value.step]}
        if kind is slice:
            return {"slice": [self.encode(v, path) for v in (value.start, value.stop, value.step)]}
        moment = _encode_datetime(value)
        if moment is not None:
            return moment
        with self._inside(value, path):
            container = self._container(value, kind, path)
        if container is not None:
            return container
        raise CheckpointError(
            "save: expected tensors, arrays, numbers, strings, dates, paths and plain containers of them, "
            f"found {kind.__name__} at obj{path}; save the state_dict() of modules, optimizers and "
            "schedulers, the name of an enumeration's member"
        )

    def _container(self, value: Any, kind: type, path: str) -> Any:
        for name, container in _CONTAINERS.items():
            if kind is container:
                return {name: self._items(value, path)}
        for name, namespace in _NAMESPACES.items():
            if kind is namespace:
                return {name: [[k, self.encode(v, f"{path}.{k}")] for k, v in vars(value).items()]}
        if kind is deque:
            return {"deque": self._items(value, path), "maxlen": value.maxlen}
        if isinstance(value, dict):  # special dictionaries: their content
            pairs = [
                [self.encode(k, f"{path} key {k!r}"), self.encode(v, f"{path}[{k!r}]")]
                for k, v in value.items()
            ]
            if kind is defaultdict:
                for name, factory in _FACTORIES.items():
                    if factory is value.default_factory:  # type: ignore[attr-defined]
                        return {"defaultdict": pairs, "factory": name}
            return {kind.__name__ if _MAPPINGS.get(kind.__name__) is kind else "dict": pairs}
        return None

    def _items(self, values, path: str) -> list:
        return [self.encode(v, f"{path}[{i}]") for i, v in enumerate(values)]

    @contextmanager
    def _inside(self, value: Any, path: str) -> Iterator[None]:
        if id(value) in self._open_containers:
            raise CheckpointError(
                f"save: expected a finite structure, found one that contains itself, at obj{path}"
            )
        self._open_containers.add(id(value))
        yield
        self._open_containers.discard(id(value))

    def _tensor(self, value: Tensor, path: str) -> dict[str, Any]:
        kinds = {"parameter": Parameter, "buffer": Buffer, "tensor": Tensor}
        name = next(name for name, kind in kinds.items() if isinstance(value, kind))
        entry = {name: self._number(value.array), "requires_grad": value.requires_grad}
        with self._inside(value, path):
            attributes = [[k, self.encode(v, f"{path}.{k}")] for k, v in attributes_of(value).items()]
        return entry | ({"attributes": attributes} if attributes else {})

    # ---------------------------------------------------------------------------------- arrays

    def _number(self, array: np.ndarray) -> int:
        if id(array) not in self._numbers:
            self._numbers[id(array)] = len(self._arrays)
            self._arrays.append(array)
        return self._numbers[id(array)]

    def _views(self) -> dict[str, dict[str, Any]]:
        """For each array that is a view of a stored one: number -> how to make the view."""
        views: dict[str, dict[str, Any]] = {}
        self.stored: dict[int, np.ndarray] = {}
        for group in overlapping(self._arrays):
            if len(group) == 1:
                (number,) = group
                array = self._arrays[number]
                if array.flags.f_contiguous:
                    self.stored[number] = array
                    continue
                values, axes, shape = packed(array)
                self.stored[number] = values
                if axes is not None:
                    views[str(number)] = {"axes": axes, "shape": shape}
            else:
                low, memory = memory_of([self._arrays[number] for number in group])
                place = len(self._arrays) + len(views)
                self.stored[place] = memory
                for number in group:
                    array = self._arrays[number]
                    views[str(number)] = {
                        "of": place,
                        "offset": address(array) - low,
                        "shape": array.shape,
                        "strides": array.strides,
                        "dtype": array.dtype.str,
                    }
        return views


def overlapping(arrays: list[np.ndarray]) -> list[list[int]]:
    """The numbers of the arrays, grouped by shared memory."""
    bounds = sorted(
        (id(root_of(array)), *np.lib.array_utils.byte_bounds(array), number)
        for number, array in enumerate(arrays)
        if array.size
    )
    groups = [[number] for number, array in enumerate(arrays) if not array.size]
    root_before, end = None, 0
    for root, low, high, number in bounds:
        if root == root_before and low < end:
            groups[-1].append(number)
            end = max(end, high)
        else:
            groups.append([number])
            root_before, end = root, high
    return groups


def memory_of(arrays: list[np.ndarray]) -> tuple[int, np.ndarray]:
    """The memory that the arrays span: its address, and an array of it, of bytes if their dtypes differ."""
    bounds = [np.lib.array_utils.byte_bounds(array) for array in arrays]
    low, high = min(b[0] for b in bounds), max(b[1] for b in bounds)
    first = arrays[[b[0] for b in bounds].index(low)]
    corner = first[tuple(slice(0, 1) if s >= 0 else slice(-1, None) for s in first.strides)].reshape(1)
    size = first.itemsize
    alike = all(a.dtype == first.dtype and (address(a) - low) % size == 0 for a in arrays)
    if not alike or (high - low) % size:
        corner, size = corner.view(np.uint8)[:1], 1
    return low, np.lib.stride_tricks.as_strided(corner, ((high - low) // size,), (size,), writeable=False)


def _encode_datetime(value: Any) -> dict[str, Any] | None:
    """Encode a ``datetime`` object; None if its time zone has no portable description."""
    if type(value) is datetime.timedelta:
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if type(value) is datetime.timezone:
        offset, *name = value.__getinitargs__()  # type: ignore[attr-defined]
        return {"timezone": _encode_datetime(offset), "name": name}
    if type(value) not in (datetime.datetime, datetime.time):
        return None
    zone = None if value.tzinfo is None else _encode_datetime(value.tzinfo) or _zone_name(value.tzinfo)
    if zone is None and value.tzinfo is not None:
        return None
    return {type(value).__name__: value.replace(tzinfo=None).isoformat(), "zone": zone, "fold": value.fold}


def _zone_name(zone: datetime.tzinfo) -> str | None:
    """The name of a zone in the time zone database."""
    from zoneinfo import ZoneInfo  # late: it imports the build configuration of the interpreter

    return zone.key if type(zone) is ZoneInfo else None


def _zone_by_name(key: str) -> datetime.tzinfo:
    from zoneinfo import ZoneInfo

    return ZoneInfo(key)


# ------------------------------------------------------------------------------------ decoding


class Decoder:
    """Restores an object from its encoding."""

    def __init__(self, structure: dict[str, Any], read_array: Callable[[int], np.ndarray]) -> None:
        self._structure = structure
        self._views: dict[str, dict[str, Any]] = structure.get("views", {})
        self._read = read_array
        self._arrays: dict[int, np.ndarray] = {}

    def object(self) -> Any:
        """The object that was given to :meth:`Encoder.structure`."""
        return self.decode(self._structure["content"])

    def _array(self, number: int) -> np.ndarray:
        if number not in self._arrays:
            self._arrays[number] = self._viewed(number)
        return self._arrays[number]

    def _viewed(self, number: int) -> np.ndarray:
        view = self._views.get(str(number))
        if view is None:
            return self._read(number)
        if "axes" in view:
            return Packed(self._read(number), tuple(view["axes"]), tuple(view["shape"])).array()
        dtype = np.dtype(view["dtype"])
        if dtype.kind not in NUMERIC:
            raise ValueError(f"a view of {dtype}")
        if view["of"] not in self._arrays:  # one array for all views
            self._arrays[view["of"]] = self._read(view["of"])
        return np.ndarray(view["shape"], dtype, self._arrays[view["of"]], view["offset"], view["strides"])

    def decode(self, value: Any) -> Any:
        """Decode one object."""
        if not isinstance(value, dict):
            return value
        entry: tuple[str, Any] = next(iter(value.items()), ("", None))
        name, content = entry
        if name in _CONTAINERS:
            return _CONTAINERS[name](self.decode(v) for v in content)
        if name in _MAPPINGS:
            return self._filled(_MAPPINGS[name](), content)
        if name == "defaultdict":
            return self._filled(defaultdict(_FACTORIES[value["factory"]]), content)
        if name in _NAMESPACES:
            namespace = _NAMESPACES[name]()
            vars(namespace).update(self._named(content))
            return namespace
        if name == "deque":
            return deque((self.decode(v) for v in content), value["maxlen"])
        if name in _TENSORS:
            return self._tensor(_TENSORS[name], value, content)
        if name == "array":
            return self._array(content)
        if name == "scalar":
            return self._array(content)[()]
        if name == "float":
            return float(content)
        if name == "complex":
            return complex(self.decode(content[0]), self.decode(content[1]))
        if name == "dtype":
            dtype = np.dtype(str(content))
            if dtype.fields is not None:
                raise ValueError(f"the dtype {dtype}")
            return dtype
        if name in _TEXTS:
            return _TEXTS[name].read(content)
        if name == "range":
            return range(*content)
        if name == "slice":
            return slice(*(self.decode(v) for v in content))
        if name == "timedelta":
            return datetime.timedelta(*content)
        if name == "timezone":
            return datetime.timezone(self.decode(content), *value["name"])
        if name in ("datetime", "time"):
            zone = value["zone"]
            tzinfo = _zone_by_name(zone) if isinstance(zone, str) else self.decode(zone)
            return getattr(datetime, name).fromisoformat(content).replace(tzinfo=tzinfo, fold=value["fold"])
        raise CheckpointError(
            f"load: expected format version {VERSION} or older, found an unknown entry {name!r}; update the "
            "package"
        )

    def _filled(self, mapping, pairs) -> Any:
        for k, v in pairs:
            mapping[self.decode(k)] = self.decode(v)
        return mapping

    def _named(self, pairs) -> dict[str, Any]:
        return {str(k): self.decode(v) for k, v in pairs}

    def _tensor(self, make: Callable, value: dict, number: int) -> Tensor:
        made = make(from_array(plain_array("load", self._array(number))), value["requires_grad"])
        attributes = self._named(value.get("attributes", ()))
        forbidden = Tensor._own & set(attributes)
        if forbidden:
            raise ValueError(f"attributes {sorted(forbidden)}, which no tensor has from a file")
        vars(made).update(attributes)
        return made


__all__ = ["NUMERIC", "VERSION", "Decoder", "Encoder", "memory_of", "overlapping"]

"""Devices and layouts. The only device is the CPU, and the layouts are strided and sparse_coo; the names are
PyTorch's, so that its scripts run.
"""

from __future__ import annotations

from cnn_physics77.core.errors import ArgumentError, DeviceError


class device:
    """A device by name: ``"cpu"``, or for example ``"cuda:0"``, to which no tensor can be moved.

    As a context, ``with device("cpu"):``, tensors are made there, as they are anyway.

    Args:
        type: ``"cpu"``, ``"cuda"``, ``"mps"`` ..., with or without ``":index"``; or a device.
        index: the ordinal, if it is not in ``type``.

    Raises:
        RuntimeError: the name does not have this form, or the index is negative.

    >>> device("cpu"), device("cuda:1").index
    (device(type='cpu'), 1)
    """

    __slots__ = ("index", "type")
    type: str
    index: int | None

    def __init__(self, type: str | device, index: int | None = None):
        if isinstance(type, device):
            self.__setstate__((None, {"type": type.type, "index": type.index}))
            return
        kind, colon, ordinal = type.partition(":")
        if not kind.isalpha() or (colon and (index is not None or not ordinal.isdecimal())):
            raise RuntimeError(f"device: expected 'cpu' or 'kind:index', found {type!r}; use 'cpu'")
        if index is not None and index < 0:
            raise RuntimeError(f"device: Device index must not be negative, found {index}")
        self.__setstate__((None, {"type": kind, "index": int(ordinal) if colon else index}))

    def __setstate__(self, state: tuple) -> None:
        for name, value in state[1].items():
            object.__setattr__(self, name, value)

    def __setattr__(self, name: str, value) -> None:
        raise AttributeError(f"device: attribute {name!r} is not writable; make another device")

    def __enter__(self) -> device:
        check_device("device", self)
        return self

    def __exit__(self, *exception) -> None:
        pass

    def __eq__(self, other) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"


CPU = device("cpu")


def check_device(operation: str, place) -> None:
    """Raise unless ``place`` is None or the CPU.

    Raises:
        DeviceError: any other device.
    """
    if place is None or place == "cpu" or place is CPU:
        return
    if not isinstance(place, (str, device)) or device(place).type != "cpu":
        raise DeviceError(
            f"{operation}: expected the device 'cpu', found {str(place)!r}; there is no other: leave it out"
        )


class layout:
    """How the elements of a tensor are kept: ``torch.strided``, or ``torch.sparse_coo``, places and values.
    The others can be named and compared; no tensor has them.

    >>> strided, sparse_coo
    (torch.strided, torch.sparse_coo)
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"torch.{self._name}"

    def __reduce__(self) -> str:
        return self._name


strided = layout("strided")
sparse_coo = layout("sparse_coo")
sparse_csr, sparse_csc = layout("sparse_csr"), layout("sparse_csc")
sparse_bsr, sparse_bsc = layout("sparse_bsr"), layout("sparse_bsc")


def check_layout(operation: str, given) -> None:
    """Raise an ArgumentError unless ``given`` is None or ``torch.strided``."""
    if given is not None and given is not strided:
        raise ArgumentError(
            f"{operation}: expected the layout torch.strided, found {given!r}; for a sparse tensor use "
            "torch.sparse_coo_tensor or .to_sparse()"
        )

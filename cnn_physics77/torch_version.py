"""``torch.torch_version``: versions that are compared by their numbers, not by their letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

_FORM = re.compile(r"v?(\d+(?:\.\d+)*)(?:[._-]?(a|b|rc|dev)\w*?(\d*))?(?:\.?post\d*)?(?:\+([\w.-]+))?")
_STAGES = {"dev": 0, "a": 1, "b": 2, "rc": 3, None: 4}


def _key(version: Any) -> tuple | None:
    """What the order of versions depends on; None if the text is not a version."""
    if not isinstance(version, str) and isinstance(version, Iterable):
        version = ".".join(str(part) for part in version)
    found = _FORM.fullmatch(str(version).strip())
    if found is None:
        return None
    numbers, stage, count, local = found.groups()
    release = tuple(int(number) for number in numbers.split("."))
    while release and release[-1] == 0:
        release = release[:-1]
    return release, _STAGES[stage], int(count or 0), local or ""


def _compared(name: str) -> Callable[[TorchVersion, Any], bool]:
    def compare(self: TorchVersion, other: Any) -> bool:
        mine, theirs = _key(str(self)), _key(other)
        if mine is None or theirs is None:
            return getattr(str, name)(self, other)
        return getattr(tuple, name)(mine, theirs)

    return compare


class TorchVersion(str):
    """A text that is compared as a version with texts, tuples of numbers, and versions of ``packaging``.

    A text that is not a version is compared as text.

    >>> version = TorchVersion("2.13.0+cnn_physics77.0.1.0")
    >>> version >= "1.6", version > (2, 2), version < "10.0", version == "parrot"
    (True, True, True, False)
    """

    __slots__ = ()
    __lt__ = _compared("__lt__")
    __le__ = _compared("__le__")
    __eq__ = _compared("__eq__")
    __ne__ = _compared("__ne__")
    __ge__ = _compared("__ge__")
    __gt__ = _compared("__gt__")
    __hash__ = str.__hash__


__all__ = ["TorchVersion"]

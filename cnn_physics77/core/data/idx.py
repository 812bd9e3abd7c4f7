"""The IDX format of the MNIST database: a header of big-endian numbers, then the elements in C order.

The header is two zero bytes, one byte for the element type, one for the number of dimensions, then each
dimension as an unsigned 32-bit integer. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database".
"""

from __future__ import annotations

import gzip
import math
import os
import struct
import zlib
from pathlib import Path

import numpy as np

from ..errors import DataError

_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """Read an IDX file, plain or compressed by gzip (recognised by its first two bytes).

    Args:
        path: the file.
    Returns:
        A new array in native byte order, of the file's shape: uint8, int8, int16, int32, float32 or float64.
    Raises:
        DataError: the file is not IDX, is truncated, has bytes after its end, or fails gzip's own checks.
        OSError: the file cannot be opened.

    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "tiny-idx2-ubyte"
    >>> _ = path.write_bytes(bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + bytes(range(6)))
    >>> read_idx(path)
    array([[0, 1, 2],
           [3, 4, 5]], dtype=uint8)
    """
    content = Path(path).read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (EOFError, OSError, zlib.error) as error:
            raise DataError(f"read_idx: {path}: gzip data damaged or truncated ({error})") from None
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise DataError(
            f"read_idx: {path}: expected an IDX header (0, 0, element type, dimensions), found "
            f"bytes {list(content[:4])}"
        )
    dtype, ndim = np.dtype(_TYPES[content[2]]), content[3]
    start = 4 + 4 * ndim
    if len(content) < start:
        raise DataError(f"read_idx: {path}: expected a header of {start} bytes, found {len(content)} in all")
    shape = struct.unpack(f">{ndim}I", content[4:start])
    expected = start + math.prod(shape) * dtype.itemsize
    if len(content) != expected:
        raise DataError(
            f"read_idx: {path}: expected {expected} bytes for shape {shape} of {dtype.name}, "
            f"found {len(content)}"
        )
    return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))

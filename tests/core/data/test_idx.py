"""The IDX reader against files written by hand, and against damage of every kind."""

import gzip
import struct

import numpy as np
import pytest

from cnn_physics77.core.data import read_idx
from cnn_physics77.core.errors import DataError

CODES = {"u1": 0x08, "i1": 0x09, "i2": 0x0B, "i4": 0x0C, "f4": 0x0D, "f8": 0x0E}


def idx_bytes(array):
    code = CODES[array.dtype.str[1:]]
    header = struct.pack(">BBBB", 0, 0, code, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return header + array.astype(array.dtype.newbyteorder(">")).tobytes()


@pytest.mark.parametrize("kind", CODES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 4), (4, 3, 2)])
@pytest.mark.parametrize("compressed", [False, True])
def test_values_shape_and_dtype(tmp_path, kind, shape, compressed):
    array = np.random.default_rng(0).integers(-100, 100, shape).astype(kind)
    content = idx_bytes(array)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if compressed else content)
    found = read_idx(path)
    assert found.dtype == np.dtype(kind) and found.dtype.isnative
    assert found.flags.writeable
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda c: c[:-1], r"expected 22 bytes for shape \(2, 5\) of uint8, found 21"),
        (lambda c: c + b"x", r"expected 22 bytes .* found 23"),
        (lambda c: c[:7], "expected a header of 12 bytes, found 7"),
        (lambda c: b"", "expected an IDX header"),
        (lambda c: b"\1" + c[1:], "expected an IDX header"),
        (lambda c: c[:2] + b"\7" + c[3:], "expected an IDX header"),
        (lambda c: gzip.compress(c)[:-9], "gzip data damaged or truncated"),
        (lambda c: gzip.compress(c)[:12] + b"\xff\xff" + gzip.compress(c)[14:], "gzip data damaged"),
    ],
)
def test_damage_is_named_with_the_file(tmp_path, damage, message):
    content = idx_bytes(np.arange(10, dtype="u1").reshape(2, 5))
    path = tmp_path / "images"
    path.write_bytes(damage(content))
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)

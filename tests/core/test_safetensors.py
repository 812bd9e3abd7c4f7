"""The safetensors format: values, the specification, the safetensors library, damaged files."""

import io

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.checkpoint import load_safetensors, save_safetensors
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.model import CNN

DTYPES = ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", "?", "c8"]


def test_safetensors_keeps_every_dtype_and_shape(tmp_path):
    tensors = {d: ours.from_numpy(np.arange(6).reshape(2, 3).astype(d)) for d in DTYPES}
    tensors["transposed"] = ours.from_numpy(np.arange(6.0).reshape(2, 3).T)
    tensors["empty"] = ours.ones(0, 2)
    tensors["scalar"] = ours.tensor(2.0)
    tensors["big endian"] = np.arange(3, dtype=">f4")
    save_safetensors(tensors, tmp_path / "file", {"framework": "numpy"})
    loaded = load_safetensors(tmp_path / "file")
    assert list(loaded) == list(tensors)
    for name, tensor in tensors.items():
        array = getattr(tensor, "array", tensor)
        assert loaded[name].array.dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(loaded[name].array, array)
        loaded[name].array[...] = 0  # its own memory, writable


def test_safetensors_by_its_specification(tmp_path):
    """A file written by hand as the specification says; and ours taken apart as it says."""
    header = b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]},"__metadata__":{"a":"b"}}'
    values = (np.array([1.5, -2.0], np.float32).view(np.uint32) >> 16).astype("<u2").tobytes()
    (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header + values)
    loaded = load_safetensors(tmp_path / "file")
    assert loaded["x"].tolist() == [1.5, -2.0]
    file = io.BytesIO()
    save_safetensors({"w": np.array([[1, 2]], ">i2")}, file, {"k": "v"})
    data = file.getvalue()
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    assert data[8 : 8 + size].rstrip() == (
        b'{"__metadata__":{"k":"v"},"w":{"dtype":"I16","shape":[1,2],"data_offsets":[0,4]}}'
    )
    assert data[8 + size :] == b"\x01\x00\x02\x00"


def test_safetensors_is_read_and_written_by_its_own_library(tmp_path):
    from safetensors import numpy as library

    model = CNN(channels=2, hidden=4, image_size=8)
    save_safetensors(model.state_dict(), tmp_path / "ours", {"epoch": "3"})
    theirs = library.load_file(tmp_path / "ours")
    for name, tensor in model.state_dict().items():
        np.testing.assert_array_equal(theirs[name], tensor.array)
    library.save_file(theirs, tmp_path / "theirs")
    model.load_state_dict(load_safetensors(tmp_path / "theirs"))


@pytest.mark.parametrize(
    "header",
    [
        b'{"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}',
        b'{"x":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}',
        b'{"x":{"dtype":"F32","shape":[1]}}',
        b'{"x":3}',
        b"[1]",
        b"{",
    ],
)
def test_safetensors_with_a_wrong_header(tmp_path, header):
    (tmp_path / "file").write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
    with pytest.raises(CheckpointError, match="restore the file"):
        load_safetensors(tmp_path / "file")


def test_safetensors_errors():
    with pytest.raises(CheckpointError, match="'x', found complex128; convert it"):
        save_safetensors({"x": np.ones(1, complex)}, io.BytesIO())
    with pytest.raises(CheckpointError, match="found list"):
        save_safetensors({"x": [1.0]}, io.BytesIO())
    header = b'{"x":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}'
    with pytest.raises(CheckpointError, match="F8_E4M3"):
        load_safetensors(io.BytesIO(len(header).to_bytes(8, "little") + header + b"\0"))

import io
import os
import zipfile
from collections import Counter, OrderedDict

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.checkpoint import load, load_safetensors, save, save_safetensors
from cnn_physics77.core.errors import CheckpointError
from cnn_physics77.core.model import CNN


def round_trip(obj):
    file = io.BytesIO()
    save(obj, file)
    file.seek(0)
    return load(file)


def same(a, b):
    """Equal in type, structure and bits."""
    assert type(a) is type(b)
    if isinstance(a, ours.Tensor):
        assert a.requires_grad == b.requires_grad
        return same(a.array, b.array)
    if isinstance(a, np.ndarray | np.generic):
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
    elif isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b):
            same(x, y)
    else:
        assert a == b or (a != a and b != b)
    return True


def test_everything_that_may_be_saved_comes_back():
    obj = {
        "numbers": [
            0,
            -(10**30),
            1.5,
            1e-320,
            float("inf"),
            float("nan"),
            complex(0, float("-inf")),
            True,
            None,
        ],
        ("tuple", 1): {"text": "ä\n", 3: {}, None: [], 2.5: ()},
        "sets": [{1, 2}, frozenset({"a"})],
        "dicts": [OrderedDict([("b", 1), ("a", 2)]), Counter([3, 3])],
        "tensors": [
            ours.ones(2, 3).requires_grad_(),
            ours.nn.Parameter(ours.zeros(2)),
            ours.tensor(7),
            ours.from_numpy(np.arange(6.0).reshape(2, 3).T),
            ours.from_numpy(np.zeros((0, 3), np.complex128)),
        ],
        "arrays": [np.arange(3, dtype=np.uint8), np.float32(2.5), np.array(True)],
        "kinds": [np.dtype("float16"), ours.device("cpu")],
    }
    assert same(obj, round_trip(obj))


def test_one_array_stays_one():
    x = ours.ones(3)
    first, second, third = round_trip([x, x.detach(), x.array])
    assert first.array is second.array is third


def test_model_optimizer_and_scheduler_go_on_as_if_nothing_had_happened(tmp_path):
    def build():
        model = CNN(channels=2, hidden=4, image_size=8)
        optimizer = ours.optim.Adam(model.parameters(), lr=0.01, amsgrad=True)
        return model, optimizer, ours.optim.lr_scheduler.MultiStepLR(optimizer, [3, 3, 5])

    def train(model, optimizer, scheduler, steps):
        rng = np.random.default_rng(0)
        for _ in range(steps):
            x = ours.from_numpy(rng.normal(size=(4, 1, 8, 8)).astype("float32"))
            optimizer.zero_grad()
            ours.nn.functional.cross_entropy(model(x), ours.tensor([0, 1, 2, 3])).backward()
            optimizer.step()
            scheduler.step()

    first = build()
    train(*first, steps=4)
    path = tmp_path / "run.ckpt"
    save([part.state_dict() for part in first], path)
    second = build()
    for part, state in zip(second, load(path)):
        part.load_state_dict(state)
    train(*first, steps=3)
    train(*second, steps=3)
    for p, q in zip(first[0].parameters(), second[0].parameters()):
        assert same(p, q)
    assert first[1].param_groups[0]["lr"] == second[1].param_groups[0]["lr"]


@pytest.mark.parametrize("bad", [lambda x: x, object(), ours.nn.Identity(), np.array(["text"]), b"bytes"])
def test_what_cannot_be_saved_is_named_with_its_place(bad):
    with pytest.raises(CheckpointError, match=r"at obj\['a'\]\[1\]; save the state_dict\(\)"):
        save({"a": [1, bad]}, io.BytesIO())


def test_recorded_results_are_refused():
    with pytest.raises(CheckpointError, match="recorded operation"):
        save(ours.ones(1, requires_grad=True) * 2, io.BytesIO())


@pytest.mark.parametrize(
    "write", [lambda p: save({"x": ours.ones(100)}, p), lambda p: save_safetensors({"x": ours.ones(100)}, p)]
)
def test_every_truncation_is_seen(tmp_path, write):
    path = tmp_path / "file"
    write(path)
    whole = path.read_bytes()
    read = load if zipfile.is_zipfile(path) else load_safetensors
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=f"found {length} bytes that are truncated"):
            read(path)


def test_altered_bytes_are_seen(tmp_path):
    path = tmp_path / "file"
    save({"x": ours.ones(100)}, path)
    whole = bytearray(path.read_bytes())
    middle = whole.index(np.float32(1).tobytes() * 10)
    whole[middle] ^= 1
    path.write_bytes(whole)
    with pytest.raises(CheckpointError, match="altered"):
        load(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "file"
    torch.save({"x": torch.ones(2)}, path)
    with pytest.raises(CheckpointError, match="PyTorch's own"):
        load(path)
    np.savez(tmp_path / "a.npz", x=np.ones(2))
    with pytest.raises(CheckpointError, match="another archive"):
        load(tmp_path / "a.npz")
    path.write_text("text")
    for read in (load, load_safetensors):
        with pytest.raises(CheckpointError, match="another format"):
            read(path)
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "nothing")
    with pytest.raises(RuntimeError, match="cuda"):
        load(path, map_location="cuda")


def test_no_pickle_is_ever_read(tmp_path):
    path = tmp_path / "file"
    save({"x": np.zeros(1)}, path)
    evil = io.BytesIO()
    np.save(evil, np.array([print], dtype=object), allow_pickle=True)
    with zipfile.ZipFile(path) as archive:
        structure = archive.read("structure.json")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("structure.json", structure)
        archive.writestr("arrays/0.npy", evil.getvalue())
    with pytest.raises(CheckpointError, match="allow_pickle=False"):
        load(path)


def test_an_interrupted_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    save({"x": 1}, path)
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        save({"x": 2}, path)
    with pytest.raises(KeyboardInterrupt):
        save_safetensors({"x": ours.ones(1)}, path)
    assert load(path) == {"x": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_permissions_are_those_of_an_ordinary_file(tmp_path):
    save(1, tmp_path / "a")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


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

import datetime
import enum
import io
import os
import threading
import uuid
import zipfile
from argparse import Namespace
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from types import SimpleNamespace
from zoneinfo import ZoneInfo

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


@pytest.mark.parametrize("bad", [lambda x: x, (i for i in ())], ids=["function", "generator"])
def test_what_cannot_be_saved_is_named_with_its_place(bad):
    with pytest.raises(CheckpointError, match=r"at obj\['a'\]\[1\]; save the state_dict\(\)"):
        save({"a": [1, bad]}, io.BytesIO())


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
    torch.save({"x": torch.ones(2)}, path, _use_new_zipfile_serialization=False)
    with pytest.raises(CheckpointError, match=r"PyTorch's format before 1\.6"):
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
    with pytest.raises(CheckpointError, match="an array of object and shape"):
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


def test_permissions_are_those_of_an_ordinary_file(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "umask", None)  # it would be another one for all threads in the meantime
    save(1, tmp_path / "a")
    (tmp_path / "b").write_bytes(b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode
    (tmp_path / "a").chmod(0o640)
    save(2, tmp_path / "a")
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_what_is_no_ordinary_file_stays_what_it_is(tmp_path):
    (tmp_path / "run7").write_bytes(b"old")
    (tmp_path / "latest").symlink_to("run7")
    save(7, tmp_path / "latest")
    assert (tmp_path / "latest").is_symlink() and load(tmp_path / "run7") == load(tmp_path / "latest") == 7
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()), daemon=True)
    reader.start()
    save(8, pipe)
    reader.join(20)
    assert pipe.is_fifo() and load(io.BytesIO(read[0])) == 8
    with pytest.raises(IsADirectoryError):
        save(1, tmp_path)
    save(9, os.fsencode(tmp_path / "named in bytes"))
    save(9, tmp_path / ("a" * 255))
    assert load(tmp_path / "named in bytes") == load(tmp_path / ("a" * 255)) == 9
    assert len(list(tmp_path.iterdir())) == 5  # nothing temporary


# ----------------------------------------------------------- what scripts keep beside weights


def utc(hours, name=None):
    offset = datetime.timedelta(hours=hours)
    return datetime.timezone(offset) if name is None else datetime.timezone(offset, name)


BESIDE_WEIGHTS = {
    "namespace": Namespace(lr=0.1, layers=[1, 2], out=PurePosixPath("runs/a"), inner=Namespace()),
    "simple namespace": SimpleNamespace(a=1, b=SimpleNamespace(c=None)),
    "namespace with odd names": Namespace(**{"a b": 1, "ä": 2}),
    "bytes": [b"", bytes(range(256)), bytearray(b"\x00\xff")],
    "ranges": [range(3), range(10, 0, -3), range(0), slice(1, None, -2), slice(None)],
    "paths": [Path("a/b"), Path(), PurePosixPath("/a//b"), PureWindowsPath("c:\\a")],
    "default dictionaries": [
        defaultdict(list, a=[1]),
        defaultdict(int),
        defaultdict(None, {1: 2}),
        defaultdict(dict, {("k", 1): {}}),
    ],
    "other containers": [
        deque([1, [2]]),
        deque([1, 2], maxlen=2),
        OrderedDict([(2, 1), (1, 2)]),
        Counter("abba"),
        {1, 2.5, "x", (1, b"2")},
        frozenset({frozenset({1})}),
    ],
    "dates": [
        datetime.date(2026, 2, 28),
        datetime.datetime(1, 1, 1),
        datetime.datetime(2026, 11, 29, 16, 12, 13, 999_999),
        datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc),  # noqa: UP017
        datetime.datetime(2026, 1, 1, tzinfo=utc(-3.5)),
        datetime.datetime(2026, 1, 1, tzinfo=utc(2, "here")),
        datetime.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime.time(1, 2, 3, 4, tzinfo=utc(1)),
        datetime.timedelta(days=-1, microseconds=1),
        utc(5),
    ],
    "numbers": [Decimal("1.10"), Decimal("NaN"), Fraction(-1, 3), complex(float("nan"), -0.0), 10**40, True],
    "numbers of numpy": [
        np.float64(1 / 3),
        np.float16(2),
        np.complex64(1j),
        np.bool_(True),
        np.int8(-1),
        np.uint64(2**64 - 1),
        np.datetime64("2026-01-01"),
        np.timedelta64(3, "s"),
        np.longdouble(1) / 3,
    ],
    "arrays": [
        np.arange(3.0),
        np.zeros((0, 2)),
        np.array(1),
        np.arange(6).reshape(2, 3)[:, ::-1],
        np.array([1], ">i4"),
        np.array(["2026-01-01"], "M8[D]"),
    ],
    "identifiers": [uuid.UUID(int=1), "\ud800", "", "\0", None],
}


@pytest.mark.parametrize("name", BESIDE_WEIGHTS)
def test_what_scripts_keep_beside_the_weights_comes_back(name):
    value = BESIDE_WEIGHTS[name]
    loaded = round_trip({"state": ours.ones(2), "value": value})["value"]
    assert equal(value, loaded)


def equal(a, b):
    """As :func:`same`, also within the further kinds."""
    if isinstance(a, Namespace | SimpleNamespace):
        assert type(a) is type(b) and list(vars(a)) == list(vars(b))
        return all(equal(v, vars(b)[k]) for k, v in vars(a).items())
    if isinstance(a, list):
        assert type(b) is list and len(a) == len(b)
        return all(map(equal, a, b))
    if isinstance(a, defaultdict):
        assert a.default_factory is b.default_factory
    if isinstance(a, deque):
        assert a.maxlen == b.maxlen
    if isinstance(a, datetime.datetime | datetime.time):
        assert repr(a) == repr(b)  # equality looks neither at the name of the zone nor at the fold
    if isinstance(a, Decimal | complex):
        return type(a) is type(b) and repr(a) == repr(b)
    return same(a, b)


def test_a_default_dictionary_of_a_function_comes_back_as_what_is_in_it():
    """A function cannot be stored, and the weights beside it must not be lost for that."""
    loaded = round_trip(defaultdict(lambda: 3, a=1))
    assert type(loaded) is dict and loaded == {"a": 1}


def endless():
    """A list that contains itself, and what PyTorch's format does not hold."""
    found = [Decimal(1)]
    found.append({"again": found})
    return found


class Colour(enum.Enum):
    RED = 1


class Zone(datetime.tzinfo):
    def utcoffset(self, when):
        return datetime.timedelta(0)


@pytest.mark.parametrize(
    "value",
    [
        Colour.RED,
        len,
        Colour,
        ...,
        endless(),
    ],
    ids=str,
)
def test_what_only_a_pickle_can_hold_is_read_when_asked_for(tmp_path, value):
    path = tmp_path / "file"
    save(Namespace(args={"v": value}), path)
    for given in ({}, {"weights_only": True}, {"weights_only": None}):
        with pytest.raises(CheckpointError, match=r"'argparse.Namespace'; nothing .* weights_only=False"):
            load(path, **given)
    assert repr(load(path, weights_only=False).args["v"]) == repr(value)
    with pytest.raises(
        CheckpointError, match=r"found \w+ at obj\.v; save the state_dict.*; nor can it be pickled"
    ):
        save(Namespace(v=lambda: value), path)
    assert repr(load(path, weights_only=False).args["v"]) == repr(value)  # the old file stays
    assert os.listdir(tmp_path) == ["file"]


def test_a_whole_module_comes_back():
    model = ours.nn.Sequential(ours.nn.Linear(2, 3), ours.nn.BatchNorm1d(3), ours.nn.Linear(3, 1)).eval()
    model[2].weight = model[2].weight
    optimizer = ours.optim.Adam(model.parameters())
    model(ours.ones(4, 2)).sum().backward()
    optimizer.step()
    file = io.BytesIO()
    save({"model": model, "optimizer": optimizer}, file)
    file.seek(0)
    loaded = load(file, weights_only=False)
    assert (
        ours.equal(loaded["model"](ours.ones(4, 2)), model(ours.ones(4, 2))) and not loaded["model"].training
    )
    assert loaded["optimizer"].param_groups[0]["params"][0] is loaded["model"][0].weight


def test_strings_of_numpy_are_pickled():
    file = io.BytesIO()
    save(np.array(["text"]), file)
    file.seek(0)
    assert load(file, weights_only=False).tolist() == ["text"]


def test_a_structure_that_contains_itself_is_pickled():
    x = ours.ones(1)
    x.me = [x]
    file = io.BytesIO()
    save(x, file)
    file.seek(0)
    found = load(file, weights_only=False)
    assert found.me[0] is found
    twice = [1]
    assert round_trip([twice, twice, (), ((),)]) == [[1], [1], (), ((),)]


# ----------------------------------------------------------- tensors stay what they were


def test_tensors_on_one_memory_come_back_on_one_memory():
    """As with PyTorch's own files, whatever the kind of view."""

    def structure(t):
        base = t.arange(24.0)
        matrix = base.reshape(4, 6)
        return {
            "views": [matrix[1:, ::2], base, matrix.t(), base[5], base[20:]],
            "apart": [t.zeros(4)[:2], t.zeros(4)[2:]],
            "expanded": t.ones(1).expand(3),
        }

    def loaded(t):
        file = io.BytesIO()
        t.save(structure(t), file)
        file.seek(0)
        return t.load(file)

    expected, found = loaded(torch), loaded(ours)
    for t in (expected, found):
        t["views"][1].mul_(-1)
        t["views"][2][0, 0] = 100
    for name in ("views", "apart"):
        for e, f in zip(expected[name], found[name]):
            np.testing.assert_array_equal(f.numpy(), e.numpy())
            assert f.stride() == e.stride()
    assert found["expanded"].stride() == expected["expanded"].stride() == (0,)


def test_views_of_other_dtypes_come_back_on_one_memory():
    """Which PyTorch's files cannot hold."""
    wave = ours.complex(ours.ones(3), ours.zeros(3))
    whole = ours.arange(4)
    real, loaded, imag, pieces, number = round_trip(
        [wave.real, wave, wave.imag, whole.view(ours.int16), whole]
    )
    loaded *= 2j
    assert real.tolist() == [0.0] * 3 and imag.tolist() == [2.0] * 3
    pieces[4] = 7
    assert number.tolist() == [0, 7, 2, 3]


def test_a_small_part_of_a_large_memory_is_stored_without_the_rest():
    file = io.BytesIO()
    large = ours.zeros(1_000_000)
    save([large[:10], large[500_000:500_010], large[7::1000][:3]], file)
    assert len(file.getvalue()) < 20_000


@pytest.mark.parametrize("order", [ours.channels_last, ours.contiguous_format])
def test_the_order_of_memory_comes_back(order):
    x = ours.arange(24.0).reshape(1, 2, 3, 4).contiguous(memory_format=order)
    y = ours.arange(24.0).reshape(3, 2, 4).permute(2, 0, 1)
    for given, saved in ((x, x), (y, y), (y[::2], y[::2].clone())):  # without gaps, as a copy of it
        loaded = round_trip(given)
        assert loaded.stride() == saved.stride()
        np.testing.assert_array_equal(loaded.numpy(), saved.numpy())
        loaded.add_(1)  # its own memory, writable


def test_attributes_and_kinds_of_tensors_come_back():
    p = ours.nn.Parameter(ours.ones(2))
    p.tag, p.grad = {"group": [1, ours.zeros(1)]}, ours.ones(2)
    p.register_hook(lambda g: g)
    b = ours.nn.Buffer(ours.ones(2), persistent=False)
    loaded = round_trip([p, b, ours.ones(1)])
    assert [type(t) for t in loaded] == [ours.nn.Parameter, ours.nn.Buffer, ours.Tensor]
    assert loaded[0].tag["group"][1].tolist() == [0.0] and loaded[0].requires_grad
    assert loaded[0].grad is None and not loaded[0].hooks
    assert loaded[1].persistent is False and not hasattr(loaded[2], "tag")
    p.tag = lambda: 1
    with pytest.raises(CheckpointError, match=r"at obj\[0\]\.tag"):
        save([p], io.BytesIO())

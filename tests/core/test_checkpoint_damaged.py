"""Damaged and forged checkpoints are a CheckpointError, and nothing in them is run; other versions."""

import io
import json
import zipfile

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.checkpoint import (
    load,
    load_safetensors,
    save,
    save_safetensors,
    writer_of_own_format,
)
from cnn_physics77.core.errors import CheckpointError


def save_in_own_format(obj, file):
    with zipfile.ZipFile(file, "w") as archive:
        writer_of_own_format(obj)(archive)


def rewritten(obj, change):
    """The file of an object, after ``change(structure)``."""
    file, other = io.BytesIO(), io.BytesIO()
    save_in_own_format(obj, file)
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(other, "w") as changed:
        for entry in archive.namelist():
            text = archive.read(entry)
            if entry == "structure.json":
                structure = json.loads(text)
                change(structure)
                text = json.dumps(structure)
            changed.writestr(entry, text)
    other.seek(0)
    return other


@pytest.mark.parametrize(
    "content",
    [
        {"defaultdict": [], "factory": "eval"},
        {"defaultdict": [], "factory": "__import__"},
        {"os.system": "true"},
        {"set": [{"list": []}]},
        {"range": [0, 1, 0]},
        {"range": ["a"]},
        {"UUID": "x"},
        {"datetime": "x", "zone": None, "fold": 0},
        {"datetime": "2026-01-01T00:00:00", "zone": "../../etc/passwd", "fold": 0},
        {"Decimal": "x"},
        {"Fraction": "1/0"},
        {"bytes": "x"},
        {"bytes": "###"},
        {"Fraction": "1e999999999"},  # seconds to minutes for Fraction itself
        {"datetime": "2026-01-01T00:00:00", "zone": "America", "fold": 0},  # a folder of zones
        {"datetime": "2026-01-01T00:00:00", "zone": "a" * 5000, "fold": 0},
        {"dtype": None},
        {"dtype": "f4,O"},
        {"array": 7},
        {"deque": []},
        {"tensor": 0, "requires_grad": False, "attributes": [["array", 1]]},
        {"tensor": 0, "requires_grad": False, "attributes": [["hooks", {"list": []}]]},
        {},
    ],
)
def test_a_file_with_other_contents_makes_nothing(content):
    with pytest.raises(CheckpointError):
        load(rewritten([ours.ones(2)], lambda structure: structure.update(content=content)))


@pytest.mark.parametrize(
    "view",
    [
        {"of": 1, "offset": 0, "shape": [10**6], "strides": [4], "dtype": "<f4"},
        {"of": 1, "offset": -8, "shape": [1], "strides": [4], "dtype": "<f4"},
        {"of": 1, "offset": 0, "shape": [1], "strides": [4], "dtype": "|O"},
        {"of": 1, "offset": 0, "shape": [3], "strides": [-4], "dtype": "<f4"},
        {"of": 9, "offset": 0, "shape": [1], "strides": [4], "dtype": "<f4"},
        {"of": 1, "offset": 0, "shape": [1], "strides": [4], "dtype": "V4"},
        {"axes": [0, 1], "shape": [2]},
    ],
)
def test_a_view_beyond_its_memory_is_refused(view):
    base = ours.arange(4.0)
    with pytest.raises(CheckpointError):
        load(rewritten([base, base[1:]], lambda structure: structure["views"].update({"0": view})))


def npy(header: str, body: bytes = b"") -> bytes:
    text = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


def written(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
@pytest.mark.parametrize(
    "array",
    [
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (35184372088832,)}"),  # 256 TiB
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}", bytes(8)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2,)}", bytes(24)),
        npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1"),
        written(np.array(["a", "b"])),
        written(np.zeros(2, [("a", "f4")])),
        written(np.zeros(2, np.longdouble)),
        written(np.zeros(2, "M8[s]")),
    ],
    ids=["huge", "negative", "longer", "cut", "text", "records", "longdouble", "times"],
)
def test_a_tensor_of_what_no_tensor_holds_is_refused(array, compression):
    file = io.BytesIO()
    structure = {"format": "cnn_physics77 checkpoint", "version": 2, "views": {}}
    with zipfile.ZipFile(file, "w", compression) as archive:
        content = {"tensor": 0, "requires_grad": False}
        archive.writestr("structure.json", json.dumps(structure | {"content": content}))
        archive.writestr("arrays/0.npy", array)
    file.seek(0)
    with pytest.raises(CheckpointError):
        load(file)


def test_a_tensor_in_the_byte_order_of_another_machine_is_converted():
    file = io.BytesIO()
    structure = {"format": "cnn_physics77 checkpoint", "version": 2, "views": {}}
    with zipfile.ZipFile(file, "w") as archive:
        content = {"tensor": 0, "requires_grad": True}
        archive.writestr("structure.json", json.dumps(structure | {"content": content}))
        archive.writestr("arrays/0.npy", written(np.array([1.0, -2.0], ">f4")))
    file.seek(0)
    loaded = load(file)
    assert loaded.array.dtype.isnative and loaded.tolist() == [1.0, -2.0] and loaded.requires_grad


@pytest.mark.parametrize("write", [save, save_in_own_format])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_no_single_bit_brings_anything_but_a_checkpoint_error(compression, write):
    """Bits of an archive also mean: encrypted, compressed, another disk."""
    if write is save and compression != zipfile.ZIP_STORED:
        return  # the archive is read in the same way
    file, repacked = io.BytesIO(), io.BytesIO()
    write({"a": ours.ones(3, 4).t(), "n": 1}, file)
    with zipfile.ZipFile(file) as archive, zipfile.ZipFile(repacked, "w", compression) as other:
        for entry in archive.namelist():
            other.writestr(entry, archive.read(entry))
    data = bytearray(repacked.getvalue())
    refused = 0
    for place in range(len(data)):
        for bit in (1, 8, 128):
            data[place] ^= bit
            try:
                load(io.BytesIO(data))
            except CheckpointError:
                refused += 1
            data[place] ^= bit
    assert refused > len(data)


@pytest.mark.parametrize("header", [b"[" * 100_000, b"9" * 5000])
def test_safetensors_with_a_header_that_no_parser_likes(header):
    with pytest.raises(CheckpointError):
        load_safetensors(io.BytesIO(len(header).to_bytes(8, "little") + header))


@pytest.mark.parametrize("names", [{1: 0}, {"__metadata__": 0}])
def test_safetensors_refuses_names_that_would_not_come_back(names):
    with pytest.raises(CheckpointError, match="expected names and metadata that are strings"):
        save_safetensors({name: ours.ones(1) for name in names}, io.BytesIO())
    with pytest.raises(CheckpointError, match="found 3"):
        save_safetensors({"a": ours.ones(1)}, io.BytesIO(), metadata={"epoch": 3})


def test_a_file_of_a_later_version_says_so():
    with pytest.raises(CheckpointError, match="found version 99; update the package"):
        load(rewritten([], lambda structure: structure.update(version=99)))


def test_files_of_the_first_version_are_read():
    def earlier(structure):
        assert structure.pop("views") == {}
        structure["version"] = 1

    loaded = load(rewritten([ours.ones(2), ours.device("cpu"), {1}], earlier))
    assert loaded[1:] == [ours.device("cpu"), {1}] and loaded[0].tolist() == [1, 1]


def test_safetensors_on_the_same_bytes_are_refused():
    """A short header could ask for any number of copies of one tensor."""
    entry = {"dtype": "U8", "shape": [100], "data_offsets": [0, 100]}
    backwards = entry | {"data_offsets": [100, 0]}
    for entries in ({"a": entry, "b": entry}, {"a": entry, "b": entry, "c": backwards}):
        header = json.dumps(entries).encode()
        with pytest.raises(CheckpointError, match="tensors of 200 bytes in 100"):
            load_safetensors(io.BytesIO(len(header).to_bytes(8, "little") + header + bytes(100)))


def test_files_of_text_and_depths_of_recursion_are_named(tmp_path):
    for use in (lambda: save(1, io.StringIO()), lambda: load(io.StringIO("a"))):
        with pytest.raises(TypeError, match="expected a path or a binary file, found a text file"):
            use()
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(CheckpointError, match=r"save: .* too deep for Python's limit of recursion"):
        save(deep, tmp_path / "deep")
    assert not list(tmp_path.iterdir())
    while deep:  # piece by piece
        deep = deep.pop()

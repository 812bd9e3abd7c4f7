"""The search for data: order, usual forms, verification, mirrors, the replacement, and every error.

Small files with invented content and their own hashes stand for MNIST, a server on this machine for mirrors.
"""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import shutil
import struct
import sys
import threading

import numpy as np
import pytest
import scipy.ndimage

from cnn_physics77 import datasets
from cnn_physics77.core.errors import DataError


def idx(array):
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes(), mtime=0)


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A tiny "mnist" whose originals lie in `world.originals`; an empty checkout and cache; no mirrors."""
    draw = np.random.default_rng(0)
    arrays = [
        draw.integers(0, 256, (6, 28, 28), dtype=np.uint8),
        draw.integers(0, 10, 6, dtype=np.uint8),
        draw.integers(0, 256, (4, 28, 28), dtype=np.uint8),
        draw.integers(0, 10, 4, dtype=np.uint8),
    ]
    originals = tmp_path / "originals"
    originals.mkdir()
    contents = [idx(array) for array in arrays]
    plain = [gzip.decompress(c) for c in contents]
    files = datasets._files(
        *(
            (len(c), hashlib.sha256(c).hexdigest(), len(p), hashlib.sha256(p).hexdigest())
            for c, p in zip(contents, plain)
        )
    )
    for file, content in zip(files, contents):
        (originals / file.name).write_bytes(content)
    layouts = datasets.SOURCES["mnist"].layouts
    source = datasets._Source("MNIST", tuple("0123456789"), (), files, layouts)
    monkeypatch.setitem(datasets.SOURCES, "mnist", source)
    monkeypatch.delenv(datasets.VARIABLE, raising=False)
    package = tmp_path / "checkout" / "cnn_physics77"
    package.mkdir(parents=True)
    monkeypatch.setattr(datasets, "__file__", str(package / "datasets.py"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # platformdirs on Linux
    monkeypatch.setattr(datasets, "cache_folder", lambda name: tmp_path / "cache" / name)

    class World:
        root, folder, checkout, cache = tmp_path, originals, package.parent, tmp_path / "cache" / "mnist"

        def put(self, folder):
            shutil.copytree(originals, folder, dirs_exist_ok=True)
            return folder

        def serve(self, *folders):
            mirrors = []
            for folder in folders:
                handler = functools.partial(Quiet, directory=str(folder))
                server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
                threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
                servers.append(server)
                mirrors.append(f"http://127.0.0.1:{server.server_port}/")
            changed = datasets._Source("MNIST", source.classes, tuple(mirrors), files, layouts)
            monkeypatch.setitem(datasets.SOURCES, "mnist", changed)

    servers = []
    world = World()
    world.arrays, world.files = arrays, files
    yield world
    for server in servers:
        server.shutdown()
        server.server_close()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


def test_content_shapes_dtypes_and_record(world):
    data = datasets.load("mnist", world.folder)
    np.testing.assert_array_equal(data.train_images, world.arrays[0][:, None])
    np.testing.assert_array_equal(data.train_labels, world.arrays[1])
    np.testing.assert_array_equal(data.test_images, world.arrays[2][:, None])
    np.testing.assert_array_equal(data.test_labels, world.arrays[3])
    assert data.train_images.dtype == np.uint8 and data.test_labels.dtype == np.int64
    assert data.title == "MNIST" and not data.fallback and data.source == str(world.folder)
    assert data.sha256 == {file.name: file.sha256 for file in world.files}


def test_order_of_search(world, monkeypatch):
    world.put(world.cache)
    assert datasets.load("auto").source == str(world.cache)
    (world.checkout / "pyproject.toml").touch()
    world.put(world.checkout / "data" / "mnist")
    assert datasets.load("auto").source == str(world.checkout / "data" / "mnist")
    world.put(world.root / "variable" / "mnist")
    monkeypatch.setenv(datasets.VARIABLE, str(world.root / "variable"))
    assert datasets.load("auto").source == str(world.root / "variable" / "mnist")
    assert datasets.load("auto", world.folder).source == str(world.folder)


def test_without_a_project_file_a_neighbouring_data_folder_is_not_ours(world):
    world.put(world.checkout / "data" / "mnist")
    with pytest.raises(DataError, match="MNIST is not available"):
        datasets.load("mnist")


def test_files_may_lie_in_several_places(world):
    for number, folder in enumerate([world.root / "part", world.cache]):
        folder.mkdir(parents=True)
        for file in world.files[2 * number : 2 * number + 2]:
            shutil.copy(world.folder / file.name, folder)
    assert datasets.load("mnist", world.root / "part").source == f"{world.root / 'part'}, {world.cache}"


@pytest.mark.parametrize("place", ["folder", "variable", "checkout", "cache"])
@pytest.mark.parametrize("damage", ["truncated", "altered", "empty"])
@pytest.mark.parametrize("name", ["auto", "mnist"])
def test_a_damaged_file_is_an_error_wherever_it_lies(world, monkeypatch, place, damage, name):
    (world.checkout / "pyproject.toml").touch()
    folders = {
        "folder": world.root / "named",
        "variable": world.root / "variable",
        "checkout": world.checkout / "data" / "mnist",
        "cache": world.cache,
    }
    folder = world.put(folders[place])
    if place == "variable":
        monkeypatch.setenv(datasets.VARIABLE, str(folder))
    file = world.files[2]
    path = folder / file.name
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes({"truncated": content[:-7], "altered": content, "empty": b""}[damage])
    world.serve(world.folder)  # sound copies elsewhere do not excuse it
    with pytest.raises(DataError) as caught:
        datasets.load(name, folder if place == "folder" else None)
    message = str(caught.value)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert str(path) in message and file.sha256 in message and found in message
    assert ("altered" if damage == "altered" else "truncated") in message and "\n" not in message


def test_what_is_no_readable_file(world):
    folder = world.put(world.root / "named")
    path = folder / world.files[0].name
    path.unlink()
    path.mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        datasets.load("auto", folder)
    path.rmdir()
    path.symlink_to(folder / "nowhere")
    with pytest.raises(DataError, match=f"{path}: cannot be read"):
        datasets.load("auto", folder)


def test_a_named_folder_must_exist(world, monkeypatch):
    with pytest.raises(DataError, match=r"--data_dir names .*nowhere: expected a folder, found nothing"):
        datasets.load("auto", world.root / "nowhere")
    file = world.folder / world.files[0].name
    with pytest.raises(DataError, match=rf"--data_dir names {file}: expected a folder, found a file"):
        datasets.load("auto", file)
    (world.root / "link").symlink_to(world.root / "nowhere")
    with pytest.raises(DataError, match=r"link: expected a folder, found a broken link"):
        datasets.load("auto", world.root / "link")
    monkeypatch.setenv(datasets.VARIABLE, str(world.root / "absent"))
    with pytest.raises(DataError, match=r"\$CNN_PHYSICS77_DATA names .*absent: expected a folder"):
        datasets.load("auto")
    monkeypatch.delenv(datasets.VARIABLE)
    monkeypatch.setenv("HOME", str(world.root))
    assert datasets.load("auto", "~/originals").source == str(world.folder)


def plain(path):
    path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
    path.unlink()


def kaggle(path):
    plain(path)
    path = path.with_suffix("")
    path.rename(path.with_name(path.name.replace("-idx", ".idx")))


def kaggle_folders(path):
    plain(path)
    content = path.with_suffix("").read_bytes()
    path.with_suffix("").unlink()
    path.with_suffix("").mkdir()
    (path.with_suffix("") / path.stem).write_bytes(content)


FORMS = {
    "as published": lambda path: None,
    "uncompressed": plain,
    "Kaggle's names": kaggle,
    "Kaggle's folders": kaggle_folders,
    "capitals": lambda path: path.rename(path.with_name(path.name.upper())),
    "dots": lambda path: path.rename(path.with_name(path.name.replace("-idx", ".idx").title())),
    "compressed anew": lambda path: path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1)),
    "both": lambda path: path.with_suffix("").write_bytes(b"unpacked, then damaged"),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("below", ["", "mnist", "MNIST/raw", "mnist/RAW", "MNIST", "raw"])
@pytest.mark.parametrize("place", ["folder", "variable"])
def test_usual_forms_of_the_files_are_found(world, monkeypatch, form, below, place):
    named = world.root / "named"
    folder = world.put(named / below)
    (named / "FashionMNIST" / "raw").mkdir(parents=True)
    for file in world.files:
        FORMS[form](folder / file.name)
        (named / "FashionMNIST" / "raw" / file.name).write_bytes(b"another data set with the same names")
    if place == "variable":
        monkeypatch.setenv(datasets.VARIABLE, str(named))
    data = datasets.load("mnist", named if place == "folder" else None, download=False)
    for array, expected in zip([data.train_images, data.train_labels], world.arrays):
        np.testing.assert_array_equal(array.squeeze(), expected)
    assert str(folder) in data.source and data.notes == []
    files = [path for path in folder.rglob("*") if path.is_file() and "FashionMNIST" not in path.parts]
    read = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    assert data.sha256.items() <= read.items() and len(data.sha256) == 4


def test_torchvisions_folder_of_fashion_mnist_is_found(world, monkeypatch):
    source = datasets.SOURCES["mnist"]
    fashion = datasets.SOURCES["fashion-mnist"]
    both = datasets._Source(fashion.title, fashion.classes, (), source.files, fashion.layouts)
    monkeypatch.setitem(datasets.SOURCES, "fashion-mnist", both)
    folder = world.put(world.root / "named" / "FashionMNIST" / "raw")
    (world.root / "named" / "MNIST" / "raw").mkdir(parents=True)
    data = datasets.load("fashion-mnist", world.root / "named", download=False)
    assert data.source == str(folder) and data.classes == fashion.classes


def test_what_cannot_be_verified_is_said(world, monkeypatch):
    """Of Fashion-MNIST's uncompressed files no hash was published."""
    files = tuple(dataclasses.replace(file, content_sha256=None) for file in world.files)
    monkeypatch.setitem(
        datasets.SOURCES, "mnist", dataclasses.replace(datasets.SOURCES["mnist"], files=files)
    )
    folder = world.put(world.root / "named")
    path = folder / world.files[1].name
    plain(path)
    data = datasets.load("mnist", folder, download=False)
    (note,) = data.notes
    assert f"{path.with_suffix('')}: read without verification" in note
    path.with_suffix("").write_bytes(path.with_suffix("").read_bytes()[:-1])
    with pytest.raises(DataError, match="is truncated: expected"):
        datasets.load("mnist", folder, download=False)


@pytest.mark.parametrize("damage", ["truncated", "altered", "empty"])
def test_a_damaged_uncompressed_file_is_an_error(world, damage):
    folder = world.put(world.root / "named")
    path = folder / world.files[2].name
    plain(path)
    path = path.with_suffix("")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes({"truncated": content[:-7], "altered": content, "empty": b""}[damage])
    with pytest.raises(DataError) as caught:
        datasets.load("auto", folder)
    message = str(caught.value)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    for part in (str(path), found, world.files[2].sha256, world.files[2].content_sha256):
        assert part in message
    assert ("altered" if damage == "altered" else "truncated") in message


def test_a_file_under_anothers_name_is_named(world):
    folder = world.put(world.root / "named")
    names = [file.name for file in world.files]
    (folder / names[0]).write_bytes((folder / names[2]).read_bytes())
    with pytest.raises(DataError, match=f"{names[0]} is {names[2]} of MNIST: expected SHA-256"):
        datasets.load("mnist", folder)


@pytest.mark.parametrize("whose", ["--data_dir", f"${datasets.VARIABLE}"])
def test_a_named_folder_is_never_passed_over_in_silence(world, monkeypatch, whose):
    world.put(world.cache)
    named = world.root / "named"
    named.mkdir()

    def load():
        if whose == "--data_dir":
            return datasets.load("mnist", named)
        monkeypatch.setenv(datasets.VARIABLE, str(named))
        return datasets.load("mnist")

    (note,) = load().notes
    assert f"{whose} names {named}, which holds none of the files of MNIST" in note
    assert "train-images-idx3-ubyte" in note and "MNIST/raw" in note and "found nothing" in note
    assert f"the files were read from {world.cache}" in note
    for name in ["mnist.npz", *"abcdefg"]:
        (named / name).touch()
    (note,) = load().notes
    assert "found a, b, c, d, e, f and 2 more" in note
    for file in world.files[1:]:
        shutil.copy(world.folder / file.name, named)
    data = load()
    (note,) = data.notes
    assert "holds not all of the files of MNIST: looked for train-images-idx3-ubyte (" in note
    assert data.source == f"{world.cache}, {named}"
    shutil.rmtree(world.cache)
    with pytest.raises(DataError, match="holds not all of the files of MNIST: looked for train-images-idx3"):
        datasets.load("mnist", named, download=False)
    fallback = datasets.load("auto", named, download=False)
    assert fallback.fallback and "holds not all of the files of MNIST" in fallback.notes[-1]


def test_the_digits_say_that_a_named_folder_is_not_used(world):
    (note,) = datasets.load("digits", world.folder).notes
    assert str(world.folder) in note and "not used" in note


def test_an_unreadable_folder_is_an_error(world, monkeypatch):
    def refuse(folder):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.listdir", refuse)
    with pytest.raises(DataError, match=r"originals: cannot be read .Permission denied"):
        datasets.load("mnist", world.folder)


def test_mirrors_fill_the_cache_once(world):
    world.serve(world.folder)
    first = datasets.load("mnist")
    assert first.source == str(world.cache) and len(first.notes) == 4
    for path in world.folder.iterdir():
        path.unlink()
    again = datasets.load("mnist")
    assert again.notes == []
    np.testing.assert_array_equal(again.train_images, world.arrays[0][:, None])


def test_the_next_mirror_helps_and_the_failure_is_told(world):
    bad = world.put(world.root / "bad")
    (bad / world.files[1].name).write_bytes(b"not what was asked for")
    empty = world.root / "none"
    empty.mkdir()
    world.serve(empty, bad, world.folder)
    data = datasets.load("mnist")
    np.testing.assert_array_equal(data.train_labels, world.arrays[1])
    assert any("HTTPError" in note for note in data.notes)
    assert any("is not the original" in note and world.files[1].name in note for note in data.notes)


def test_mirrors_are_not_asked_when_told(world):
    world.serve(world.folder)
    with pytest.raises(DataError, match="mirrors: not asked"):
        datasets.load("mnist", download=False)
    assert not world.cache.exists()


def test_only_altered_copies_is_an_error_even_for_auto(world):
    bad = world.put(world.root / "bad")
    (bad / world.files[0].name).write_bytes(b"not what was asked for")
    world.serve(bad)
    with pytest.raises(DataError, match="is not the original"):
        datasets.load("auto")


def test_what_was_tried_and_what_to_do(world):
    world.serve(world.root)  # reachable, but without the files
    with pytest.raises(DataError) as caught:
        datasets.load("mnist", world.root)
    message = str(caught.value)
    for part in (str(world.root), str(world.cache), "HTTPError", "--data_dir", "pip install"):
        assert part in message
    assert "\n" not in message


def test_auto_takes_the_digits_and_says_so(world):
    data = datasets.load("auto", download=False)
    assert data.fallback and "NOT MNIST" in data.title and data.name == "digits"
    assert "MNIST is not available; tried" in data.notes[-1]
    assert data.train_images.shape == (1500, 1, 28, 28) and data.test_images.shape == (297, 1, 28, 28)
    assert set(data.train_labels) == set(range(10))
    asked_for = datasets.load("digits")
    assert not asked_for.fallback and "NOT" not in asked_for.title
    np.testing.assert_array_equal(asked_for.test_images, data.test_images)


def test_enlarged_digits_against_an_independent_interpolation():
    small = np.random.default_rng(1).uniform(0, 16, (3, 8, 8))
    centres = (np.arange(24) + 0.5) / 3 - 0.5
    grid = np.meshgrid(centres, centres, indexing="ij")
    for image, large in zip(small, datasets.enlarge(small)):
        expected = scipy.ndimage.map_coordinates(image, grid, order=1, mode="nearest") * 255 / 16
        np.testing.assert_array_equal(large[2:-2, 2:-2], np.rint(expected).astype(np.uint8))
        assert large[:2].max() == large[-2:].max() == large[:, :2].max() == large[:, -2:].max() == 0


@pytest.mark.parametrize(
    ("missing", "name", "message"),
    [
        (["sklearn.datasets"], "digits", 'scikit-learn needs the package .*pip install "cnn_physics77'),
        (["sklearn.datasets"], "auto", "neither MNIST nor its replacement is available.*pip install"),
        (["pooch"], "mnist", "downloading needs the package pooch"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(world, monkeypatch, missing, name, message):
    for module in missing:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DataError, match=message):
        datasets.load(name)


def test_the_cache_needs_platformdirs(monkeypatch):
    assert datasets.cache_folder("mnist").parts[-2:] == ("data", "mnist")
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    with pytest.raises(DataError, match="the cache needs the package platformdirs"):
        datasets.cache_folder("mnist")


def test_unknown_name():
    with pytest.raises(DataError, match="expected a data set among auto, mnist, fashion-mnist, digits"):
        datasets.load("cifar")


def test_the_checkouts_files_are_the_originals():
    data = datasets.load("mnist", download=False)
    assert data.train_images.shape == (60000, 1, 28, 28) and data.test_images.shape == (10000, 1, 28, 28)
    # class counts of MNIST as published with the database
    counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(data.train_labels).tolist() == counts

"""Turns, threads, the ruler of memory, and the record of the machine."""

import os
import subprocess
import sys

import numpy as np
import pytest

from cnn_physics77.benchmarks.instruments import measure


def test_turns_share_a_linear_drift():
    """A B B A: with a drift that grows from turn to turn, both sides have the same mean over two rounds."""
    order = list(measure.interleaved(["a", "b"], 4))
    assert [side for _, side in order] == list("abbaabba")
    assert [number for number, _ in order] == [1, 1, 2, 2, 3, 3, 4, 4]
    for rounds in (2, 4):
        places = {"a": [], "b": []}
        for place, (_, side) in enumerate(measure.interleaved(["a", "b"], rounds)):
            places[side].append(place)
        assert np.mean(places["a"]) == np.mean(places["b"])


@pytest.mark.needs_torch
def test_the_variables_reach_every_pool_of_a_process():
    code = (
        "import numpy, torch, json; from cnn_physics77.benchmarks.instruments import "
        "measure;print(json.dumps([measure.thread_pools(), torch.get_num_threads()]))"
    )
    environment = os.environ | measure.thread_environment(1) | {"PYTHONPATH": os.getcwd()}
    output = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    ).stdout
    import json

    pools, threads = json.loads(output)
    assert threads == 1 and {pool["num_threads"] for pool in pools} == {1}
    assert {"openblas", "openmp"} <= {pool["internal_api"] for pool in pools}


def test_threads_are_verified():
    pools = [{"internal_api": "openblas", "num_threads": 1}, {"internal_api": "openmp", "num_threads": 2}]
    measure.check_threads(pools, 2, 2)
    with pytest.raises(measure.MeasurementError, match="expected at most 1 in every pool, found 2 in openmp"):
        measure.check_threads(pools, 1, 1)
    with pytest.raises(measure.MeasurementError, match="expected the framework to report 2, found 1"):
        measure.check_threads(pools, 1, 2)


def test_the_ruler_sees_what_is_touched_and_freed_but_not_what_came_before():
    size = 50_000_000
    before = np.ones(size // 8)
    del before
    ruler = measure.MemoryRuler()
    ruler.start()
    assert ruler.peak() - ruler.baseline < size / 10
    block = np.ones(size // 8)
    del block
    assert 0.95 * size < ruler.peak() - ruler.baseline < 1.2 * size
    ruler.start()
    assert ruler.peak() - ruler.baseline < size / 10


def test_the_ruler_counts_what_a_process_that_was_started_holds_alone():
    ruler = measure.MemoryRuler()
    ruler.start()
    code = "block = bytearray(50_000_000); print(len(block), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        above = ruler.peak() - ruler.baseline
        child.communicate(b"\n")
    assert 45e6 < above < 90e6
    assert ruler.peak() - ruler.baseline < 20e6


def test_without_a_kernel_that_sets_the_peak_back_the_ruler_says_so(monkeypatch):
    def refuse():
        raise PermissionError

    monkeypatch.setattr(measure.MemoryRuler, "_reset", staticmethod(refuse))
    ruler = measure.MemoryRuler()
    ruler.start()
    assert "cannot be reset" in ruler.name
    assert ruler.peak() >= ruler.baseline > 1_000_000


def test_the_record_of_this_process(monkeypatch):
    monkeypatch.setenv("CNN_PHYSICS77_NUM_THREADS", "2")
    record = measure.environment("now", ["main.py", "--lr", "0.1"], "abc", 2, "kept")
    assert record.python == sys.version.split()[0] and record.cores == measure.available_cores()
    assert record.packages["numpy"] == np.__version__
    assert record.memory_bytes > 10**8 and record.cpu and record.command_line[1] == "--lr"
    assert [line.split()[0] for line in record.performance] == ["threads", "pool", "BLAS", "allocator"]
    assert any(pool["user_api"] == "blas" for pool in record.thread_pools)
    assert record.thread_variables["CNN_PHYSICS77_NUM_THREADS"] == "2"


@pytest.mark.needs_torch
def test_the_record_names_pytorch():
    assert "torch" in measure.environment("now", ["main.py"], "abc", 2, "kept").packages


def test_the_commit_of_a_checkout(tmp_path, monkeypatch):
    module = tmp_path / "package" / "benchmarks" / "instruments" / "measure.py"
    module.parent.mkdir(parents=True)
    module.touch()
    monkeypatch.setattr(measure, "__file__", str(module))
    assert measure.source_commit() is None

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init", "-q")
    git("add", ".")
    git("commit", "-q", "-m", "first")
    assert measure.source_commit() == git("rev-parse", "HEAD")
    module.write_text("changed")
    assert measure.source_commit() == git("rev-parse", "HEAD") + "+"

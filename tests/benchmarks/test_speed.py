"""The run of the speed suite: turns, records, the file, the tables. No test asserts a time."""

import dataclasses
import json
import subprocess
import sys

import pytest

from cnn_physics77.analysis.report import as_text
from cnn_physics77.analysis.speed_report import as_speed_cases, speed_tables
from cnn_physics77.benchmarks.adapters import pytorch_compiled
from cnn_physics77.benchmarks.process.worker import WorkerError
from cnn_physics77.benchmarks.speed import suite as speed
from cnn_physics77.benchmarks.speed.cases import CASES, choose
from cnn_physics77.benchmarks.speed.suite import Suite
from cnn_physics77.results import CaseRecord, LogError, MemoryRecord, SpeedReport, read_speed, write_report

CHAIN = "small graph/20 x (y * w + b).tanh(), 10 elements"


def a_case(name="work", **changes):
    record = CaseRecord(
        family="training step", name=name, row=name, column="", dtype="float32", threads=2, calls=3,
        warmup_calls=7, given_sha256="0" * 64, difference=1e-6, differs_most="loss", tolerance=1e-2,
        exact_difference=1e-14, exact_tolerance=1e-9, ours=[0.5, 0.6], theirs=[1.0, 1.0], target=0.7,
    )  # fmt: skip
    return dataclasses.replace(record, **changes)


def a_report(*cases):
    return SpeedReport({}, 2, 2, 0.1, 0.12, 0.0, list(cases))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of one small case by the command, with one thread each."""
    path = tmp_path_factory.mktemp("speed") / "run.json"
    arguments = ["--cases", CHAIN, "--threads", "1", "--rounds", "2", "--output", str(path)]
    assert speed.main(arguments) == 0
    return path


@pytest.mark.needs_torch
def test_a_run(run):
    report = read_speed(run)
    (case,) = report.cases
    assert case.key == CHAIN and case.agreed and case.threads == report.threads == 1
    assert len(case.ours) == len(case.theirs) == report.rounds == 2
    assert 0 < case.exact_difference < 1e-12 < case.difference < case.tolerance == 1e-4
    assert case.calls >= 1 and case.warmup_calls == speed.WARMUP_CALLS + 1 + case.calls
    assert case.untimed_calls >= 1
    assert case.freed_memory["pytorch"] == "returned" and set(case.freed_memory) == {"numpy77", "pytorch"}
    assert set(report.environments) == {"numpy77", "pytorch"}
    for environment in report.environments.values():
        assert environment.framework_threads == 1
        assert {pool["num_threads"] for pool in environment.thread_pools} == {1}
    assert run.with_suffix(".png").exists() and run.with_suffix(".svg").exists()


def test_memory_is_that_of_the_work_alone():
    case = CASES["training step/CNN, batch 1, Adam"]
    record = Suite._memory(case, "numpy77", 1)
    assert record.steps == speed.MEMORY_CALLS
    parameters = 693_714 * 4
    assert 3 * parameters < record.above_baseline_bytes < 12 * parameters  # with gradients and two moments


@pytest.mark.needs_torch
def test_what_pytorch_loads_when_first_used_is_loaded_before_the_baseline():
    code = """
import sys
from cnn_physics77.benchmarks.speed.cases import CASES
from cnn_physics77.benchmarks.adapters.pytorch import ADAPTER
case = CASES["training step/CNN, batch 1, Adam"]
before = len(sys.modules)
case.rehearse(ADAPTER)
rehearsed = set(sys.modules)
work = case.prepare(ADAPTER, case.given())
work.call()
print(len(rehearsed) - before, sorted(set(sys.modules) - rehearsed))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    count, after = out.split(" ", 1)
    assert int(count) > 100 and after.strip() == "[]"


def test_nothing_is_timed_where_the_values_differ(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(Suite, "_workers", lambda self, threads, reference: _Nobody())
    monkeypatch.setattr(Suite, "_open", staticmethod(lambda case, workers, dtype: "0" * 64))
    found = iter([(1e-12, "y"), (0.5, "y"), (1e-3, "y"), (1e-6, "y")])  # float64, float32, float64, float32
    monkeypatch.setattr(Suite, "_compare", staticmethod(lambda workers: next(found)))
    path = tmp_path / "run.json"
    pattern = "convolution/1x1, 64 to 64, 28 px: forward|convolution/1x1, 64 to 64, 28 px: weight gradient"
    assert speed.main(["--cases", pattern, "--rounds", "1", "--output", str(path)]) == 1
    report = read_speed(path)
    assert [case.agreed for case in report.cases] == [False, False]
    assert not any(case.ours or case.theirs for case in report.cases)
    said = capsys.readouterr().out
    assert "not timed" in said and "values differ by 5e-01" in said and "Nothing was timed" in said


class _Nobody:
    def __enter__(self):
        return {}

    def __exit__(self, *_):
        pass


def test_cases_that_share_processes():
    groups = [Suite._processes(case) for case in choose("convolution|optimizer|LeNet-5")]
    assert len(set(groups)) == 2 + 3  # the sweeps together, each network alone
    one = CASES["training step/CNN, batch 64, Adam (one thread)"]
    assert Suite._processes(one) == (one.key, 1, "pytorch")


class _Missing:
    """A worker whose framework is missing, if it is the one that `name` says."""

    name = "jax"

    def __init__(self, frameworks, threads, program):
        self.frameworks = frameworks

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, do, **fields):
        if self.frameworks == [self.name]:
            raise WorkerError("the package is missing", self.frameworks)


def test_a_compiler_that_is_missing_is_said_once_and_left_out(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(speed, "Worker", _Missing)
    path = tmp_path / "run.json"
    run = Suite(1, 1, note=print)
    report = run.run([case for case in choose("compilers") if case.reference == "jax"])
    assert report.not_run == {"jax": "the package is missing"} and not report.cases
    assert capsys.readouterr().out.count("is missing") == 1
    write_report(report, path)
    said = as_text(speed_tables(read_speed(path)))
    assert "NOT RUN JAX: the package is missing" in " ".join(said.split())
    monkeypatch.setattr(_Missing, "name", "numpy77")  # an error of ours is one
    with pytest.raises(WorkerError, match="numpy77: the package"):
        Suite(1, 1).run([case for case in choose("compilers") if case.reference == "jax"])


def test_pytorchs_compiler_says_in_one_line_why_it_cannot_run(monkeypatch):
    adapter = pytorch_compiled.ADAPTER

    def fail(function):
        raise LookupError("no C++ compiler\nmuch more")

    monkeypatch.setattr(adapter.torch, "compile", fail)
    with pytest.raises(RuntimeError, match=r"^torch\.compile does not work here: no C\+\+ compiler$"):
        adapter.set_threads(adapter.threads())


def test_the_file_is_validated(tmp_path):
    path = write_report(a_report(a_case()), tmp_path / "a.json")
    assert read_speed(path) == a_report(a_case())
    broken = {
        "times in pairs": a_case(theirs=[1.0]),
        "exactly where the values agreed": a_case(difference=1.0),
        "exactly where": a_case(exact_difference=1e-3),
        r"ours\[0\]: expected greater than 0": a_case(ours=[0.0, 1.0]),
    }
    for message, case in broken.items():
        with pytest.raises(LogError, match=message):
            write_report(a_report(case), path)
    with pytest.raises(LogError, match="each case once"):
        write_report(a_report(a_case(), a_case()), path)
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"schema": "other"}))
    with pytest.raises(LogError, match=r"schema: expected 'cnn_physics77\.speed', found 'other'"):
        read_speed(path)
    path.write_text(json.dumps(content | {"version": 99}))
    with pytest.raises(LogError, match="found 99"):
        read_speed(path)


def test_tables():
    memory = [MemoryRecord(100, 100 + size, 30, "ruler") for size in (4_000_000, 8_000_000)]
    missed = a_case(
        "missed", ours=[0.9, 0.9], our_memory=memory[0], their_memory=memory[1], memory_target=0.4
    )
    column = a_case("column", row="work", column="one thread", target=None)
    apart = a_case("apart", ours=[], theirs=[], difference=0.3)
    report = a_report(a_case(), missed, apart, column)
    said = as_text(speed_tables(report), width=140)
    for text in ("0.55", "0.70 met", "0.70 MISSED", "0.40 MISSED", "values differ by 3e-01", "one thread"):
        assert text in said
    assert "largest difference 1e-14 in float64, 1e-06 in float32" in " ".join(said.split())
    busy = dataclasses.replace(report, busy=0.4)
    assert "Other programs used" not in said and "Other programs used 40%" in as_text(speed_tables(busy))
    assert missed.memory_ratio == 0.5 and a_case().memory_ratio is None
    assert [case.name for case in as_speed_cases(report)] == ["work", "missed", "column"]
    assert as_speed_cases(report)[0].ratio.estimate == pytest.approx(0.55)


def test_bad_arguments(capsys):
    for arguments, message in (
        (["--cases", "nonsense"], "nothing matches 'nonsense'"),
        (["--rounds", "0"], "--rounds of at least 1"),
        (["--threads", "0"], "--threads from 1"),
    ):
        with pytest.raises(SystemExit) as caught:
            speed.main(arguments)
        assert caught.value.code == 2 and message in capsys.readouterr().err
    assert speed.main(["--cases", "targets", "--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 10


@pytest.mark.needs_torch
def test_with_the_same_allocator_pytorch_keeps_freed_memory(tmp_path):
    path = tmp_path / "run.json"
    case = "training step/CNN, batch 1, Adam (PyTorch, same allocator)"
    arguments = ["--cases", case, "--threads", "1", "--rounds", "1", "--output", str(path)]
    assert speed.main(arguments) == 0
    (found,) = read_speed(path).cases
    assert found.freed_memory == {"numpy77": "kept", "pytorch": "kept"}
    assert found.column == "PyTorch, same allocator" and found.memory_ratio is not None
    assert "memory " in as_text(speed_tables(read_speed(path)), width=140)

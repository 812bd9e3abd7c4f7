"""`utils.benchmark`, `utils.tensorboard` and `multiprocessing`."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.utils.benchmark import Measurement, Timer
from cnn_physics77.utils.tensorboard import SummaryWriter


def clock(*readings):
    """A timer with these readings."""
    return iter(readings).__next__


def test_a_timer_divides_by_the_number_of_runs_and_restores_the_threads():
    before = ours.get_num_threads()
    seen = []
    timer = Timer(
        "seen.append(torch.get_num_threads())",
        timer=clock(0.0, 1.0, 10.0, 14.0),  # the warm-up, then the measurement
        globals={"seen": seen},
        label="threads",
        description="two",
        num_threads=2,
    )
    found = timer.timeit(8)
    assert found.times == [0.5] == [found.mean] == [found.median] and found.iqr == 0
    assert set(seen) == {2} and len(seen) == 10 and ours.get_num_threads() == before
    assert repr(found) == "threads: two\n  500 ms\n  1 measurement, 8 runs , 2 threads"
    with pytest.raises(ValueError, match="use setup instead"):
        Timer(global_setup="int i;")


def test_blocked_autorange_measures_until_the_time_is_over():
    blocks = []
    readings = (0.0, 1e-5, 0.0, 1e-3, 0.0, 0.15, 0.0, 0.25)  # 1 run is too short, 10 are not
    found = Timer(timer=clock(*readings)).blocked_autorange(lambda *block: blocks.append(block))
    assert blocks == [(10, 0.15), (10, 0.25)]
    assert found.raw_times == [0.15, 0.25] and found.median == pytest.approx(0.02)
    assert found.iqr == pytest.approx(0.005)
    assert repr(Measurement(1, [2e-9], "x", 1)).splitlines()[1] == "  2 ns"


def test_without_the_package_a_writer_says_what_it_needs(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.setitem(sys.modules, "tensorboard.summary", None)
    with pytest.raises(ImportError, match="SummaryWriter needs the package tensorboard; pip"):
        SummaryWriter(tmp_path)


def test_a_writer_writes_what_tensorboard_reads(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("loss", ours.tensor(step / 2, requires_grad=True), step)
        writer.add_scalars("rates", {"a": 1.0, "b": 2.0}, 0)
        writer.add_histogram("weights", ours.arange(10.0), 1)
        writer.add_image("image", ours.rand(3, 4, 5), 2)
        writer.add_image("gray", np.zeros((4, 5), np.uint8), 2, dataformats="HW")
        writer.add_text("note", "hello")
        writer.flush()
        assert writer.get_logdir() == str(tmp_path)
        with pytest.raises(NotImplementedError, match="add_graph"):
            writer.add_graph(None)
        with pytest.raises(AttributeError, match="nothing"):
            writer.nothing  # noqa: B018
        with pytest.raises(ValueError, match="add_image: expected dataformats"):
            writer.add_image("image", ours.rand(4, 5))
    read = EventAccumulator(str(tmp_path)).Reload()
    assert [(e.step, e.value) for e in read.Scalars("loss")] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    assert sum(read.Histograms("weights")[0].histogram_value.bucket) == 10
    assert (read.Images("image")[0].width, read.Images("gray")[0].height) == (5, 4)
    assert read.Tensors("note/text_summary")[0].tensor_proto.string_val == [b"hello"]
    assert EventAccumulator(str(tmp_path / "rates_b")).Reload().Scalars("rates")[0].value == 2


def succeed(rank, scale):
    assert rank * scale < 10


def fail(rank, scale):
    assert rank * scale == 0


def test_spawn_runs_processes_and_reports_the_first_that_fails():
    mp = ours.multiprocessing
    mp.spawn(succeed, (3,), nprocs=2)
    with pytest.raises(RuntimeError, match="expected process 1 to end without an error, found exit code 1"):
        mp.spawn(fail, (3,), nprocs=2)
    for process in mp.spawn(succeed, (3,), nprocs=1, join=False):
        process.join()
        assert process.exitcode == 0
    mp.set_sharing_strategy("file_system")
    assert mp.get_sharing_strategy() in mp.get_all_sharing_strategies()
    with pytest.raises(ValueError, match="found 'telepathy'"):
        mp.set_sharing_strategy("telepathy")

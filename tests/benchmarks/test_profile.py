"""The profile: clocks that leave nothing behind, what operations cost, PyTorch's times in the right rows."""

import dataclasses

import numpy as np
import pytest

import cnn_physics77 as torch77
from cnn_physics77 import nn, optim
from cnn_physics77.analysis.profile_report import operation_costs, profile_table
from cnn_physics77.analysis.report import as_text
from cnn_physics77.analysis.visuals import roofline
from cnn_physics77.benchmarks.adapters import numpy77, pytorch
from cnn_physics77.benchmarks.instruments import measure
from cnn_physics77.benchmarks.instruments.captured_recorder import captured_parts, place_captured
from cnn_physics77.benchmarks.instruments.measure import MeasurementError
from cnn_physics77.benchmarks.instruments.recorder import REMAINDER, Event, Recorder, cost, our_events
from cnn_physics77.benchmarks.instruments.torch_recorder import place_beside, their_events
from cnn_physics77.benchmarks.speed import profile as module
from cnn_physics77.benchmarks.speed.profile import gather, profile
from cnn_physics77.benchmarks.speed.work import TrainingCase
from cnn_physics77.core.kernels.runtime import pool
from cnn_physics77.core.operations.base.operation import OPERATIONS, Operation
from cnn_physics77.results import read_profile, write_report


@pytest.fixture(autouse=True)
def quick_peaks(monkeypatch):
    monkeypatch.setattr(module, "measure_peaks", lambda dtype: (1e11, 2e10))


def network():
    torch77.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5))
    return model, (torch77.randn(6, 1, 8, 8), torch77.tensor([0, 1, 2, 3, 4, 0]))


def everything_clocked():
    found = {id(op): op.forward for op in OPERATIONS.values()}
    return found | {
        "call": Operation.__call__,
        "backward": Operation.backward,
        "product": np.matmul,
        "dot": np.dot,
    }


def test_everything_is_as_it_was_afterwards():
    before = everything_clocked()
    assert len(before) > 150
    with Recorder():
        during = everything_clocked()
        assert all(during[key] is not before[key] for key in before)
    assert everything_clocked() == before
    with pytest.raises(RuntimeError), Recorder():
        raise RuntimeError
    assert everything_clocked() == before


def test_training_is_not_changed_by_the_clocks():
    ends = []
    for clocked in (False, True):
        model, batch = network()
        optimizer = optim.Adam(model.parameters())

        def step(model=model, batch=batch, optimizer=optimizer):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch[0]), batch[1]).backward()
            optimizer.step()

        if clocked:
            our_events(step, optimizer, 3)
        else:
            for _ in range(3):
                step()
        ends.append([p.detach().numpy().copy() for p in model.parameters()])
        assert "step" not in vars(optimizer)
    assert all(np.array_equal(a, b) for a, b in zip(*ends, strict=True))


def test_the_rows_of_a_step():
    model, batch = network()
    report = profile(model, batch, steps=3)
    rows = {(row.name, row.phase): row for row in report.operations}
    names = [row.name for row in report.operations if row.phase == "forward"]
    assert [n for n in names if n != "reshape"] == [
        "convolution",
        "relu",
        "max_pool",
        "linear",
        "cross_entropy",
    ]
    assert {n for n, phase in rows if phase == "backward"} >= {"convolution", "relu", "max_pool", "linear"}
    # 6 images, 4 x 6 x 6 outputs of 9 products; the input's gradient is nobody's wish
    assert rows["convolution", "forward"].flops == rows["convolution", "backward"].flops - 6 * 4 * 36
    assert rows["convolution", "forward"].flops == 2 * 6 * 4 * 36 * 9
    assert rows["linear", "forward"].flops == 2 * 6 * 36 * 5
    assert rows["linear", "backward"].flops == 2 * (2 * 6 * 36 * 5) + 6 * 5
    assert rows["relu", "forward"].bytes == 2 * 4 * 6 * 4 * 36
    elements = 4 * 9 + 4 + 36 * 5 + 5
    assert rows["Adam", "update"].bytes == 7 * 4 * elements  # p and two moments both ways, g once
    assert rows["convolution", "forward"].shapes == "6x1x8x8 4x1x3x3 4"
    assert rows["convolution", "backward"].shapes == rows["convolution", "forward"].shapes
    for row in report.operations:
        assert row.seconds > 0 and row.seconds >= 0.99 * (row.blas_seconds + row.memory_seconds)
    assert rows["linear", "forward"].blas_seconds > 0 == rows["relu", "forward"].blas_seconds
    assert report.model == "Sequential" and report.parameter_count == elements and report.batch == "6x1x8x8"
    assert report.threads == pool.get_num_threads() and report.dtype == "float32"


def test_an_operation_on_large_arrays_is_one_event_of_all_threads(monkeypatch):
    monkeypatch.setattr(pool, "_threads", 2)
    x = torch77.ones(1 << 21)
    with Recorder() as recorder:
        for _ in range(5):
            recorder.start_step()
            torch77.exp(x + x)
            assert [(e.name, e.shapes, e.bytes) for e in recorder.events] == [
                ("add", "2097152 2097152", 3 * 2**23),
                ("exp", "2097152", 2 * 2**23),
            ]


def test_a_view_costs_nothing():
    x = np.zeros((4, 6), np.float32)
    assert cost("reshape", [x], x.reshape(6, 4)) == (0.0, 0.0)
    assert cost("exp", [x], np.exp(x)) == (24.0, 192.0)
    assert cost("matmul", [x, np.zeros((6, 2), np.float32)], np.zeros((4, 2), np.float32))[0] == 2 * 4 * 6 * 2
    assert cost("max_pool", [x], (x[:2].copy(), x[:2].copy())) == (24.0, 144.0)


def test_steps_must_do_the_same():
    with pytest.raises(MeasurementError, match=r"expected the same operations in every step, found \[1, 2\]"):
        gather([[Event("a", "forward")], [Event("a", "forward"), Event("b", "forward")]])
    with pytest.raises(ValueError, match="expected at least one step, found 0"):
        model, batch = network()
        profile(model, batch, steps=0)


def test_rows_gather_calls_of_one_shape():
    runs = [
        [
            Event("relu", "forward", "2x3", 3.0 + i, 0.0, 2.0, 6, 48),
            Event("relu", "forward", "2x3", 1.0, 0.5, 1.0, 6, 48),
        ]
        for i in (-1, 0, 5)
    ]
    (row,) = gather(runs)
    assert (row.calls, row.seconds, row.blas_seconds, row.memory_seconds) == (2, 4.0, 0.5, 2.5)
    assert (row.flops, row.bytes, row.python_seconds, row.bound) == (12, 96, 1.0, "memory")


def test_the_counterparts_are_matched_by_their_order():
    calls = [
        Event("linear", "forward"),
        Event("relu", "forward"),
        Event("linear", "forward"),
        Event("linear", "backward"),
        Event("linear", "backward"),
        Event("tanh", "forward"),
        Event("Adam", "update"),
    ]
    evaluate = "autograd::engine::evaluate_function: "
    theirs = [
        ("aten::linear", 1.0),
        ("aten::relu", 2.0),
        ("aten::linear", 3.0),
        (evaluate + "AddmmBackward0", 4.0),
        (evaluate + "AddmmBackward0", 5.0),
        ("aten::tanh", 6.0),
        ("Optimizer.step#Adam.step", 7.0),
    ]
    assert place_beside(calls, [theirs]) == {0: 1.0, 1: 2.0, 2: 3.0, 3: 4.0, 4: 5.0, 6: 7.0}
    fewer = [event for event in theirs if event != ("aten::linear", 3.0)]
    assert 0 not in place_beside(calls, [fewer])  # no guess where the counts differ


@pytest.mark.parametrize("model", ["CNN", "LeNet5", "ResNet20"])
def test_every_costly_operation_has_a_counterpart_in_pytorch(model):
    case = TrainingCase(name="x", model=model, batch=2)
    ours = case.training(numpy77.ADAPTER, case.given())
    theirs = case.training(pytorch.ADAPTER, case.given())
    (calls,) = our_events(ours.call, ours.optimizer, 1)
    theirs.call()
    beside = place_beside(calls, their_events(theirs.call, 1))
    costly = {"convolution", "linear", "relu", "max_pool", "batch_norm", "cross_entropy", "Adam"}
    missing = [(c.name, c.phase) for i, c in enumerate(calls) if c.name in costly and i not in beside]
    assert missing == [] and all(seconds > 0 for seconds in beside.values())


@pytest.mark.parametrize("model", ["CNN", "LeNet5"])
def test_the_parts_of_a_captured_step_are_those_of_the_eager_one(model):
    case = TrainingCase(name="x", model=model, batch=4)
    eager = case.training(numpy77.ADAPTER, case.given())
    (calls,) = our_events(eager.call, eager.optimizer, 1)
    captured = dataclasses.replace(case, captured="threads").training(numpy77.ADAPTER, case.given())
    for _ in range(4):
        captured.call()
    runs = captured.step.program.runs
    (parts,) = captured_parts(captured.call, captured.step, 1)
    assert captured.step.program.runs is runs
    placed = place_captured(calls, parts)
    assert sum(placed.values()) == pytest.approx(sum(seconds for _, seconds in parts))
    empty = {calls[number].name for number, seconds in placed.items() if not seconds}
    assert empty <= {"reshape", "view"}  # views need no calls
    named = sum(seconds for name, seconds in parts if name and name != REMAINDER)
    found = sum(s for number, s in placed.items() if calls[number].phase in ("forward", "backward"))
    assert found == pytest.approx(named)  # each part of a name has its call
    for _ in range(4):  # five calls of each
        eager.call()
    assert captured.call().item() == pytest.approx(eager.call().item(), rel=1e-4)


def test_the_report_is_kept_shown_and_drawn(tmp_path):
    model, batch = network()
    report = profile(model, batch, steps=2)
    report.operations[0].their_seconds = 1e-3
    path = write_report(report, tmp_path / "p.json")
    assert read_profile(path) == report
    said = as_text(profile_table(report), width=150)
    rest = "between operations"
    for text in ("convolution", "backward", rest, "peaks 100 GFLOP/s, 20.0 GB/s"):
        assert text in said
    costs = operation_costs(report)
    assert {c.name for c in costs} >= {"convolution", "convolution backward", "Adam"}
    assert len(roofline(costs, report.peak_flops, report.peak_bandwidth).axes) == 1


def test_the_peaks_are_measured():
    flops, bandwidth = measure.measure_peaks("float64", seconds=0.01)
    assert 1e8 < flops < 1e14 and 1e8 < bandwidth < 1e13


def test_both_in_turns(tmp_path, capsys):
    arguments = ["--model", "MLP", "--batch-size", "2", "--threads", "1", "--rounds", "1", "--steps", "1"]
    assert module.main([*arguments, "--log-dir", str(tmp_path), "--fig-dir", str(tmp_path)]) == 0
    report = read_profile(tmp_path / "profile_MLP_Adam_batch2.json")
    assert report.their_step_seconds and report.environment.framework_threads == 1
    rows = {(row.name, row.phase): row for row in report.operations if row.name == "linear"}
    assert rows["linear", "forward"].their_seconds > 0 and rows["linear", "backward"].their_seconds > 0
    assert rows["linear", "forward"].captured_seconds > 0 and rows["linear", "backward"].captured_seconds > 0
    assert report.captured_step_seconds and len(report.captured_disturbance) == 1
    assert "captured" in capsys.readouterr().out
    assert (tmp_path / "profile_MLP_Adam_batch2.svg").exists()
    with pytest.raises(SystemExit):
        module.main(["--steps", "0"])
    assert "expected positive numbers" in capsys.readouterr().err
    assert dataclasses.replace(report) == report

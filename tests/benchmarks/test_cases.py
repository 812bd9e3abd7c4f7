"""The cases of the speed suite: what there is, and that both frameworks compute the same in each."""

import dataclasses

import numpy as np
import pytest

from cnn_physics77.benchmarks.adapters import numpy77, pytorch
from cnn_physics77.benchmarks.speed.cases import CASES, CHOICES, CONVOLUTIONS, choose
from cnn_physics77.benchmarks.speed.pinn import PinnCase, pinn_by_products
from cnn_physics77.benchmarks.speed.sequences import SequenceCase
from cnn_physics77.benchmarks.speed.suite import difference
from cnn_physics77.benchmarks.speed.updates import UpdateCase
from cnn_physics77.benchmarks.speed.work import (
    ConvolutionCase,
    FunctionCase,
    InferenceCase,
    TrainingCase,
)

ADAPTERS = (numpy77.ADAPTER, pytorch.ADAPTER)


@pytest.fixture(autouse=True)
def default_dtypes():
    """Building a network in float64 sets the default dtype."""
    yield
    for adapter in ADAPTERS:
        adapter.torch.set_default_dtype(adapter.torch.float32)


def test_the_works_that_have_a_target():
    targets = {case.key: (case.target, case.memory_target) for case in choose("targets")}
    assert targets == {
        "training step/CNN, batch 64, Adam": (0.55, 0.5),
        "training step/LeNet-5, batch 64, Adam": (0.85, 1.0),
        "training step/VGG, batch 64, Adam": (0.60, 1.0),
        "training step/ResNet-20, batch 128, Adam": (0.85, 1.0),
        "training step/ResNet-20, batch 128, SGD": (0.85, 1.0),
        "training step/MLP, batch 128, Adam": (0.95, 1.0),
        "training step/CNN, batch 1, Adam": (1.0, 0.5),
        "inference/CNN, 1000 images": (0.40, 0.5),
        "small graph/20 x (y * w + b).tanh(), 10 elements": (0.9, None),
        "small graph/PINN, 30 points, third derivatives": (0.9, None),
    }


def test_the_suite_has_what_was_asked_for():
    suite = choose("suite")
    models = {(case.model, case.optimizer) for case in suite if isinstance(case, TrainingCase)}
    names = ("CNN", "LeNet5", "VGG", "ResNet20", "MLP")
    assert models == {(model, optimizer) for model in names for optimizer in ("Adam", "SGD")}
    assert {case.model for case in suite if isinstance(case, InferenceCase)} == set(names)
    batches = {case.batch for case in suite if isinstance(case, TrainingCase) and case.model == "CNN"}
    assert batches == {1, 4, 16, 64, 256, 1024}
    maps = [case for case in suite if isinstance(case, ConvolutionCase)]
    assert len(CONVOLUTIONS) >= 16 and len(maps) == 3 * len(CONVOLUTIONS)
    plain = [case for case in maps if case.kernel == 3 and case.groups == 1]
    assert {16, 32, 64, 128, 256} <= {case.channels[0] for case in plain}
    assert {7, 14, 28, 56} <= {case.pixels for case in plain}
    assert {1, 3, 5, 7} == {case.kernel for case in maps}
    assert any(case.kernel == 7 and case.stride == 2 for case in maps)
    assert any(case.groups == case.channels[0] > 1 for case in maps) and {1, 4, 64} == {
        c.groups for c in maps
    }
    assert any(case.dilation > 1 for case in maps)
    columns = {case.column for case in choose("columns")}
    pytorch = {"PyTorch, same allocator", "PyTorch at its best"}
    captured = {"captured step", "captured, in threads"}
    others = {"one thread", "SGD", "MNIST", "float64", "batch 16", "batch 256"}
    assert columns == pytorch | captured | others
    assert not any(case.target for case in choose("columns"))
    assert {case.column for case in choose("columns") if case.memory} == {"PyTorch, same allocator"}
    compilers = choose("compilers")
    works = {case.row for case in choose("captured")}
    assert len(works) == 9 and {case.reference for case in compilers} == {"pytorch_compiled", "jax"}
    for reference in ("pytorch_compiled", "jax"):
        assert {case.row for case in compilers if case.reference == reference} == works
    assert 0 < len(choose("quick")) < 20 and len(choose("all")) == len(CASES)


@pytest.mark.parametrize(
    ("pattern", "count"),
    [
        ("convolution/*", 54),
        ("training step/cnn, batch 1, adam", 1),
        ("*5x5*|small graph", 8),
        ("(float64)", 10),
    ],
)
def test_patterns(pattern, count):
    assert len(choose(pattern)) == count


def test_a_pattern_that_names_nothing():
    with pytest.raises(ValueError, match="nothing matches 'nonsense'; choices are suite, targets"):
        choose("targets|nonsense")
    assert set(CHOICES) == {"suite", "targets", "columns", "captured", "compilers", "quick", "all"}


def small(case):
    """The same work on little."""
    if isinstance(case, FunctionCase):
        shapes = {
            name: (4, *shape[1:]) if name in ("x", "y") and len(shape) > 1 else shape
            for name, shape in case.shapes.items()
        }
        shapes = {n: (2, 2, 5, s[3]) if n in ("query", "key", "value") else s for n, s in shapes.items()}
        return dataclasses.replace(case, shapes=shapes, labels=min(case.labels, 4))
    if isinstance(case, PinnCase):
        return case
    if isinstance(case, SequenceCase):
        return dataclasses.replace(case, shape=(2, 3, case.shape[2]))
    if isinstance(case, ConvolutionCase):
        return dataclasses.replace(case, batch=2, pixels=min(case.pixels, 9))
    if isinstance(case, UpdateCase):
        return dataclasses.replace(
            case, shapes=tuple(shape[:1] for shape in case.shapes[:3] if shape[0] < 1000)
        )
    return dataclasses.replace(case, batch=2)


def chosen():
    shapes = ("3x3 stride 2", "5x5, 6", "7x7", "depthwise", "grouped", "dilated", "1x1 stride")
    kept = []
    for case in choose("suite"):
        if isinstance(case, ConvolutionCase) and not case.name.startswith(shapes):
            continue
        if isinstance(case, TrainingCase) and case.batch not in (64, 128):
            continue
        if isinstance(case, UpdateCase) and "CNN" not in case.name:
            continue
        kept.append(case)
    return kept


def test_the_physics_informed_step_by_products_of_vectors():
    case = dataclasses.replace(CASES["small graph/PINN, 30 points, third derivatives"], dtype="float64")
    torch, given = pytorch.ADAPTER.torch, case.given()
    t, *layers = (torch.from_numpy(array) for array in given.values())
    found = pinn_by_products(torch.func.vjp, torch, torch.ones_like(t), t, *layers)
    expected = case.prepare(pytorch.ADAPTER, given).values()
    assert difference(dict(zip(expected, (f.numpy() for f in found), strict=True)), expected)[0] < 1e-12


@pytest.mark.parametrize("case", chosen(), ids=lambda case: case.key)
def test_both_frameworks_compute_the_same_in_float64(case):
    case = dataclasses.replace(small(case), dtype="float64")
    given = case.given()
    works = [case.prepare(adapter, {n: a.copy() for n, a in given.items()}) for adapter in ADAPTERS]
    ours, theirs = (work.values() for work in works)
    gap, where = difference(ours, theirs)
    assert gap <= case.tolerance == 1e-9, where
    assert all(np.linalg.norm(value) > 0 for value in theirs.values())
    for work in works:  # it can be called again, and after the values
        work.call()


def test_the_given_values_are_float64_draws_cast():
    case = CASES["training step/CNN, batch 64, Adam"]
    single, double = case.given(), dataclasses.replace(case, dtype="float64").given()
    assert single["images"].dtype == np.float32 and double["images"].dtype == np.float64
    assert np.array_equal(single["images"], double["images"].astype(np.float32))
    assert np.array_equal(single["labels"], double["labels"]) and single["labels"].dtype == np.int64
    assert np.array_equal(case.given()["images"], single["images"])


def test_pytorch_at_its_best_has_channels_last_and_the_fused_optimizer():
    case = CASES["training step/LeNet-5, batch 64, Adam (PyTorch at its best)"]
    ours, theirs = (case.training(adapter, case.given()) for adapter in ADAPTERS)
    torch = pytorch.ADAPTER.torch
    assert theirs.optimizer.defaults["fused"] and not ours.optimizer.defaults["fused"]
    assert theirs.network.conv2.weight.is_contiguous(memory_format=torch.channels_last)
    assert theirs.call().item() == pytest.approx(ours.call().item(), rel=1e-5)


def test_differences():
    value = {"y": np.array([3.0, 4.0])}
    assert difference(value, value) == (0.0, "y")
    gap, where = difference({"y": np.array([3.0, np.nan])}, value)
    assert np.isnan(gap) and where == "y"
    beside = {"y": np.array([3.0, np.nan]), "z": np.array([2.0])}
    gap, where = difference(beside, value | {"z": np.array([1.0])})
    assert np.isnan(gap) and where == "y"  # not hidden by another difference
    assert difference({"z": value["y"]}, value)[0] == np.inf
    assert difference({"y": np.array([3.0])}, value)[0] == np.inf
    assert difference({"y": value["y"].astype(np.float32)}, value)[0] == np.inf
    # one that is zero but for rounding is judged by the others of its kind
    ours = {"gradient of a": np.array([1.0]), "gradient of b": np.array([1e-9])}
    theirs = {"gradient of a": np.array([1.0]), "gradient of b": np.array([-1e-9])}
    assert difference(ours, theirs)[0] == pytest.approx(2e-6)


def test_the_same_allocator_is_pytorchs_alone_and_in_processes_of_its_own():
    case = CASES["training step/VGG, batch 64, Adam (PyTorch, same allocator)"]
    assert case.shares_allocator(pytorch.ADAPTER) and not case.shares_allocator(numpy77.ADAPTER)
    assert not case.favours(pytorch.ADAPTER) and case.memory and case.target is None
    shared = [c for c in CASES.values() if c.shares_allocator(pytorch.ADAPTER)]
    assert all(c.own_process for c in shared) and {c.column for c in shared} == {
        "PyTorch, same allocator",
        "PyTorch at its best",
    }
    assert not CASES[f"training step/{case.row}"].shares_allocator(pytorch.ADAPTER)

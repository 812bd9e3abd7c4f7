"""The comparison with PyTorch's databases: it carries samples over as they are, and finds what departs."""

from __future__ import annotations

import os
import time

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.testing.conformance import modules, operations, optimizers, page, seam, signatures
from cnn_physics77.testing.conformance.__main__ import group_of, main
from cnn_physics77.testing.conformance.isolated import in_turn
from cnn_physics77.testing.conformance.measure import Departure, Errors, compare
from cnn_physics77.testing.conformance.results import Result, portion

pytestmark = [pytest.mark.needs_torch, pytest.mark.filterwarnings("ignore")]


def test_tensors_keep_strides_values_and_requires_grad():
    base = torch.arange(24.0, dtype=torch.float64).reshape(2, 3, 4)
    for tensor in (
        base,
        base.mT,
        base[:, ::2],
        base[0, 1:, 2],
        torch.ones(2, 1).expand(2, 3),
        torch.ones(0, 3),
    ):
        crossing = seam.Crossing()
        variable = tensor.detach().requires_grad_()
        mine, theirs = crossing.ours(variable), crossing.theirs(variable)
        assert mine.stride() == tensor.stride() or not tensor.numel()
        assert theirs.stride() == tensor.stride() or not tensor.numel()
        assert mine.requires_grad and theirs.requires_grad
        np.testing.assert_array_equal(mine.detach().numpy(), tensor.numpy())
        assert crossing.variables == [(mine, theirs)]
    complex_tensor = torch.tensor([1 + 2j]).conj()
    assert seam.Crossing().ours(complex_tensor).numpy()[0] == 1 - 2j


def test_everything_else_is_carried_over():
    convert = seam.Crossing().ours
    x = torch.ones(2)
    first, second = convert([x, (x, 3)])
    assert first is second[0]
    assert convert({"dtype": torch.float64})["dtype"] is ours.float64
    assert isinstance(convert(torch.Size([1, 2])), ours.Size)
    assert convert(slice(0, x)).stop.shape == (2,)
    assert convert(torch.device("cpu")) == ours.device("cpu")
    assert convert(torch.nn.functional.relu) is ours.nn.functional.relu
    assert convert(torch.nn.PairwiseDistance(1.0)).norm == 1.0
    assert convert(torch.preserve_format) is ours.preserve_format
    assert convert(None) is None


@pytest.mark.parametrize(
    "value", [torch.ones(1).to(torch.bfloat16), torch.eye(2).to_sparse(), torch.bfloat16]
)
def test_what_has_no_counterpart_is_absent(value):
    with pytest.raises(seam.Absent):
        seam.Crossing().ours(value)


def test_a_test_function_runs_on_our_functions():
    add, one = torch.add, torch.tensor(1.0)
    function = seam.function(lambda x: torch.nn.functional.relu(add(x, float(one))))
    assert isinstance(function(ours.tensor([-3.0, 1.0])), ours.Tensor)
    with pytest.raises(seam.Absent):
        seam.function(torch._C._jit_get_all_schemas)


def test_values_that_differ_are_found():
    theirs = torch.tensor([1.0, float("nan"), float("inf")], dtype=torch.float64)
    compare(ours.from_numpy(theirs.numpy().copy()), theirs, 1e-9, Errors())
    for wrong in ([1 + 1e-8, np.nan, np.inf], [1, 0, np.inf], [1, np.nan, -np.inf], [np.nan, np.nan, np.inf]):
        with pytest.raises(Departure, match="expected"):
            compare(ours.tensor(wrong, dtype=ours.float64), theirs, 1e-9, Errors())
    for wrong in (theirs.numpy(), ours.ones(3), ours.ones(1, 3, dtype=ours.float64), None):
        with pytest.raises(Departure):
            compare(wrong, theirs, 1e-9, Errors())
    for wrong, right in (((1,), (1, 2)), (1, 1.0), ({"a": 1}, {"b": 1}), (2, 1), (None, torch.ones(1))):
        with pytest.raises(Departure):
            compare(wrong, right, 1e-9, Errors())


def test_errors_are_in_units_in_the_last_place():
    errors = Errors()
    theirs = np.array([1.0, 1000, 1e6, 1.5])
    mine = theirs + [3 * np.spacing(1.0), 0, np.spacing(1e6), 0]
    compare(ours.from_numpy(mine), torch.from_numpy(theirs), 1e-9, errors)
    assert errors.summary == pytest.approx((3 * np.spacing(1.0) / np.spacing(1000.0) / 2, 1.0))
    assert Errors().summary is None


def test_each_tenth_has_a_sample():
    assert portion(list("abc"), None) == [(0, "a"), (1, "b"), (2, "c")]
    assert portion(list("abc"), 18) == [(2, "c")]
    assert [i for i, _ in portion(list(range(30)), 13)] == [3, 13, 23]
    assert portion([], 3) == []


def test_one_entry_that_hangs_or_crashes_costs_itself():
    def work(name):
        if name == "hangs":
            time.sleep(60)
        if name == "crashes":
            os._exit(1)
        return name.upper()

    found = dict(in_turn(["a", "hangs", "b", "crashes", "c"], work, 0.5))
    assert found == {
        "a": "A",
        "hangs": "takes more than 0.5 seconds",
        "b": "B",
        "crashes": "ends its process",
        "c": "C",
    }


@pytest.mark.parametrize("wrong", ["value", "gradient", "second gradient"])
def test_a_wrong_operation_is_found(monkeypatch, wrong):
    assert operations.check("sinh", False).passes
    slips = {
        "value": lambda x: ours.sinh(x) + 1e-6,
        "gradient": lambda x: ours.sinh(x) + 1e-6 * (x - x.detach()),
        "second gradient": lambda x: ours.sinh(x) + 1e-5 * (x - x.detach()) ** 2,
    }
    monkeypatch.setattr(operations, "ours_of", lambda info: slips[wrong])
    result = operations.check("sinh", False)
    assert wrong in result.failures and not result.passes
    assert (
        result.samples == sum(1 for _ in operations.entries()["sinh"].sample_inputs("cpu", torch.float64)) * 2
    )


def test_wrong_calls_and_signatures_that_differ_are_found(monkeypatch):
    assert operations.check("cat", True).passes
    monkeypatch.setattr(operations, "ours_of", lambda info: lambda dim=1, *tensors: ours.ones(1))
    assert {"signature", "wrong call"} <= operations.check("cat", False).failures.keys()
    signature = signatures.inspect.signature
    theirs = [signature(lambda input, dim=0, *, dtype=None: 0)]
    for mine in (
        lambda input, *, dim=0, dtype=None: 0,
        lambda dim, input=0, *, dtype=None: 0,
        lambda input, axis=0, *, dtype=None: 0,
        lambda input, dim=0: 0,
    ):
        with pytest.raises(Departure):
            signatures.check_parameters(signature(mine), theirs[0], theirs)
    with pytest.raises(Departure):
        signatures.check_defaults(signature(lambda input, dim=1: 0), theirs)


def test_modules_and_optimizers(monkeypatch):
    assert modules.check("nn.Linear", False).passes
    assert optimizers.check("optim.SGD", True).passes
    monkeypatch.setattr(ours.nn, "Linear", ours.nn.Identity)
    assert {"signature", "value"} <= modules.check("nn.Linear", False).failures.keys()
    monkeypatch.setattr(ours.optim, "SGD", ours.optim.Adam)
    assert {"signature", "value"} <= optimizers.check("optim.SGD", True).failures.keys()


def test_stated_departures_are_counted_as_such():
    result = Result("nn.functional.hardsigmoid")
    result.fail("gradient", "expected 1, found 2")
    assert result.passes and list(result.departures.values()) == [1]
    result.fail("value", "expected 1, found 2")
    assert not result.passes
    assert "| everyday operations | 1 | 1 | 0 | 0 | 1 |" in page.text([result], group_of, "2.13.0")


def test_the_page_tells_all():
    passes, fails, absent, without = (
        Result("add"),
        Result("nn.Linear"),
        Result("optim.LBFGS"),
        Result("jiterator_unary"),
    )
    passes.samples, passes.errors = 3, {"value": (0.0, 2.0)}
    fails.fail("value", "sample 0: expected 1, found 2 | 3")
    absent.absent = without.absent = "none"
    passes.skip("sparse tensors")
    found = page.text([passes, fails, absent, without], group_of, "2.13.0")
    assert "| everyday operations | 1 | 1 | 1 | 0 | 0 | 0 | 0 | 3 |" in found
    assert "| modules | 1 | 1 | 0 | 0 | 1 | 0 | 0 | 0 |" in found
    assert "| `nn.Linear` | value (1) | sample 0: expected 1, found 2 \\| 3 |" in found
    assert "| `add` | 3 | 0, 2 | none | none |" in found
    assert (
        "| not there yet | 1 | `optim.LBFGS` |" in found and "| for GPUs | 1 | `jiterator_unary` |" in found
    )
    assert "- 1: sparse tensors" in found


def test_the_command(capsys):
    assert main(["sinh", "--tenth"]) == 0
    assert "sinh: agrees" in capsys.readouterr().out
    assert main(["nothing"]) == 2

"""Operations on each tensor of a list, against PyTorch's."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77._late import FOREACH

NUMBERS = [[0.5, 0.75, 0.25], [0.125]]
OTHERS = [[1.0, 2.0, 4.0], [0.5]]
ARGUMENTS = {
    "add": [(3.0,), ("others",), (NUMBERS[1] * 2,), ("others", {"alpha": 2})],
    "addcdiv": [("others", "others"), ("others", "others", -0.5), ("others", "others", [2.0, 3.0])],
    "clamp_max": [(1.0,), ("others",)],
    "copy": [("others",)],
    "lerp": [("others", 0.25)],
    "max": [()],
    "mm": [("squares",)],
    "norm": [(), (1,), ({"ord": float("inf")},)],
    "pow": [(2.0,), ("others",)],
}
ARGUMENTS |= dict.fromkeys(("sub",), ARGUMENTS["add"])
ARGUMENTS |= dict.fromkeys(("mul", "div"), ARGUMENTS["add"][:3])
ARGUMENTS |= {"addcmul": ARGUMENTS["addcdiv"]}
ARGUMENTS |= dict.fromkeys(("clamp_min", "maximum", "minimum"), ARGUMENTS["clamp_max"])


def outcome(package, name, arguments):
    def lists(data):
        return [package.tensor(row, dtype=package.float64) for row in data]

    given = {"others": lists(OTHERS), "squares": lists([[[1.0, 2.0], [3.0, 4.0]], [[2.0]]])}
    tensors = given["squares"] if "squares" in arguments else lists(NUMBERS)
    named = arguments[-1] if arguments and isinstance(arguments[-1], dict) else {}
    values = [given.get(a, a) if isinstance(a, str) else a for a in arguments if not isinstance(a, dict)]
    made = getattr(package, f"_foreach_{name}")(tensors, *values, **named)
    assert not name.endswith("_") or made is tensors
    return type(made), [t.tolist() for t in made]


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", FOREACH.split())
def test_a_list_of_tensors(name):
    for arguments in ARGUMENTS.get(name.removesuffix("_"), [()]):
        kind, mine = outcome(ours, name, arguments)
        of_torch, theirs = outcome(torch, name, arguments)
        assert kind is of_torch or name.endswith("_")
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-14)


def test_lists_of_other_lengths_are_refused():
    for wrong in (([ours.ones(2)], [ours.ones(2)] * 2), ([], 1)):
        with pytest.raises(
            RuntimeError, match=r"_foreach_add: expected lists of one length, at least 1, found"
        ):
            ours._foreach_add(*wrong)
    (x,) = ours._foreach_pow(2.0, [ours.tensor([3.0])])
    assert x.tolist() == [8.0]

"""`assert_close` raises what PyTorch's raises, with its text."""

from __future__ import annotations

import re
from collections import OrderedDict
from itertools import product

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

pytestmark = pytest.mark.needs_torch

NAN, INF = float("nan"), float("inf")


def text_of(error: Exception | None) -> tuple:
    """The kind and text of an error; without names of packages, and brackets."""
    if error is None:
        return ()
    text = re.sub(r"(torch|cnn_physics77)\.(\w+\.(?=\w))*|Size|[][(),]", "", str(error))
    return type(error), text


def outcome(module, make, **options) -> tuple:
    actual, expected = make(module)
    try:
        module.testing.assert_close(actual, expected, **options)
    except Exception as error:
        return text_of(error)
    return ()


def of(value, dtype="float32"):
    return lambda m: m.tensor(value, dtype=getattr(m, dtype))


VALUES = [[1.0, 2.0], [1.0, 2.5], [1.0, 2.000001], [NAN, 2.0], [INF, 2.0], [-INF, NAN], [0.0, 0.0], [3.0]]


FINITE = [v for v in VALUES if np.isfinite(v).all()]


@pytest.mark.parametrize(
    ("dtype", "a", "e"),
    [*product(["float32", "float64"], VALUES, VALUES), *product(["int64"], FINITE, FINITE)],
)
def test_pairs_of_tensors(dtype, a, e):
    for options in ({}, {"equal_nan": True}, {"rtol": 0, "atol": 0}, {"rtol": 0.3, "atol": 0.1}):

        def make(m):
            return of(a, dtype)(m), of(e, dtype)(m)

        assert outcome(ours, make, **options) == outcome(torch, make, **options), options


CASES = {
    "shape": lambda m: (m.ones(2, 3), m.ones(3, 2)),
    "dtype": lambda m: (m.ones(2), m.ones(2, dtype=m.float64)),
    "matrix": lambda m: (m.arange(6.0).reshape(2, 3), m.arange(6.0).reshape(2, 3) * 1.5),
    "complex": lambda m: (m.tensor([1 + 2j, 3j]), m.tensor([1 + 2j, 4 + 3j])),
    "bool": lambda m: (m.tensor([True, False]), m.tensor([True, True])),
    "zero dimensions": lambda m: (m.tensor(1.0), m.tensor(2.0)),
    "empty": lambda m: (m.ones(0), m.ones(0)),
    "strides": lambda m: (m.ones(2, 3), m.ones(3, 2).t()),
    "numbers": lambda m: (1.0, 1.5),
    "complex numbers": lambda m: (1.0 + 1j, 1.0),
    "half": lambda m: (1.0, 2.0),
    "twice": lambda m: (2.0, 1.0),
    "types of numbers": lambda m: (1.0, 1),
    "close numbers": lambda m: (1.0, 1.0 + 1e-9),
    "expected zero": lambda m: (1.0, 0.0),
    "nan": lambda m: (NAN, NAN),
    "numpy numbers": lambda m: (np.float64(1), 1.25),
    "booleans": lambda m: (True, False),
    "numpy booleans": lambda m: (True, np.bool_(True)),
    "none": lambda m: (None, None),
    "none and number": lambda m: (None, 3),
    "list": lambda m: ([m.ones(2), 2.0], (m.ones(2), 3.0)),
    "lengths": lambda m: ([1, 2], [1, 2, 3]),
    "nested": lambda m: ({"a": [1, {"b": m.ones(2)}]}, {"a": [1, {"b": m.zeros(2)}]}),
    "mappings": lambda m: (OrderedDict(b=1, a=2), {"a": 2, "b": 1}),
    "keys": lambda m: ({"a": 1, "c": 2}, {"a": 1, "b": 2}),
    "lengths inside": lambda m: ({"a": [1]}, {"a": [1, 2]}),
    "arrays": lambda m: (np.array([1.0, 2.0]), np.array([1.0, 3.0])),
    "array and tensor": lambda m: (np.ones(2), m.ones(2)),
    "parameter": lambda m: (m.nn.Parameter(m.ones(2)), m.ones(2)),
    "text": lambda m: ("a", "a"),
    "number and tensor": lambda m: (1.0, m.tensor(1.0)),
}
OPTIONS = (
    {},
    {"equal_nan": True},
    {"check_dtype": False},
    {"check_stride": True},
    {"allow_subclasses": False},
    {"rtol": 0.0, "atol": 0.0},
    {"rtol": 0.1},
    {"atol": 0.1},
    {"rtol": 1.0, "atol": 1.0},
    {"rtol": 0.6, "atol": 0.0},
    {"msg": "mine"},
    {"msg": lambda text: f"before {text}"},
)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: ", ".join(map(str, options)) or "none")
def test_other_inputs_and_options(name, options):
    assert outcome(ours, CASES[name], **options) == outcome(torch, CASES[name], **options)


def test_random_pairs_of_float64():
    numbers = np.random.default_rng(67)
    for _ in range(50):
        a = numbers.standard_normal((3, 2))
        e = a + numbers.choice([0.0, 1e-9, 1e-7, 1e-3], (3, 2))

        def make(m, a=a, e=e):
            return m.tensor(a), m.tensor(e)

        assert outcome(ours, make) == outcome(torch, make)

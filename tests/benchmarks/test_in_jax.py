"""The works of the suite in JAX compute what they compute in PyTorch. They need the extra ``jax``."""

import dataclasses

import pytest

from cnn_physics77.benchmarks.adapters import load
from cnn_physics77.benchmarks.speed import in_jax
from cnn_physics77.benchmarks.speed.cases import CASES, choose
from cnn_physics77.benchmarks.speed.suite import difference

pytest.importorskip("jax", reason="the extra jax is not installed")

WORKS = [case.key for case in choose("compilers") if case.reference == "jax"]


@pytest.mark.parametrize("key", WORKS)
def test_jax_computes_the_same_in_float64(key, monkeypatch):
    monkeypatch.setenv("NPROC", "1")
    case = dataclasses.replace(CASES[key], dtype="float64")
    case = dataclasses.replace(case, batch=3) if hasattr(case, "batch") else case
    theirs, jax = load("pytorch"), load("jax")
    given = case.given()
    expected = case.prepare(theirs, given).values()
    theirs.torch.set_default_dtype(theirs.torch.float32)
    assert difference(in_jax.prepare(case, jax, given).values(), expected)[0] <= case.tolerance
    assert jax.threads() >= 1

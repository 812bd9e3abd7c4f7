"""The checker is shown right gradients, and gradients that are slightly wrong."""

from __future__ import annotations

import numpy as np
import pytest

import cnn_physics77 as ours
from cnn_physics77.core.operations.base.elementwise import unary
from cnn_physics77.core.operations.base.operation import OPERATIONS
from cnn_physics77.testing.gradcheck import GradcheckError, gradcheck, gradgradcheck


def variable(*values, dtype=np.float64):
    return ours.tensor(np.array(values, dtype=dtype), requires_grad=True)


@pytest.fixture
def declare():
    """Declares an operation for one test."""
    declared = []

    def make(name, ufunc, derivative):
        declared.append(name)
        return unary(name, ufunc, "", x=derivative)

    yield make
    for name in declared:
        del OPERATIONS[name]


@pytest.mark.parametrize("fast_mode", [False, True])
def test_right_gradients_pass(fast_mode):
    x, w = variable(0.3, -1.2, 2.0), variable(1.0, 0.5, -0.7)
    assert gradcheck(lambda x, w: ((x * w).tanh(), x * x), (x, w), fast_mode=fast_mode)
    assert gradgradcheck(lambda x, w: (x * w).tanh(), (x, w), fast_mode=fast_mode)
    assert gradgradcheck(lambda x: x * x * x, (x,), gen_non_contig_grad_outputs=True, fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_one_percent_too_much_is_seen(declare, fast_mode):
    f = declare("wrong_tanh", np.tanh, lambda g, y: g * (1 - y * y) * 1.01)
    x = variable(0.3, -1.2)
    with pytest.raises(GradcheckError, match="output 0 with respect to input 0"):
        gradcheck(f, x, fast_mode=fast_mode)
    assert gradcheck(f, x, raise_exception=False, fast_mode=fast_mode) is False


def test_one_wrong_entry_of_many_is_seen(declare):
    mask = np.ones(20)
    mask[13] = 1.01
    f = declare("wrong_entry", np.negative, lambda g: -g * ours.from_numpy(mask))
    with pytest.raises(GradcheckError, match=r"\(13, 13\).*1 of 400 entries"):
        gradcheck(f, variable(*range(20)))


def test_wrong_second_derivative_is_seen(declare):
    # right in value and first derivative: the factor is taken as a constant, so that the second derivative is
    # missing
    f = declare("wrong_square", np.square, lambda g, x: g * 2.0 * x.detach())
    x = variable(0.3, -1.2)
    assert gradcheck(f, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(f, x)


def test_nan_is_wrong(declare):
    f = declare("nan_gradient", np.square, lambda g, x: g * float("nan"))
    with pytest.raises(GradcheckError, match="nan"):
        gradcheck(f, variable(1.0), nondet_tol=float("inf"))


def test_complex_follows_the_conjugate_convention():
    z = variable(0.3 + 1j, -1.2 - 0.5j, dtype=np.complex128)
    assert gradcheck(lambda z: z * z, z)
    assert gradcheck(lambda z: ours.conj(z) * z, z)
    assert gradgradcheck(lambda z: z * z, z)


def test_wrong_conjugation_is_seen(declare):
    f = declare("unconjugated", np.square, lambda g, x: g * 2.0 * x)
    with pytest.raises(GradcheckError):
        gradcheck(f, variable(0.3 + 1j, dtype=np.complex128))


def test_the_inputs_are_not_touched():
    x = variable(0.3, -1.2)
    before, version = x.array.copy(), x._version
    gradcheck(lambda x: x * x, x)
    assert (x.array == before).all() and x._version == version and x.grad is None


def test_single_precision_is_warned_about():
    with pytest.warns(UserWarning, match="double precision"):
        gradcheck(lambda x: x * 2.0, variable(1.0, dtype=np.float32), eps=1e-2, atol=1e-2)


def test_nothing_to_check():
    with pytest.raises(ValueError, match="requires grad"):
        gradcheck(lambda x: x, ours.tensor(1.0))
    with pytest.raises(ValueError, match="expected an output that requires grad"):
        gradcheck(lambda x: x.detach(), variable(1.0))

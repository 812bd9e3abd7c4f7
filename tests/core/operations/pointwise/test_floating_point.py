"""What the rows of the table cannot say of mantissas, exponents and signs."""

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import GradientError
from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

NAN, INF = float("nan"), float("inf")


def test_ldexp_of_negative_integers_has_a_derivative():
    """PyTorch's is 0 there."""
    x = ours.tensor([1.5, -2.0, 3.0], dtype=ours.float64, requires_grad=True)
    n = ours.tensor([-1, -3, 2])
    assert gradcheck(lambda x: ours.ldexp(x, n), x)
    assert gradgradcheck(lambda x: ours.ldexp(x, n), x)


@pytest.mark.parametrize("n", [1023, 1100, -1074, -1100, -3000, 2**40])
def test_ldexp_is_exact_where_the_power_alone_leaves_the_range(n):
    for x in (0.75, 1e-300, 1e300, 5e-324):
        found = ours.ldexp(ours.tensor(x, dtype=ours.float64), ours.tensor(n)).item()
        try:
            expected = float.fromhex(x.hex().rpartition("p")[0] + f"p{int(x.hex().rpartition('p')[2]) + n}")
        except OverflowError:
            expected = INF
        assert found == expected


def test_frexp_and_ldexp_are_inverse():
    x = ours.tensor([[0.1, -3e300], [5e-324, 0.0]], dtype=ours.float64, requires_grad=True)
    m, n = ours.frexp(x)
    assert ours.equal(ours.ldexp(m, n), x)
    ours.ldexp(m, n).sum().backward()
    assert ours.equal(x.grad, ours.ones_like(x))


@pytest.mark.needs_torch
def test_gradient_of_copysign_at_edges():
    """Its derivative is the ratio, which is 0 at 0, and NaN at an infinity."""
    values, signs = [0.0, -0.0, INF, NAN, -2.0], [1.0, -1.0, -1.0, 1.0, 1.0]
    results = []
    for package in (ours, torch):
        x = package.tensor(values, requires_grad=True)
        package.copysign(x, package.tensor(signs)).sum().backward()
        results.append(x.grad.numpy())
    np.testing.assert_array_equal(*results)


@pytest.mark.needs_torch
def test_nextafter_in_float32_and_float16():
    for name in ("float32", "float16"):
        pairs = [(1.0, 2.0), (0.0, -1.0), (INF, 0.0), (-INF, INF), (NAN, 1.0), (1.0, 1.0), (6e4, INF)]
        found, expected = (
            p.nextafter(*(p.tensor(c, dtype=getattr(p, name)) for c in zip(*pairs))) for p in (ours, torch)
        )
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_what_has_no_derivative_says_so():
    x = ours.ones(2, requires_grad=True)
    with pytest.raises(GradientError, match="heaviside: the derivative is not implemented"):
        ours.heaviside(x, x).sum().backward()
    z = ours.tensor([1j, 1.0], requires_grad=True)
    with pytest.raises(GradientError, match="nan_to_num: the derivative is not defined for complex"):
        ours.nan_to_num(z).abs().sum().backward()

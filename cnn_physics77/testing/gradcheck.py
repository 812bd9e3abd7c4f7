r"""Comparison of derivatives with central differences.

For a function f with outputs w and inputs z, both read as vectors of real numbers (a complex number is two),
every entry of the Jacobian is computed twice:

.. math::
    J_{kj} \approx \frac{w_k(z + \varepsilon e_j) - w_k(z - \varepsilon e_j)}{2 \varepsilon}
    \qquad\text{and}\qquad
    J_{k\cdot} = \text{backward}(e_k)

and both must agree within ``atol + rtol |J|``. The difference has a truncation error of about
:math:`\varepsilon^2 |f'''|/6` and a rounding error of about :math:`10^{-16} |f| / \varepsilon`. In double
precision the sum is smallest near :math:`\varepsilon = 10^{-5 \dots -6}`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cnn_physics77.core.autograd import grad
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.recording import enable_grad
from cnn_physics77.core.tensor import Tensor, from_array


class GradcheckError(RuntimeError):
    """A derivative that differs from the central difference."""


def gradcheck(
    func: Callable,
    inputs,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Compare the gradients of ``func`` with central differences.

    Args:
        func: a function of the inputs that returns a tensor or a sequence of tensors.
        inputs: a tensor or a sequence of arguments. Those that require grad are varied; they should be
            float64 or complex128, and must not share memory.
        eps: step of the differences.
        atol, rtol: allowed difference, ``atol + rtol |numerical|``.
        raise_exception: raise on failure instead of returning False.
        nondet_tol: allowed difference of two backward passes.
        check_grad_dtypes: the gradients must have the inputs' dtypes.
        fast_mode: compare :math:`v^T J u` for one random pair of directions instead of all entries. This
            takes two evaluations of func.

    Returns:
        True; False if the derivatives differ and ``raise_exception`` is False.

    Raises:
        GradcheckError: the derivatives differ. The message has the input, the output, and both values of the
            entry that differs most.
        ValueError: there is nothing to check.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    >>> gradcheck(lambda x: (x * x).tanh(), (x,))
    True
    """
    try:
        _gradcheck(func, _as_tuple(inputs), eps, atol, rtol, nondet_tol, check_grad_dtypes, fast_mode)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable,
    inputs,
    grad_outputs=None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_grad_dtypes: bool = False,
    fast_mode: bool = False,
) -> bool:
    """Compare the gradients of the gradients of ``func`` with central differences: see :func:`gradcheck`.

    Args:
        grad_outputs: the gradients of the outputs; random by default.
        gen_non_contig_grad_outputs: make the random ones non-contiguous.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True)
    >>> gradgradcheck(lambda x: (x * x).tanh(), (x,))
    True
    """
    inputs = _as_tuple(inputs)
    if grad_outputs is None:
        rng = np.random.default_rng(0)
        outputs = [o for o in _as_tuple(func(*inputs)) if isinstance(o, Tensor) and o.requires_grad]
        grad_outputs = tuple(_random_like(o.array, rng, gen_non_contig_grad_outputs) for o in outputs)
        for g in grad_outputs:
            g.requires_grad_(True)
    grad_outputs = _as_tuple(grad_outputs)
    count = len(inputs)

    def gradient(*arguments):
        arguments, seeds = arguments[:count], arguments[count:]
        outputs = [o for o in _as_tuple(func(*arguments)) if isinstance(o, Tensor) and o.requires_grad]
        variables = [a for a in arguments if isinstance(a, Tensor) and a.requires_grad]
        return grad(outputs, variables, seeds, create_graph=True, materialize_grads=True)

    return gradcheck(
        gradient,
        (*inputs, *grad_outputs),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_grad_dtypes=check_grad_dtypes,
        fast_mode=fast_mode,
    )


def _gradcheck(func, inputs, eps, atol, rtol, nondet_tol, check_grad_dtypes, fast_mode) -> None:
    variables = [i for i in inputs if isinstance(i, Tensor) and i.requires_grad]
    if not variables:
        raise ValueError(
            "gradcheck: expected at least one input that requires grad, found none; set requires_grad=True"
        )
    for variable in variables:
        if variable.dtype.itemsize < (16 if variable.is_complex() else 8):
            warn(
                f"gradcheck: expected inputs in double precision, found {variable.dtype}; differences will "
                "be inexact"
            )
        if np.any(np.array(variable.array.strides)[np.array(variable.shape) > 1] == 0):
            raise ValueError(
                "gradcheck: expected inputs without overlapping memory, found an expanded one; use "
                ".contiguous()"
            )
    with enable_grad():
        outputs = [
            o for o in _as_tuple(func(*inputs)) if isinstance(o, Tensor) and o.array.dtype.kind in "fc"
        ]
    if not any(o.requires_grad for o in outputs):
        with_gradient = [o.requires_grad for o in outputs]
        raise ValueError(f"gradcheck: expected an output that requires grad, found {with_gradient}")
    rng = np.random.default_rng(0)
    for index, variable in enumerate(variables):
        for number, output in enumerate(outputs):
            place = f"output {number} with respect to input {index}"
            if fast_mode:
                pairs = [(_unit(variable.array, rng), _unit(output.array, rng))]
                analytical = _analytical_products(output, variable, pairs, check_grad_dtypes, place)
                numerical = _numerical_products(func, inputs, number, variable, pairs, eps)
                again = analytical
            else:
                analytical = _analytical_jacobian(output, variable, check_grad_dtypes, place)
                again = _analytical_jacobian(output, variable, False, place)
                numerical = _numerical_jacobian(func, inputs, number, variable, output, eps)
            if np.any(np.abs(analytical - again) > nondet_tol):
                raise GradcheckError(
                    f"gradcheck: backward is not deterministic, {place}: two runs differ "
                    f"by {np.abs(analytical - again).max()}"
                )
            allowed = atol + rtol * np.abs(numerical)
            wrong = ~(np.abs(analytical - numerical) <= allowed)  # NaN is wrong
            if wrong.any():
                where = np.unravel_index(
                    np.argmax(np.where(wrong, np.abs(analytical - numerical) / allowed, -1)), wrong.shape
                )
                raise GradcheckError(
                    f"gradcheck: Jacobian mismatch, {place}: numerical {numerical[where]}, "
                    f"analytical {analytical[where]} at entry {tuple(int(i) for i in where)} (output "
                    f"element, input element); {int(wrong.sum())} of {wrong.size} entries differ; check the "
                    "derivative of that input"
                )


def _analytical_jacobian(output: Tensor, variable: Tensor, check_dtypes: bool, place: str) -> np.ndarray:
    """Rows: the real components of the output; columns: those of the variable."""
    rows = []
    for component in range(_as_real(output.array).size):
        seed = np.zeros_like(output.array, order="C")
        _as_real(seed)[component] = 1
        rows.append(_as_real(_backward(output, variable, seed, check_dtypes, place)).copy())
    return np.array(rows).reshape(len(rows), _as_real(variable.array).size)


def _analytical_products(output, variable, pairs, check_dtypes, place) -> np.ndarray:
    return np.array(
        [np.dot(_as_real(_backward(output, variable, v, check_dtypes, place)), _as_real(u)) for u, v in pairs]
    )


def _backward(
    output: Tensor, variable: Tensor, seed: np.ndarray, check_dtypes: bool, place: str
) -> np.ndarray:
    if not output.requires_grad:
        return np.zeros_like(variable.array, order="C")
    (gradient,) = grad(output, variable, from_array(seed), retain_graph=True, allow_unused=True)
    if gradient is None:
        return np.zeros_like(variable.array, order="C")
    if gradient.shape != variable.shape:
        raise GradcheckError(
            f"gradcheck: expected a gradient of shape {variable.shape}, found {gradient.shape}, {place}"
        )
    if check_dtypes and gradient.dtype != variable.dtype:
        raise GradcheckError(
            f"gradcheck: expected a gradient of {variable.dtype}, found {gradient.dtype}, {place}"
        )
    return np.ascontiguousarray(gradient.array.astype(variable.dtype, copy=False))


def _numerical_jacobian(func, inputs, number, variable, output, eps) -> np.ndarray:
    columns = []
    for component in range(_as_real(variable.array).size):
        step = np.zeros_like(variable.array, order="C")
        _as_real(step)[component] = 1
        columns.append(_central_difference(func, inputs, number, variable, step, eps))
    return np.array(columns).reshape(len(columns), _as_real(output.array).size).T


def _numerical_products(func, inputs, number, variable, pairs, eps) -> np.ndarray:
    return np.array(
        [np.dot(_central_difference(func, inputs, number, variable, u, eps), _as_real(v)) for u, v in pairs]
    )


def _central_difference(func, inputs, number, variable, direction, eps) -> np.ndarray:
    """(w(z + ε d) - w(z - ε d)) / 2ε; the variable itself is not changed."""

    def at(step):
        moved = from_array(variable.array + step * direction)
        moved.requires_grad_(True)  # func may read it, or call backward itself
        arguments = [moved if i is variable else i for i in inputs]
        outputs = [
            o for o in _as_tuple(func(*arguments)) if isinstance(o, Tensor) and o.array.dtype.kind in "fc"
        ]
        return _as_real(np.ascontiguousarray(outputs[number].array)).copy()

    with enable_grad():
        return (at(eps) - at(-eps)) / (2 * eps)


def _as_real(array: np.ndarray) -> np.ndarray:
    """All real components as a vector; a view if the memory is contiguous."""
    flat = np.ascontiguousarray(array).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _unit(like: np.ndarray, rng) -> np.ndarray:
    drawn = _random_like(like, rng, False).array
    return drawn / max(np.sqrt((np.abs(drawn) ** 2).sum()), 1e-300)


def _random_like(like: np.ndarray, rng, strided: bool) -> Tensor:
    shape = (*like.shape, 2) if strided else like.shape
    drawn = np.asarray(rng.normal(size=shape))
    if like.dtype.kind == "c":
        drawn = drawn + 1j * rng.normal(size=shape)
    drawn = drawn.astype(like.dtype)
    return from_array(drawn[..., 0] if strided else drawn)


def _as_tuple(value) -> tuple:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


__all__ = ["GradcheckError", "gradcheck", "gradgradcheck"]

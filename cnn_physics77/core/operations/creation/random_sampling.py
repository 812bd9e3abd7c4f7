"""Random tensors, from a given generator or the default one (see :mod:`cnn_physics77.core.random`). They are
leaves.

All creation functions take ``dtype`` (by default the default dtype), ``device`` (``"cpu"``) and
``requires_grad``.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.backend.conversion import as_array
from cnn_physics77.core.errors import ArgumentError, DtypeError, ShapeError
from cnn_physics77.core.operations.base.broadcasting import common_shape
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.creation import draws
from cnn_physics77.core.operations.creation.creation import floating_or, in_format, made, sizes
from cnn_physics77.core.operations.creation.draws import (
    in_order_of,
    indices,
    integers,
    laid_out,
    normal_like,
    numbers_of,
    uniform,
)
from cnn_physics77.core.operations.indexing.cast import as_dtype
from cnn_physics77.core.operations.indexing.clone import preserve_format
from cnn_physics77.core.random import Generator
from cnn_physics77.core.tensor import Tensor, from_array, method


@operation(name="drawn")
def _drawn(*parameters, values):
    """Samples from a distribution with these parameters. The derivatives with respect to them are 0."""
    return values


@_drawn.joint_derivative
def _(g, needed, parameters_shape, parameters_dtype):
    return [from_array(np.zeros(s, d)) for s, d in zip(parameters_shape, parameters_dtype)]


def drawable(function: str, dtype) -> np.dtype:
    found = floating_or(function, dtype)
    if found.kind not in "fc":
        raise DtypeError(
            f"{function}: expected a floating or complex dtype, found torch.{found}; use randint for integers"
        )
    return found


# --------------------------------------------------------------------------------------------- by shape


def rand(
    *size, generator: Generator | None = None, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    """Uniform numbers on [0, 1), of shape ``size``.

    Raises:
        ShapeError: a size is negative.
        DtypeError: the dtype is an integer dtype.

    >>> import cnn_physics77 as torch
    >>> x = torch.rand(2, 3, generator=torch.Generator().manual_seed(67))
    >>> x.shape, bool((x >= 0).all() and (x < 1).all())
    (torch.Size([2, 3]), True)
    """
    array = uniform(numbers_of(generator), sizes("rand", size), drawable("rand", dtype))
    return made("rand", array, device, requires_grad)


def randn(
    *size, generator: Generator | None = None, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    """Numbers from the standard normal distribution N(0, 1), of shape ``size``.

    With a complex dtype, the real and the imaginary part have variance 1/2 each.

    Raises:
        ShapeError: a size is negative.
        DtypeError: the dtype is an integer dtype.

    >>> import cnn_physics77 as torch
    >>> torch.randn(2, 3).shape
    torch.Size([2, 3])
    """
    array = draws.normal(numbers_of(generator), sizes("randn", size), drawable("randn", dtype))
    return made("randn", array, device, requires_grad)


def randint(
    low: int | None = None,
    high=None,
    size=None,
    *,
    generator: Generator | None = None,
    dtype=None,
    device=None,
    requires_grad: bool = False,
) -> Tensor:
    """Uniformly distributed integers from low (or 0) to high (exclusive), int64: ``randint(high, size)`` or
    ``randint(low, high, size)``; each also by name.

    Raises:
        ArgumentError: low >= high, or the range of the dtype does not contain them.
        ShapeError: a size is negative.

    >>> import cnn_physics77 as torch
    >>> x = torch.randint(3, 5, (100,))
    >>> x.min(), x.max()
    (tensor(3), tensor(4))
    """
    if size is None:  # randint(high, size)
        low, high, size = None, low, high
    elif high is None:
        low, high = None, low
    if high is None or not isinstance(size, (tuple, list)):
        raise ShapeError(
            "randint: expected randint(high, size) or randint(low, high, size), with a tuple as size"
        )
    low = 0 if low is None else low
    if not low < high:
        raise ArgumentError(f"randint: expected low < high, found {low} and {high}")
    found = np.dtype(np.int64) if dtype is None else as_dtype("randint", dtype)
    array = integers("randint", numbers_of(generator), low, high, sizes("randint", (size,)), found)
    return made("randint", array, device, requires_grad)


def randperm(
    n: int, *, generator: Generator | None = None, dtype=None, device=None, requires_grad: bool = False
) -> Tensor:
    """A uniformly distributed random permutation of the integers from 0 to n - 1, int64.

    Raises:
        ShapeError: n is negative.

    >>> import cnn_physics77 as torch
    >>> torch.randperm(4).sort().values
    tensor([0, 1, 2, 3])
    """
    (n,) = sizes("randperm", (n,))
    found = np.dtype(np.int64) if dtype is None else as_dtype("randperm", dtype)
    return made(
        "randperm", numbers_of(generator).permutation(n).astype(found, copy=False), device, requires_grad
    )


def rand_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype=None,
    device=None,
    requires_grad: bool = False,
    memory_format=preserve_format,
) -> Tensor:
    """Uniform numbers on [0, 1), of the shape and dtype of ``input``: see :func:`rand`.

    >>> import cnn_physics77 as torch
    >>> torch.rand_like(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    found = drawable("rand_like", input.dtype if dtype is None else dtype)
    array = in_order_of(
        _laid_out(input, memory_format), lambda shape: uniform(numbers_of(generator), shape, found)
    )
    return made("rand_like", array, device, requires_grad)


def randn_like(
    input: Tensor,
    *,
    generator: Generator | None = None,
    dtype=None,
    device=None,
    requires_grad: bool = False,
    memory_format=preserve_format,
) -> Tensor:
    """Standard normal numbers, of the shape and dtype of ``input``: see :func:`randn`.

    >>> import cnn_physics77 as torch
    >>> torch.randn_like(torch.zeros(2, 3)).shape
    torch.Size([2, 3])
    """
    found = drawable("randn_like", input.dtype if dtype is None else dtype)
    array = normal_like(numbers_of(generator), _laid_out(input, memory_format), found, anew=True)
    return made("randn_like", array, device, requires_grad)


def randint_like(
    input: Tensor,
    low: int | None = None,
    high=None,
    *,
    generator: Generator | None = None,
    dtype=None,
    device=None,
    requires_grad: bool = False,
    memory_format=preserve_format,
) -> Tensor:
    """Integers from low (or 0) to high (exclusive), of the shape and dtype of ``input``: see :func:`randint`.

    >>> import cnn_physics77 as torch
    >>> torch.randint_like(torch.zeros(2, 3), 5).dtype
    torch.float32
    """
    if high is None:
        low, high = None, low
    low = 0 if low is None else low
    if high is None or not low < high:
        raise ArgumentError(f"randint_like: expected low < high, found {low} and {high}")
    found = input.array.dtype if dtype is None else as_dtype("randint_like", dtype)
    array = in_order_of(
        _laid_out(input, memory_format),
        lambda shape: integers("randint_like", numbers_of(generator), low, high, shape, found),
    )
    return made("randint_like", array, device, requires_grad)


def _laid_out(input: Tensor, memory_format) -> np.ndarray:
    """An array of the shape and memory order that a new tensor gets."""
    if memory_format is preserve_format:
        return laid_out(input)
    return in_format(from_array(np.empty(input.array.shape, np.bool_)), memory_format).array


# --------------------------------------------------------------------------------------------- by parameters


def normal(
    mean=0.0,
    std=1.0,
    size=None,
    *,
    generator: Generator | None = None,
    dtype=None,
    device=None,
    requires_grad: bool = False,
) -> Tensor:
    """Numbers from normal distributions N(mean, std²).

    Args:
        mean, std: tensors, which broadcast, or numbers. With ``size`` both must be numbers.
        size: the shape of the result, if mean and std are numbers.

    The gradients of mean and std are 0.

    Raises:
        ArgumentError: a standard deviation is negative.
        ShapeError: the shapes do not broadcast, or mean and std are numbers and there is no size.

    >>> import cnn_physics77 as torch
    >>> torch.normal(torch.zeros(3), 0.0)
    tensor([0., 0., 0.])
    """
    given = [p for p in (mean, std) if isinstance(p, Tensor)]
    if not given and size is None:
        raise ShapeError(
            "normal: expected a size, as mean and std are numbers, found none; call normal(mean, std, size)"
        )
    centre, spread = (p.array if isinstance(p, Tensor) else p for p in (mean, std))
    if np.any(np.less(spread, 0)):
        raise ArgumentError(f"normal: expected non-negative standard deviations, found {np.min(spread)}")
    if given and dtype is None:
        dtype = given[0].array.dtype
    shape = common_shape("normal", *(p.array.shape for p in given)) if given else sizes("normal", (size,))
    found = drawable("normal", dtype)
    array = draws.normal(numbers_of(generator), shape, found, centre, spread)
    made_of = _drawn(*given, values=array)
    return made_of if made_of.requires_grad else made("normal", array, device, requires_grad)


@method("bernoulli")
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Elementwise 1 with probability ``input`` (or p), else 0, in the dtype of ``input``.

    The gradient of ``input`` is 0.

    Raises:
        ArgumentError: a probability is not in [0, 1].

    >>> import cnn_physics77 as torch
    >>> torch.bernoulli(torch.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    probability = as_array(input.array if p is None else p)
    if not np.all((probability >= 0) & (probability <= 1)):
        raise ArgumentError("bernoulli: expected probabilities 0 <= p <= 1, found others")
    drawn = successes(probability, np.empty(input.array.shape, np.bool_), generator)
    return _drawn(input, values=drawn.astype(input.array.dtype))


def successes(probability: np.ndarray, array: np.ndarray, generator: Generator | None) -> np.ndarray:
    """True with these probabilities, which are compared with uniform numbers of their precision."""
    precision = np.float32 if probability.dtype.itemsize < 8 else np.float64
    drawn = in_order_of(array, lambda shape: numbers_of(generator).random(shape, dtype=precision))
    return as_array(drawn < probability)


def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Samples from Poisson distributions with the rates ``input``, in its dtype. Its gradient is 0.

    Raises:
        ArgumentError: a rate is negative, infinite or NaN.

    >>> import cnn_physics77 as torch
    >>> torch.poisson(torch.zeros(2))
    tensor([0., 0.])
    """
    if not ((input.array >= 0) & (input.array < np.inf)).all():
        raise ArgumentError("poisson: expected non-negative, finite rates, found others")
    return _drawn(
        input, values=as_array(numbers_of(generator).poisson(input.array)).astype(input.array.dtype)
    )


@method("multinomial")
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Indices drawn with probabilities proportional to weights.

    Args:
        input: non-negative weights, (n,), or (m, n) with a distribution in each row. They need not sum to 1.
        num_samples: the number of samples, k.
        replacement: whether an index may be drawn several times.

    Returns:
        Indices, (k,) or (m, k); int64.

    Raises:
        ShapeError: the input is neither a vector nor a matrix, or there are fewer nonzero weights than
            samples, and no replacement.
        ArgumentError: weights are negative, not finite, or all 0.
        DtypeError: the weights are not floating.

    >>> import cnn_physics77 as torch
    >>> torch.multinomial(torch.tensor([0.0, 1.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    if input.array.dtype.kind != "f":
        raise DtypeError(
            f"multinomial: expected floating weights, found {input.dtype}; convert with .float()"
        )
    weights = np.atleast_2d(input.array.astype(np.promote_types(input.array.dtype, np.float32)))
    if input.array.ndim not in (1, 2):
        raise ShapeError(f"multinomial: expected weights (n,) or (m, n), found shape {input.array.shape}")
    if not np.isfinite(weights).all() or (weights < 0).any() or not (weights.sum(axis=1) > 0).all():
        raise ArgumentError("multinomial: expected finite, non-negative weights, not all 0, found others")
    if num_samples < 1:
        raise ArgumentError(f"multinomial: expected num_samples of at least 1, found {num_samples}")
    if not replacement:
        fewest = int(np.count_nonzero(weights, axis=1).min(initial=weights.shape[1]))
        if num_samples > fewest:
            raise ShapeError(
                "multinomial: cannot sample n_sample > prob_dist.size(-1) samples without replacement: "
                f"expected at most {fewest}, found {num_samples}"
            )
    drawn = indices(numbers_of(generator), weights, num_samples, replacement)
    return from_array(drawn.reshape(*input.array.shape[:-1], num_samples))


__all__ = [
    "bernoulli",
    "multinomial",
    "normal",
    "poisson",
    "rand",
    "rand_like",
    "randint",
    "randint_like",
    "randn",
    "randn_like",
    "randperm",
]

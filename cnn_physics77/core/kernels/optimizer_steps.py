"""The in-place steps of the optimizers: few passes over memory, in pieces that stay in the cache.

The arrays of one step have one shape and one dtype, float32 or float64. It is fastest if all parameters of a
model are views of one flat array, which one call updates. The gradient is only read.
"""

from collections.abc import Callable
from math import sqrt
from typing import NamedTuple

import numpy as np

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.runtime.layout import flat, flat_dense, in_order_of
from cnn_physics77.core.kernels.runtime.parallel import ParallelLoop
from cnn_physics77.core.kernels.runtime.scratch import scratch
from cnn_physics77.core.kernels.runtime.tiling import blocks_loop

PIECE_BYTES = 1 << 20  # the size of a piece of each array


def sgd(
    parameter: np.ndarray,
    gradient: np.ndarray,
    momentum_buffer: np.ndarray | None = None,
    *,
    lr: float,
    momentum: float = 0.0,
    dampening: float = 0.0,
    weight_decay: float = 0.0,
    nesterov: bool = False,
    maximize: bool = False,
    first_step: bool = False,
) -> ParallelLoop:
    """Stochastic gradient descent with momentum, in place (Sutskever et al. 2013, as ``torch.optim.SGD``)::

        g <- (-g if maximize else g) + weight_decay * p
        b <- g at the first step, then momentum * b + (1 - dampening) * g
        p <- p - lr * (g + momentum * b if nesterov else b)          without momentum: p - lr * g

    Args:
        parameter: p, changed in place.
        gradient: g, of the same shape and dtype; only read.
        momentum_buffer: b, changed in place; required if ``momentum`` is not 0.
        first_step: whether this is the first step, before which b is undefined.

    Returns:
        The parallel loop that changes p and b when it is run.

    Raises:
        ShapeError: the arrays have different shapes, or there is momentum without a buffer.

    >>> p = np.array([1.0, 2.0])
    >>> sgd(p, np.array([1.0, -1.0]), lr=0.5).run()
    >>> p
    array([0.5, 2.5])
    """
    if momentum != 0 and momentum_buffer is None:
        raise ShapeError(
            "sgd: expected a momentum_buffer with momentum != 0, found None; give one of p's shape"
        )
    sign = -1.0 if maximize else 1.0

    def update(p, g, b=None):
        t = scratch("optimizer.t", p.shape, p.dtype)
        if weight_decay != 0:
            np.multiply(p, sign * weight_decay, out=t)  # the last factor applies the sign of g
            g = np.add(t, g, out=t)
        if momentum == 0:
            np.multiply(g, sign * lr, out=t)
        else:
            if first_step:
                np.multiply(g, sign, out=b)
            else:
                b *= momentum
                if sign * (1 - dampening) == 1:
                    b += g
                else:
                    b += np.multiply(g, sign * (1 - dampening), out=scratch("optimizer.s", p.shape, p.dtype))
            if nesterov:
                g = np.multiply(g, sign, out=t)
                g += np.multiply(b, momentum, out=scratch("optimizer.s", p.shape, p.dtype))
                t *= lr
            else:
                np.multiply(b, lr, out=t)
        p -= t

    states = () if momentum == 0 else (momentum_buffer,)
    return by_pieces("sgd", update, parameter, gradient, *states)


class AdamNumbers(NamedTuple):
    """The numbers of Adam that change from step to step; see `adam_numbers`."""

    size: float
    floor: float
    kept: float


def adam_numbers(
    step: float,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> AdamNumbers:
    """The numbers of the step t, counted from 1: with c = sqrt(1 - beta2^t) ::

        size = lr c / (1 - beta1^t)      floor = eps c      kept = 1 - lr weight_decay

    >>> adam_numbers(step=1, lr=0.5, betas=(0.5, 0.75), eps=0.0)
    AdamNumbers(size=0.5, floor=0.0, kept=1.0)
    """
    beta1, beta2 = betas
    correction = sqrt(1 - beta2**step)
    return AdamNumbers(lr / (1 - beta1**step) * correction, eps * correction, 1 - lr * weight_decay)


def adam(
    parameter: np.ndarray,
    gradient: np.ndarray,
    exp_avg: np.ndarray,
    exp_avg_sq: np.ndarray,
    max_exp_avg_sq: np.ndarray | None = None,
    *,
    numbers: AdamNumbers,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
    decoupled_weight_decay: bool = False,
    maximize: bool = False,
) -> ParallelLoop:
    """Adam, in place (Kingma and Ba 2015; AMSGrad: Reddi et al. 2018; AdamW: Loshchilov and Hutter 2019)::

        g <- -g if maximize else g
        g <- g + weight_decay * p                                     Adam
        p <- p - lr * weight_decay * p                                AdamW (decoupled)
        m <- beta1 * m + (1 - beta1) * g
        v <- beta2 * v + (1 - beta2) * g^2
        w <- max(w, v) with AMSGrad, else v
        p <- p - lr / (1 - beta1^t) * m / (sqrt(w) / sqrt(1 - beta2^t) + eps)

    This is the step of ``torch.optim.Adam`` and ``AdamW``. The two bias corrections of the last line are
    merged into scalars (`adam_numbers`): it is p - size * m / (sqrt(w) + floor).

    Args:
        parameter: p, changed in place like the states.
        gradient: g, of the same shape and dtype; only read.
        exp_avg, exp_avg_sq: m and v, zeros before the first step.
        max_exp_avg_sq: w of AMSGrad, zeros before the first step; None without AMSGrad.
        numbers: those of this step.

    Returns:
        The parallel loop that changes p and the states when it is run.

    Raises:
        ShapeError: the arrays have different shapes.

    >>> p, m, v = np.array([1.0]), np.zeros(1), np.zeros(1)
    >>> adam(p, np.array([4.0]), m, v, numbers=adam_numbers(step=1, lr=0.1, eps=0.0)).run()
    >>> p, m.round(12), v.round(12)
    (array([0.9]), array([0.4]), array([0.016]))
    """
    beta1, beta2 = betas
    size, floor, kept = numbers
    root = sqrt(1 - beta2)

    def update(p, g, m, v, w=None):
        t = scratch("optimizer.t", p.shape, p.dtype)
        if decoupled_weight_decay:
            if weight_decay != 0:
                p *= kept
        elif weight_decay != 0:
            s = np.multiply(
                p,
                -weight_decay if maximize else weight_decay,
                out=scratch("optimizer.s", p.shape, p.dtype),
            )
            g = np.add(s, g, out=s)
        if maximize:
            g = np.negative(g, out=scratch("optimizer.s", p.shape, p.dtype))
        np.subtract(g, m, out=t)
        t *= 1 - beta1
        m += t
        np.multiply(g, root, out=t)
        np.multiply(t, t, out=t)
        v *= beta2
        v += t
        if w is not None:
            v = np.maximum(w, v, out=w)
        np.sqrt(v, out=t)
        t += floor
        np.divide(m, t, out=t)
        t *= size
        p -= t

    states = (exp_avg, exp_avg_sq) if max_exp_avg_sq is None else (exp_avg, exp_avg_sq, max_exp_avg_sq)
    return by_pieces("adam", update, parameter, gradient, *states)


def by_pieces(name: str, update: Callable[..., None], *arrays: np.ndarray) -> ParallelLoop:
    """The parallel loop that calls ``update`` for each piece of the arrays. The gradient, arrays[1], may be
    copied."""
    parameter, gradient, *states = arrays
    for x in arrays:
        if x.shape != parameter.shape or x.dtype != parameter.dtype:
            raise ShapeError(
                f"{name}: expected arrays of the parameter's shape and dtype, {parameter.shape} "
                f"{parameter.dtype}, found {x.shape} {x.dtype}; convert the gradient and the states"
            )
    if flat(parameter) is None or any(state.strides != parameter.strides for state in states):
        # not dense: one call on the whole arrays
        return ParallelLoop(lambda _: update(parameter, gradient, *states), 1, 0.0)
    rows = [flat_dense(x) for x in (parameter, in_order_of(gradient, parameter), *states)]
    return blocks_loop(
        lambda piece: update(*(row[piece] for row in rows)),
        parameter.size,
        parameter.itemsize,
        parameter.size * parameter.itemsize * 2.5e-4,
        PIECE_BYTES,
    )

"""The simple recurrent layer."""

import numpy as np

from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.recurrent.steps import Sizes, for_rows, steps


def elman_forward(
    x: np.ndarray,
    h: np.ndarray,
    w_ih: np.ndarray,
    w_hh: np.ndarray,
    bias: np.ndarray | None,
    relu: bool,
    sizes: Sizes,
    reverse: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """The states of all steps (rows, H), and the last one.

    Args:
        x: (rows, I).
        h: the initial state, (N, H).
        w_ih, w_hh, bias: (H, I), (H, H), (H,).
        relu: the activation is max(x, 0) instead of tanh(x).
    """
    y = matmul(x, w_ih.T, bias=bias)
    h = h.copy()
    products = np.empty_like(h)
    for start, n in steps(sizes, reverse):
        now = y[start : start + n]
        now += matmul(h[:n], w_hh.T, out=products[:n])
        if relu:
            np.maximum(now, 0, out=now)
        else:
            np.tanh(now, out=now)
        h[:n] = now
    return y, h


def elman_gradient(
    gy: np.ndarray, gh: np.ndarray, w_hh: np.ndarray, y: np.ndarray, relu: bool, sizes: Sizes, reverse: bool
) -> tuple[np.ndarray, np.ndarray]:
    """The gradients of the states before the activation (rows, H), and of the initial state.

    Args:
        gy, gh: the gradients of the states of all steps, and of the last one.
    """
    inner = np.empty_like(y)

    def prepare(rows: slice) -> None:
        if relu:
            np.less_equal(y[rows], 0, out=inner[rows])
        else:
            np.multiply(y[rows], y[rows], out=inner[rows])
        np.subtract(1, inner[rows], out=inner[rows])

    for_rows(prepare, y)
    h_bar = gh.copy()
    for start, n in reversed(steps(sizes, reverse)):
        rows = slice(start, start + n)
        of_h = h_bar[:n]
        of_h += gy[rows]
        inner[rows] *= of_h
        matmul(inner[rows], w_hh, out=of_h)
    return inner, h_bar

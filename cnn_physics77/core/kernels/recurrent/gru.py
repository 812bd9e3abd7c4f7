"""The GRU. The gates r, z, n of a row are beside one another, (rows, 3H)."""

import numpy as np

from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.recurrent.steps import Sizes, before_each_step, for_rows, sigmoid, steps


def gru_forward(
    x: np.ndarray,
    h: np.ndarray,
    w_ih: np.ndarray,
    w_hh: np.ndarray,
    b_ih: np.ndarray | None,
    b_hh: np.ndarray | None,
    sizes: Sizes,
    reverse: bool,
) -> tuple[np.ndarray, ...]:
    """The states of all steps (rows, H), the last one, the gates (rows, 3H), and what r multiplies (rows, H).

    Args:
        x: (rows, I).
        h: the initial state, (N, H).
        w_ih, w_hh, b_ih, b_hh: (3H, I), (3H, H), (3H,), (3H,).
    """
    hidden = h.shape[1]
    gates = matmul(x, w_ih.T, bias=b_ih)
    y = np.empty((len(x), hidden), x.dtype, like=x)
    reset = np.empty_like(y)
    h = h.copy()
    products = np.empty((len(h), 3 * hidden), x.dtype, like=x)
    work = np.empty_like(h)
    for start, n in steps(sizes, reverse):
        rows = slice(start, start + n)
        s, t, state = products[:n], work[:n], h[:n]
        matmul(state, w_hh.T, out=s, bias=b_hh)
        r, z, new = _thirds(gates[rows])
        both = gates[rows, : 2 * hidden]
        both += s[:, : 2 * hidden]
        sigmoid(both)
        reset[rows] = s[:, 2 * hidden :]
        np.multiply(r, reset[rows], out=t)
        new += t
        np.tanh(new, out=new)
        state -= new
        state *= z
        state += new  # n + z (h - n)
        y[rows] = state
    return y, h, gates, reset


def _thirds(gates: np.ndarray) -> tuple[np.ndarray, ...]:
    hidden = gates.shape[1] // 3
    return tuple(gates[:, k * hidden : (k + 1) * hidden] for k in range(3))


def gru_gradient(
    gy: np.ndarray,
    gh: np.ndarray,
    h: np.ndarray,
    w_hh: np.ndarray,
    gates: np.ndarray,
    reset: np.ndarray,
    y: np.ndarray,
    sizes: Sizes,
    reverse: bool,
) -> tuple[np.ndarray, ...]:
    """The gradients of the gates before their activations, of the parts from the state and of the parts from
    the input, each (rows, 3H); that of the initial state; and the states before the steps (rows, H).

    Args:
        gy, gh: the gradients of the states of all steps, and of the last one.
        h: the initial state.
    """
    hidden = h.shape[1]
    before = before_each_step(y, h, sizes, reverse)
    inner = np.empty((len(y), 4 * hidden), y.dtype, like=y)  # of r, z, both parts of n

    def prepare(rows: slice) -> None:
        """The derivatives of the state after a step by each of the four."""
        r, z, n = _thirds(gates[rows])
        of_r, of_z, of_n, of_input = (inner[rows, k * hidden : (k + 1) * hidden] for k in range(4))
        np.multiply(n, n, out=of_n)
        np.subtract(1, of_n, out=of_n)
        np.subtract(1, z, out=of_z)
        np.multiply(of_n, of_z, out=of_input)
        of_z *= z
        np.subtract(before[rows], n, out=of_n)
        of_z *= of_n
        np.multiply(of_input, r, out=of_n)
        np.subtract(1, r, out=of_r)
        of_r *= of_n
        of_r *= reset[rows]

    for_rows(prepare, gates)
    h_bar = gh.copy()
    products = np.empty_like(h_bar)
    for start, n in reversed(steps(sizes, reverse)):
        rows = slice(start, start + n)
        of_h, s = h_bar[:n], products[:n]
        of_h += gy[rows]
        each = inner[rows].reshape(n, 4, hidden)
        each *= of_h[:, None]
        matmul(inner[rows, : 3 * hidden], w_hh, out=s)
        of_h *= gates[rows, hidden : 2 * hidden]
        of_h += s
    of_input = np.concatenate([inner[:, : 2 * hidden], inner[:, 3 * hidden :]], axis=1)
    return inner[:, : 3 * hidden], of_input, h_bar, before

"""The LSTM. The gates i, f, g, o of a row are beside one another, (rows, 4H)."""

import numpy as np

from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.kernels.recurrent.steps import Sizes, before_each_step, for_rows, sigmoid, steps
from cnn_physics77.core.kernels.runtime.scratch import scratch


def lstm_forward(
    x: np.ndarray,
    h: np.ndarray,
    c: np.ndarray,
    w_ih: np.ndarray,
    w_hh: np.ndarray,
    bias: np.ndarray | None,
    w_hr: np.ndarray | None,
    sizes: Sizes,
    reverse: bool,
) -> tuple[np.ndarray, ...]:
    """The states h of all steps (rows, P), the last h and c, and the gates (rows, 4H) and c of all steps.

    Args:
        x: (rows, I).
        h, c: the initial states, (N, P) and (N, H).
        w_ih, w_hh, bias: (4H, I), (4H, P), (4H,).
        w_hr: the projection (P, H); None if P = H.
    """
    hidden = c.shape[1]
    gates = matmul(x, w_ih.T, bias=bias)
    y = np.empty((len(x), h.shape[1]), x.dtype, like=x)
    cells = np.empty((len(x), hidden), x.dtype, like=x)
    h, c = h.copy(), c.copy()
    products = np.empty((len(h), 4 * hidden), x.dtype, like=x)
    work = np.empty((len(h), hidden), x.dtype, like=x)
    for start, n in steps(sizes, reverse):
        rows = slice(start, start + n)
        z, now, t = gates[rows], cells[rows], work[:n]
        z += matmul(h[:n], w_hh.T, out=products[:n])
        sigmoid(z[:, : 2 * hidden])
        np.tanh(z[:, 2 * hidden : 3 * hidden], out=z[:, 2 * hidden : 3 * hidden])
        sigmoid(z[:, 3 * hidden :])
        i, f, g, o = _quarters(z)
        np.multiply(f, c[:n], out=now)
        np.multiply(i, g, out=t)
        now += t
        c[:n] = now
        np.tanh(now, out=t)
        t *= o
        h[:n] = t if w_hr is None else matmul(t, w_hr.T)
        y[rows] = h[:n]
    return y, h, c, gates, cells


def _quarters(gates: np.ndarray) -> tuple[np.ndarray, ...]:
    hidden = gates.shape[1] // 4
    return tuple(gates[:, k * hidden : (k + 1) * hidden] for k in range(4))


def lstm_gradient(
    gy: np.ndarray,
    gh: np.ndarray,
    gc: np.ndarray,
    c: np.ndarray,
    w_hh: np.ndarray,
    w_hr: np.ndarray | None,
    gates: np.ndarray,
    cells: np.ndarray,
    sizes: Sizes,
    reverse: bool,
) -> tuple[np.ndarray, ...]:
    """The gradients of the gates before their activations (rows, 4H), of the initial h and c, and of the
    states h of all steps (rows, P).

    Args:
        gy, gh, gc: the gradients of the states of all steps, and of the last h and c.
        c: the initial one.
    """
    hidden = c.shape[1]
    inner, slopes = np.empty_like(gates), np.empty_like(cells)
    before = before_each_step(cells, c, sizes, reverse)

    def prepare(rows: slice) -> None:
        """∂c/∂i, ∂c/∂f, ∂c/∂g, ∂h/∂o, each times the derivative of its activation, and ∂h/∂c."""
        i, f, g, o = _quarters(gates[rows])
        of_i, of_f, of_g, of_o = _quarters(inner[rows])
        t, slope = scratch("lstm.tanh", i.shape, i.dtype), slopes[rows]
        np.tanh(cells[rows], out=t)
        for gate, factor, out in ((i, g, of_i), (f, before[rows], of_f), (o, t, of_o)):
            np.subtract(1, gate, out=out)
            out *= gate
            out *= factor
        for value, factor, out in ((g, i, of_g), (t, o, slope)):
            np.multiply(value, value, out=out)
            np.subtract(1, out, out=out)
            out *= factor

    for_rows(prepare, gates)
    h_bar, c_bar = gh.copy(), gc.copy()
    states = np.empty((len(gates), gh.shape[1]), gates.dtype, like=gates)
    work = np.empty_like(c_bar)
    for start, n in reversed(steps(sizes, reverse)):
        rows = slice(start, start + n)
        of_h, of_c, t = h_bar[:n], c_bar[:n], work[:n]
        np.add(of_h, gy[rows], out=states[rows])
        of_hidden = states[rows] if w_hr is None else matmul(states[rows], w_hr)
        np.multiply(of_hidden, slopes[rows], out=t)
        of_c += t
        each = inner[rows].reshape(n, 4, hidden)
        each[:, :3] *= of_c[:, None]
        each[:, 3] *= of_hidden
        matmul(inner[rows], w_hh, out=of_h)
        of_c *= gates[rows, hidden : 2 * hidden]
    return inner, h_bar, c_bar, states


def lstm_hidden(gates: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """o tanh(c) of all steps (rows, H): what a projection multiplies."""
    y = np.empty_like(cells)

    def fill(rows: slice) -> None:
        np.tanh(cells[rows], out=y[rows])
        y[rows] *= _quarters(gates[rows])[3]

    for_rows(fill, cells)
    return y

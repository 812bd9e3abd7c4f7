r"""The LSTM, long short-term memory.

S. Hochreiter and J. Schmidhuber, Neural Computation 9 (1997) 1735, with the forget gate of F. Gers,
J. Schmidhuber and F. Cummins, Neural Computation 12 (2000) 2451, and the projection of the state of H. Sak,
A. Senior and F. Beaufays, arXiv:1402.1128.
"""

from __future__ import annotations

from collections.abc import Sequence

from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels import recurrent as kernels
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.cat_split import chunk
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.activation_smooth import sigmoid
from cnn_physics77.core.operations.nn.linear import linear
from cnn_physics77.core.operations.nn.recurrent import (
    by_steps,
    check_cell,
    check_weights,
    gradient_again,
    in_place_of,
    only,
    read_call,
    run,
)
from cnn_physics77.core.operations.pointwise.trigonometric import tanh
from cnn_physics77.core.tensor import Tensor


@operation(name="lstm", extras=("gates", "cells"))
def _lstm(x, h, c, w_ih, w_hh, bias, w_hr, *, sizes, reverse):
    """[h of all steps, the last h, the last c]"""
    y, h, c, gates, cells = kernels.lstm_forward(x, h, c, w_ih, w_hh, bias, w_hr, sizes, reverse)
    return [y, h, c], gates, cells


@operation(name="lstm_gradient")
def _lstm_gradient(gy, gh, gc, x, h, c, w_ih, w_hh, bias, w_hr, ys, gates, cells, *, sizes, reverse, wanted):
    """The wanted ones of [x̄, h̄, c̄, w̄_ih, w̄_hh, b̄, w̄_hr]"""
    inner, h_bar, c_bar, states = kernels.lstm_gradient(
        gy, gh, gc, c, w_hh, w_hr, gates, cells, sizes, reverse
    )
    return only(
        wanted,
        lambda: matmul(inner, w_ih),
        lambda: h_bar,
        lambda: c_bar,
        lambda: matmul(inner.T, x),
        lambda: matmul(inner.T, kernels.before_each_step(ys, h, sizes, reverse)),
        lambda: kernels.sum_of_rows(inner),
        lambda: matmul(states.T, kernels.lstm_hidden(gates, cells)),
    )


@_lstm.joint_derivative
def _(g, needed, x, h, c, w_ih, w_hh, bias, w_hr, y, gates, cells, sizes, reverse):
    saved = (y.detach(), gates, cells)  # the gradient's own derivative is computed from the inputs
    given = (*g, x, h, c, w_ih, w_hh, bias, w_hr, *saved)
    return in_place_of(needed, _lstm_gradient(*given, sizes=sizes, reverse=reverse, wanted=needed))


@_lstm_gradient.joint_derivative
def _(gs, needed, gy, gh, gc, x, h, c, w_ih, w_hh, bias, w_hr, sizes, reverse, wanted):
    def layer(x, h, c, w_ih, w_hh, bias, w_hr):
        def step(x, h, c):
            return _step(x + linear(h, w_hh), c, w_hr)

        return by_steps(step, linear(x, w_ih, bias), (h, c), sizes, reverse)

    inputs = (x, h, c, w_ih, w_hh, bias, w_hr)
    return [*gradient_again(layer, gs, (gy, gh, gc), inputs, wanted, needed), None, None, None]


def _step(gates: Tensor, c: Tensor, w_hr: Tensor | None) -> tuple[Tensor, Tensor]:
    i, f, g, o = chunk(gates, 4, -1)
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)
    return h if w_hr is None else linear(h, w_hr), c


def _layer(x, states, params, has_biases, sizes, reverse):
    (h, c), (w_ih, w_hh, *others) = states, params
    bias = others[0] + others[1] if has_biases else None
    w_hr = others[-1] if _is_projected(h, c) else None
    check_weights("lstm", 4, x, states, w_ih, w_hh)
    return _in_one(x, h, c, w_ih, w_hh, bias, w_hr, sizes, reverse)


@in_float32
def _in_one(x, h, c, w_ih, w_hh, bias, w_hr, sizes, reverse):
    states, _, _ = _lstm(x, h, c, w_ih, w_hh, bias, w_hr, sizes=sizes, reverse=reverse)
    return states


def _is_projected(h: Tensor, c: Tensor) -> bool:
    return h.shape[-1] != c.shape[-1]


def lstm(
    input: Tensor,
    hx: Sequence[Tensor],
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    r"""Layers of long short-term memory; :class:`nn.LSTM` calls it.

    .. math::
        (i, f, g, o) &= W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh} \\
        c_t &= \sigma(f) \odot c_{t-1} + \sigma(i) \odot \tanh(g) \\
        h_t &= \sigma(o) \odot \tanh(c_t), \text{ or } W_{hr} \text{ times that}

    PyTorch's other form, for packed sequences, is ``lstm(data, batch_sizes, hx, params, has_biases,
    num_layers, dropout, train, bidirectional)``.

    Args:
        input: x, (T, N, I), or (N, T, I) with ``batch_first``; real floating.
        hx: the initial states h, (layers · directions, N, P), and c, (layers · directions, N, H).
        params: for each layer and direction W_ih (4H, I), W_hh (4H, P), b_ih and b_hh (4H,) if
            ``has_biases``, and W_hr (P, H) if P is not H. The second direction begins at the end.
        dropout: the probability of a zero in the outputs of all layers but the last, with ``train``.

    Returns:
        The states h of the last layer, (T, N, directions · P), and the last h and c of all layers.

    Raises:
        ShapeError: sizes that do not fit, or T = 0.
        DtypeError: the dtypes differ, or are not real floating.

    >>> import cnn_physics77 as torch
    >>> params = [torch.ones(4, 1), torch.ones(4, 1)]
    >>> y, h, c = torch.lstm(
    ...     torch.ones(2, 1, 1), [torch.zeros(1, 1, 1)] * 2, params, False, 1, 0.0, False, False, False
    ... )
    >>> y.flatten(), h.flatten()
    (tensor([0.3696, 0.6505]), tensor([0.6505]))
    """
    call = read_call(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
    if len(call.hx) != 2:
        raise ShapeError(f"lstm: expects two hidden states, found {len(call.hx)}; give (h, c)")
    count = 2 + 2 * call.has_biases + _is_projected(*call.hx)
    y, h, c = run("lstm", _layer, call, count)
    return y, h, c


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """One step of :func:`lstm`: the new (h, c), each (N, H).

    Args:
        input: (N, I).
        hx: h and c, each (N, H).
        w_ih, w_hh, b_ih, b_hh: (4H, I), (4H, H), (4H,), (4H,).

    >>> import cnn_physics77 as torch
    >>> h, c = torch.lstm_cell(
    ...     torch.ones(1, 1), (torch.zeros(1, 1), torch.zeros(1, 1)), torch.ones(4, 1), torch.ones(4, 1)
    ... )
    >>> h, c
    (tensor([[0.3696]]), tensor([[0.5568]]))
    """
    h, c = hx
    check_cell("lstm_cell", input, h, c, params=(w_ih, w_hh, b_ih, b_hh))
    params = [w_ih, w_hh, b_ih, b_hh]
    _, h, c = _layer(input, (h, c), params, b_ih is not None, (len(h),), False)
    return h, c


__all__ = ["lstm", "lstm_cell"]
complete_late(__name__)

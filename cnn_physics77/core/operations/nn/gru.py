r"""The GRU, the gated recurrent unit.

K. Cho et al., arXiv:1406.1078, in the form of J. Chung et al., arXiv:1412.3555, with the reset gate after the
product with the state.
"""

from __future__ import annotations

from collections.abc import Sequence

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


@operation(name="gru", extras=("gates", "reset"))
def _gru(x, h, w_ih, w_hh, b_ih, b_hh, *, sizes, reverse):
    """[h of all steps, the last h]"""
    y, h, gates, reset = kernels.gru_forward(x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse)
    return [y, h], gates, reset


@operation(name="gru_gradient")
def _gru_gradient(gy, gh, x, h, w_ih, w_hh, b_ih, b_hh, ys, gates, reset, *, sizes, reverse, wanted):
    """The wanted ones of [x̄, h̄, w̄_ih, w̄_hh, b̄_ih, b̄_hh]"""
    inner, of_input, h_bar, before = kernels.gru_gradient(gy, gh, h, w_hh, gates, reset, ys, sizes, reverse)
    return only(
        wanted,
        lambda: matmul(of_input, w_ih),
        lambda: h_bar,
        lambda: matmul(of_input.T, x),
        lambda: matmul(inner.T, before),
        lambda: kernels.sum_of_rows(of_input),
        lambda: kernels.sum_of_rows(inner),
    )


@_gru.joint_derivative
def _(g, needed, x, h, w_ih, w_hh, b_ih, b_hh, y, gates, reset, sizes, reverse):
    given = (*g, x, h, w_ih, w_hh, b_ih, b_hh, y.detach(), gates, reset)
    return in_place_of(needed, _gru_gradient(*given, sizes=sizes, reverse=reverse, wanted=needed))


@_gru_gradient.joint_derivative
def _(gs, needed, gy, gh, x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse, wanted):
    def layer(x, h, w_ih, w_hh, b_ih, b_hh):
        def step(x, h):
            return (_step(x, linear(h, w_hh, b_hh), h),)

        return by_steps(step, linear(x, w_ih, b_ih), (h,), sizes, reverse)

    inputs = (x, h, w_ih, w_hh, b_ih, b_hh)
    return [*gradient_again(layer, gs, (gy, gh), inputs, wanted, needed), None, None, None]


def _step(of_input: Tensor, of_state: Tensor, h: Tensor) -> Tensor:
    (r, z, n), (s_r, s_z, s_n) = chunk(of_input, 3, -1), chunk(of_state, 3, -1)
    z = sigmoid(z + s_z)
    return (1 - z) * tanh(n + sigmoid(r + s_r) * s_n) + z * h


def _layer(x, states, params, has_biases, sizes, reverse):
    (h,), (w_ih, w_hh, *biases) = states, params
    b_ih, b_hh = biases if has_biases else (None, None)
    check_weights("gru", 3, x, states, w_ih, w_hh)
    return _in_one(x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse)


@in_float32
def _in_one(x, h, w_ih, w_hh, b_ih, b_hh, sizes, reverse):
    states, _, _ = _gru(x, h, w_ih, w_hh, b_ih, b_hh, sizes=sizes, reverse=reverse)
    return states


def gru(
    input: Tensor,
    hx: Tensor,
    params: Sequence[Tensor],
    has_biases: bool,
    num_layers: int,
    dropout: float,
    train: bool,
    bidirectional: bool,
    batch_first: bool,
) -> tuple[Tensor, Tensor]:
    r"""Layers of gated recurrent units; :class:`nn.GRU` calls it.

    .. math::
        r &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) \\
        z &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
        n &= \tanh(W_{in} x_t + b_{in} + r \odot (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z) \odot n + z \odot h_{t-1}

    PyTorch's other form, for packed sequences, is ``gru(data, batch_sizes, hx, params, has_biases,
    num_layers, dropout, train, bidirectional)``.

    Args:
        input: x, (T, N, I), or (N, T, I) with ``batch_first``; real floating.
        hx: the initial states, (layers · directions, N, H).
        params: for each layer and direction W_ih (3H, I), W_hh (3H, H), and b_ih and b_hh (3H,) if
            ``has_biases``; the rows are those of r, z, n. The second direction begins at the end.
        dropout: the probability of a zero in the outputs of all layers but the last, with ``train``.

    Returns:
        The states of the last layer, (T, N, directions · H), and the last states of all layers.

    Raises:
        ShapeError: sizes that do not fit, or T = 0.
        DtypeError: the dtypes differ, or are not real floating.

    >>> import cnn_physics77 as torch
    >>> given = torch.ones(2, 1, 1), torch.zeros(1, 1, 1), [torch.ones(3, 1)] * 2
    >>> y, h = torch.gru(*given, False, 1, 0.0, False, False, False)
    >>> y.flatten()
    tensor([0.2048, 0.3468])
    """
    call = read_call(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
    y, h = run("gru", _layer, call, 4 if call.has_biases else 2)
    return y, h


def gru_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of :func:`gru`: the new state (N, H).

    Args:
        input: (N, I).
        hx: the state, (N, H).
        w_ih, w_hh, b_ih, b_hh: (3H, I), (3H, H), (3H,), (3H,).

    >>> import cnn_physics77 as torch
    >>> torch.gru_cell(torch.ones(1, 1), torch.zeros(1, 1), torch.ones(3, 1), torch.ones(3, 1))
    tensor([[0.2048]])
    """
    check_cell("gru_cell", input, hx, params=(w_ih, w_hh, b_ih, b_hh))
    params = [w_ih, w_hh, b_ih, b_hh]
    return _layer(input, (hx,), params, b_ih is not None, (len(hx),), False)[1]


__all__ = ["gru", "gru_cell"]
complete_late(__name__)

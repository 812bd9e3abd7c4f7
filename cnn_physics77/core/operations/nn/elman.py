r"""The simple recurrent layer of J. L. Elman, Cognitive Science 14 (1990) 179."""

from __future__ import annotations

from collections.abc import Sequence

from cnn_physics77.core.kernels import recurrent as kernels
from cnn_physics77.core.kernels.gemm import matmul
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.activation_piecewise import relu as rectified
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


@operation(name="rnn")
def _rnn(x, h, w_ih, w_hh, bias, *, relu, sizes, reverse):
    """[h of all steps, the last h]"""
    return list(kernels.elman_forward(x, h, w_ih, w_hh, bias, relu, sizes, reverse))


@operation(name="rnn_gradient")
def _rnn_gradient(gy, gh, x, h, w_ih, w_hh, bias, ys, *, relu, sizes, reverse, wanted):
    """The wanted ones of [x̄, h̄, w̄_ih, w̄_hh, b̄]"""
    inner, h_bar = kernels.elman_gradient(gy, gh, w_hh, ys, relu, sizes, reverse)
    return only(
        wanted,
        lambda: matmul(inner, w_ih),
        lambda: h_bar,
        lambda: matmul(inner.T, x),
        lambda: matmul(inner.T, kernels.before_each_step(ys, h, sizes, reverse)),
        lambda: kernels.sum_of_rows(inner),
    )


@_rnn.joint_derivative
def _(g, needed, x, h, w_ih, w_hh, bias, y, relu, sizes, reverse):
    found = _rnn_gradient(
        *(*g, x, h, w_ih, w_hh, bias, y.detach()), relu=relu, sizes=sizes, reverse=reverse, wanted=needed
    )
    return in_place_of(needed, found)


@_rnn_gradient.joint_derivative
def _(gs, needed, gy, gh, x, h, w_ih, w_hh, bias, relu, sizes, reverse, wanted):
    activation = rectified if relu else tanh

    def layer(x, h, w_ih, w_hh, bias):
        def step(x, h):
            return (activation(x + linear(h, w_hh)),)

        return by_steps(step, linear(x, w_ih, bias), (h,), sizes, reverse)

    return [*gradient_again(layer, gs, (gy, gh), (x, h, w_ih, w_hh, bias), wanted, needed), None]


def _layer(relu):
    def layer(x, states, params, has_biases, sizes, reverse):
        (h,), (w_ih, w_hh, *biases) = states, params
        check_weights("rnn", 1, x, states, w_ih, w_hh)
        bias = biases[0] + biases[1] if has_biases else None
        return _in_one(x, h, w_ih, w_hh, bias, relu, sizes, reverse)

    return layer


@in_float32
def _in_one(x, h, w_ih, w_hh, bias, relu, sizes, reverse):
    return _rnn(x, h, w_ih, w_hh, bias, relu=relu, sizes=sizes, reverse=reverse)


def rnn_tanh(
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
    r"""Simple recurrent layers; :class:`nn.RNN` calls it.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    PyTorch's other form, for packed sequences, is ``rnn_tanh(data, batch_sizes, hx, params, has_biases,
    num_layers, dropout, train, bidirectional)``.

    Args:
        input: x, (T, N, I), or (N, T, I) with ``batch_first``; real floating.
        hx: the initial states, (layers · directions, N, H).
        params: for each layer and direction W_ih (H, I), W_hh (H, H), and b_ih and b_hh (H,) if
            ``has_biases``. The second direction begins at the end.
        dropout: the probability of a zero in the outputs of all layers but the last, with ``train``.

    Returns:
        The states of the last layer, (T, N, directions · H), and the last states of all layers.

    Raises:
        ShapeError: sizes that do not fit, or T = 0.
        DtypeError: the dtypes differ, or are not real floating.

    >>> import cnn_physics77 as torch
    >>> given = torch.ones(2, 1, 1), torch.zeros(1, 1, 1), [torch.ones(1, 1)] * 2
    >>> y, h = torch.rnn_tanh(*given, False, 1, 0.0, False, False, False)
    >>> y.flatten()
    tensor([0.7616, 0.9427])
    """
    call = read_call(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
    y, h = run("rnn_tanh", _layer(False), call, 4 if call.has_biases else 2)
    return y, h


def rnn_relu(
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
    """:func:`rnn_tanh` with max(·, 0) in the place of tanh.

    >>> import cnn_physics77 as torch
    >>> given = torch.ones(3, 1, 1), torch.zeros(1, 1, 1), [torch.ones(1, 1)] * 2
    >>> y, h = torch.rnn_relu(*given, False, 1, 0.0, False, False, False)
    >>> y.flatten()
    tensor([1., 2., 3.])
    """
    call = read_call(input, hx, params, has_biases, num_layers, dropout, train, bidirectional, batch_first)
    y, h = run("rnn_relu", _layer(True), call, 4 if call.has_biases else 2)
    return y, h


def _cell(function: str, input, hx, w_ih, w_hh, b_ih, b_hh) -> Tensor:
    check_cell(function, input, hx, params=(w_ih, w_hh, b_ih, b_hh))
    layer, params = _layer(function == "rnn_relu_cell"), [w_ih, w_hh, b_ih, b_hh]
    return layer(input, (hx,), params, b_ih is not None, (len(hx),), False)[1]


def rnn_tanh_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of :func:`rnn_tanh`: the new state (N, H).

    Args:
        input: (N, I).
        hx: the state, (N, H).
        w_ih, w_hh, b_ih, b_hh: (H, I), (H, H), (H,), (H,).

    >>> import cnn_physics77 as torch
    >>> torch.rnn_tanh_cell(torch.ones(1, 1), torch.zeros(1, 1), torch.ones(1, 1), torch.ones(1, 1))
    tensor([[0.7616]])
    """
    return _cell("rnn_tanh_cell", input, hx, w_ih, w_hh, b_ih, b_hh)


def rnn_relu_cell(
    input: Tensor,
    hx: Tensor,
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> Tensor:
    """One step of :func:`rnn_relu`: see :func:`rnn_tanh_cell`."""
    return _cell("rnn_relu_cell", input, hx, w_ih, w_hh, b_ih, b_hh)


__all__ = ["rnn_relu", "rnn_relu_cell", "rnn_tanh", "rnn_tanh_cell"]
complete_late(__name__)

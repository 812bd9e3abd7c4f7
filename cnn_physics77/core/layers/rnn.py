"""Recurrent layers: simple ones, LSTM, GRU, and their cells, which take one step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

from cnn_physics77.core import init
from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.packed_sequence import PackedSequence
from cnn_physics77.core.layers.parameter import empty_parameter
from cnn_physics77.core.operations.creation.creation import zeros
from cnn_physics77.core.operations.indexing.index_put import index_select
from cnn_physics77.core.operations.nn.elman import rnn_relu, rnn_relu_cell, rnn_tanh, rnn_tanh_cell
from cnn_physics77.core.operations.nn.gru import gru, gru_cell
from cnn_physics77.core.operations.nn.lstm import lstm, lstm_cell
from cnn_physics77.core.tensor import Tensor

_GATES = {"LSTM": 4, "GRU": 3, "RNN_TANH": 1, "RNN_RELU": 1}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "LSTM": lstm,
    "GRU": gru,
    "RNN_TANH": rnn_tanh,
    "RNN_RELU": rnn_relu,
}


class RNNBase(Module):
    """What the recurrent layers share: parameters, checks, packed and single sequences.

    Args:
        mode: ``"LSTM"``, ``"GRU"``, ``"RNN_TANH"`` or ``"RNN_RELU"``.

    The other arguments are those of :class:`LSTM`.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        if mode not in _GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}; expected one of {', '.join(_GATES)}")
        name = type(self).__name__
        _check_kinds(name, int, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        _check_kinds(name, bool, bias=bias, batch_first=batch_first)
        _check_positive(name, input_size=input_size, hidden_size=hidden_size, num_layers=num_layers)
        _check_dropout(name, dropout, num_layers)
        if not 0 <= proj_size < hidden_size:
            raise ValueError(
                f"{name}: proj_size should be a positive integer or zero to disable projections, and has to "
                f"be smaller than hidden_size, found {proj_size} and {hidden_size}"
            )
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        rows, state = _GATES[mode] * hidden_size, proj_size or hidden_size
        directions = ("", "_reverse") if bidirectional else ("",)
        self._all_weights: list[list[str]] = []
        for layer in range(num_layers):
            width = input_size if layer == 0 else state * len(directions)
            shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, width), "weight_hh": (rows, state)}
            if bias:
                shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
            if proj_size:
                shapes["weight_hr"] = (proj_size, hidden_size)
            for suffix in directions:
                self._all_weights.append([f"{kind}_l{layer}{suffix}" for kind in shapes])
                for key, shape in zip(self._all_weights[-1], shapes.values()):
                    setattr(self, key, empty_parameter(*shape, device=device, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters from U(-k, k) with k = 1/sqrt(hidden_size)."""
        for parameter in self.parameters():
            init.uniform_(parameter, -1 / sqrt(self.hidden_size), 1 / sqrt(self.hidden_size))

    @property
    def all_weights(self) -> list[list[Tensor]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    @property
    def _flat_weights_names(self) -> list[str]:
        return [name for names in self._all_weights for name in names]

    @property
    def _flat_weights(self) -> list[Tensor]:
        """The parameters of all layers and directions, one after another."""
        return [getattr(self, name) for name in self._flat_weights_names]

    def flatten_parameters(self) -> None:
        """Does nothing: it is for PyTorch's parameters on a GPU."""

    def _run(
        self, input: Tensor | PackedSequence, hx: Sequence[Tensor] | None
    ) -> tuple[Any, tuple[Tensor, ...]]:
        """The output, and the last states."""
        packed = isinstance(input, PackedSequence)
        batch_dim, order, single = (0 if self.batch_first else 1), None, False
        if isinstance(input, PackedSequence):
            x, batch_sizes, order, back = input
            batch = int(batch_sizes.array[0])
        else:
            if input.ndim not in (2, 3):
                raise ShapeError(
                    f"{type(self).__name__}: Expected input to be 2D or 3D, got {input.ndim}D instead"
                )
            single = input.ndim == 2
            x = input.unsqueeze(batch_dim) if single else input
            batch = x.shape[batch_dim]
        self._check_input(x)
        states = self._initial(hx, single, batch, x)
        if order is not None:
            states = [index_select(s, 1, order) for s in states]
        given: Any = states if self.mode == "LSTM" else states[0]
        settings = (self._flat_weights, self.bias, self.num_layers, self.dropout, self.training)
        function = _FUNCTIONS[self.mode]
        if packed:
            y, *last = function(x, batch_sizes, given, *settings, self.bidirectional)
            y = PackedSequence(y, *input[1:])
        else:
            y, *last = function(x, given, *settings, self.bidirectional, self.batch_first)
        if order is not None:
            last = [index_select(s, 1, back) for s in last]
        if single:
            y, last = y.squeeze(batch_dim), [s.squeeze(1) for s in last]
        return y, tuple(last)

    def _check_input(self, x: Tensor) -> None:
        name, dtype = type(self).__name__, self._flat_weights[0].dtype
        if x.dtype != dtype:
            raise ValueError(
                f"{name}: RNN input dtype ({x.dtype}) does not match weight dtype ({dtype}). Convert input: "
                f"input.to({dtype}), or convert model: model.to({x.dtype})"
            )
        if x.shape[-1] != self.input_size:
            raise ShapeError(
                f"{name}: input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{x.shape[-1]}"
            )

    def _initial(self, hx: Sequence[Tensor] | None, single: bool, batch: int, x: Tensor) -> Sequence[Tensor]:
        """The initial states, (layers · directions, N, ·)."""
        count = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size, self.hidden_size][: 2 if self.mode == "LSTM" else 1]
        if hx is None:
            return [zeros(count, batch, size, dtype=x.dtype) for size in sizes]
        dimensions = 2 if single else 3
        if any(s.ndim != dimensions for s in hx):
            kind = "unbatched 2-D" if single else "batched 3-D"
            raise ShapeError(
                f"{type(self).__name__}: For {kind} input, hx should also be {dimensions}-D but got "
                f"{', '.join(f'{s.ndim}-D' for s in hx)}"
            )
        if len(hx) != len(sizes):
            raise ShapeError(f"{type(self).__name__}: expected {len(sizes)} states, found {len(hx)}")
        states = [s.unsqueeze(1) for s in hx] if single else list(hx)
        for number, (state, size) in enumerate(zip(states, sizes)):
            if state.shape != (count, batch, size):
                raise ShapeError(
                    f"{type(self).__name__}: Expected hidden[{number}] size {(count, batch, size)}, got "
                    f"{list(state.shape)}"
                )
        return states

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        text += f", proj_size={self.proj_size}" if self.proj_size else ""
        text += f", num_layers={self.num_layers}" if self.num_layers != 1 else ""
        text += "" if self.bias else ", bias=False"
        text += ", batch_first=True" if self.batch_first else ""
        text += f", dropout={self.dropout}" if self.dropout else ""
        return text + (", bidirectional=True" if self.bidirectional else "")


def _check_kinds(name: str, kind: type, **values: Any) -> None:
    for what, value in values.items():
        if not isinstance(value, kind):
            raise TypeError(f"{name}: {what} should be of type {kind.__name__}, got: {type(value).__name__}")


def _check_positive(name: str, **sizes: int) -> None:
    for what, size in sizes.items():
        if size <= 0:
            raise ValueError(f"{name}: {what} must be greater than zero, found {size}")


def _check_dropout(name: str, dropout: float, num_layers: int) -> None:
    if isinstance(dropout, bool) or not 0 <= float(dropout) <= 1:
        raise ValueError(
            f"{name}: dropout should be a number in range [0, 1] representing the probability of an element "
            f"being zeroed, found {dropout}"
        )
    if dropout and num_layers == 1:
        warn(
            "dropout option adds dropout after all but last recurrent layer, so non-zero dropout expects "
            f"num_layers greater than 1, but got dropout={dropout} and num_layers={num_layers}"
        )


class RNN(RNNBase):
    r"""Simple recurrent layers (Elman 1990): see :func:`torch.rnn_tanh`.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    Args:
        nonlinearity: ``"tanh"`` or ``"relu"``.

    The other arguments, the parameters and the shapes are those of :class:`LSTM`; there is one state.

    >>> import cnn_physics77 as torch
    >>> output, h = torch.nn.RNN(3, 4)(torch.zeros(5, 2, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"RNN: Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'.")
        super().__init__(
            f"RNN_{nonlinearity.upper()}",
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional),
            device=device,
            dtype=dtype,
        )
        self.nonlinearity = nonlinearity

    def forward(self, input, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        y, (h,) = self._run(input, None if hx is None else (hx,))
        return y, h


class GRU(RNNBase):
    r"""Gated recurrent units (Cho et al. 2014): see :func:`torch.gru`.

    .. math::
        r &= \sigma(W_{ir} x_t + b_{ir} + W_{hr} h_{t-1} + b_{hr}) \\
        z &= \sigma(W_{iz} x_t + b_{iz} + W_{hz} h_{t-1} + b_{hz}) \\
        n &= \tanh(W_{in} x_t + b_{in} + r \odot (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z) \odot n + z \odot h_{t-1}

    The arguments, the parameters and the shapes are those of :class:`LSTM`; there is one state, and the
    parameters have 3 hidden_size rows, of r, z and n.

    >>> import cnn_physics77 as torch
    >>> output, h = torch.nn.GRU(3, 4, bidirectional=True)(torch.zeros(5, 2, 3))
    >>> output.shape, h.shape
    (torch.Size([5, 2, 8]), torch.Size([2, 2, 4]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            "GRU",
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional),
            device=device,
            dtype=dtype,
        )

    def forward(self, input, hx: Tensor | None = None) -> tuple[Any, Tensor]:
        y, (h,) = self._run(input, None if hx is None else (hx,))
        return y, h


class LSTM(RNNBase):
    r"""Long short-term memory (Hochreiter and Schmidhuber 1997): see :func:`torch.lstm`.

    .. math::
        (i, f, g, o) &= W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh} \\
        c_t &= \sigma(f) \odot c_{t-1} + \sigma(i) \odot \tanh(g) \\
        h_t &= \sigma(o) \odot \tanh(c_t)

    Args:
        input_size, hidden_size: the sizes of x and c.
        num_layers: the number of layers; each takes the states of the one before.
        bias: whether there are biases.
        batch_first: input and output are (N, T, ·) instead of (T, N, ·); the states are not changed.
        dropout: the probability of a zero in the outputs of all layers but the last, in training.
        bidirectional: each layer has a second direction, from the end; its states follow those of the first.
        proj_size: the size P of h, which is W_hr times the h above; 0 for hidden_size without W_hr.

    Attributes:
        weight_ih_l0, weight_hh_l0: W_ih and W_hh of layer 0, (4 hidden_size, input_size) and (4 hidden_size,
            P); further ones end in _l1, ..., those of the second direction in _reverse.
        bias_ih_l0, bias_hh_l0: the biases, (4 hidden_size,).
        weight_hr_l0: W_hr, (P, hidden_size).

    All are drawn from U(-k, k) with k = 1/sqrt(hidden_size).

    Shapes: input (T, N, input_size), (T, input_size) or a :class:`PackedSequence`; output the same with
    directions · P. The states (h, c), initially zeros, have layers · directions first: (·, N, P) and
    (·, N, hidden_size), without N for a single sequence.

    Raises:
        ShapeError: sizes that do not fit, or T = 0.
        ValueError: a size that is not positive, or input of another dtype.

    >>> import cnn_physics77 as torch
    >>> lstm = torch.nn.LSTM(3, 4, num_layers=2, batch_first=True)
    >>> output, (h, c) = lstm(torch.zeros(2, 5, 3))
    >>> output.shape, h.shape
    (torch.Size([2, 5, 4]), torch.Size([2, 2, 4]))
    >>> lstm
    LSTM(3, 4, num_layers=2, batch_first=True)
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            "LSTM",
            *(input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size),
            device=device,
            dtype=dtype,
        )

    def forward(self, input, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Any, tuple[Tensor, Tensor]]:
        y, (h, c) = self._run(input, hx)
        return y, (h, c)


# ------------------------------------------------------------------------------ cells


class RNNCellBase(Module):
    """What the cells share: parameters and checks.

    Args:
        num_chunks: the number of gates.
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool, num_chunks: int, device=None, dtype=None
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = empty_parameter(rows, input_size, device=device, dtype=dtype)
        self.weight_hh = empty_parameter(rows, hidden_size, device=device, dtype=dtype)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, empty_parameter(rows, device=device, dtype=dtype) if bias else None)
        self.reset_parameters()

    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def reset_parameters(self) -> None:
        """Draw all parameters from U(-k, k) with k = 1/sqrt(hidden_size)."""
        bound = 1 / sqrt(self.hidden_size) if self.hidden_size else 0.0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _run(self, function: Callable, input: Tensor, hx: Sequence[Tensor] | None, states: int) -> Any:
        """The new states as ``function`` returns them; ``states`` is how many there are."""
        name = type(self).__name__
        if input.ndim not in (1, 2):
            raise ShapeError(f"{name}: Expected input to be 1D or 2D, got {input.ndim}D instead")
        if input.shape[-1] != self.input_size:
            raise ShapeError(
                f"{name}: input has inconsistent input_size: got {input.shape[-1]} expected {self.input_size}"
            )
        shape = (*input.shape[:-1], self.hidden_size)
        given = [zeros(shape, dtype=input.dtype) for _ in range(states)] if hx is None else list(hx)
        for state in given:
            if state.shape != shape:
                raise ShapeError(
                    f"{name}: Input batch size or hidden_size doesn't match the state: expected {shape}, got "
                    f"{state.array.shape}"
                )
        single = input.ndim == 1
        if single:
            input, given = input.unsqueeze(0), [s.unsqueeze(0) for s in given]
        before: Any = tuple(given) if states > 1 else given[0]
        new = function(input, before, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if not single:
            return new
        return tuple(s.squeeze(0) for s in new) if states > 1 else new.squeeze(0)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else ", bias=False")
        nonlinearity = getattr(self, "nonlinearity", "tanh")
        return text + (f", nonlinearity={nonlinearity}" if nonlinearity != "tanh" else "")


class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: ``cell(input, hx)`` returns the new state.

    Args:
        input_size, hidden_size: the sizes of the input and the state.
        bias: whether there are biases.
        nonlinearity: ``"tanh"`` or ``"relu"``.

    Shapes: input (N, input_size) or (input_size,); state (N, hidden_size) or (hidden_size,), initially zeros.

    >>> import cnn_physics77 as torch
    >>> torch.nn.RNNCell(3, 4)(torch.zeros(2, 3)).shape
    torch.Size([2, 4])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        functions = {"tanh": rnn_tanh_cell, "relu": rnn_relu_cell}
        if self.nonlinearity not in functions:
            raise RuntimeError(f"RNNCell: Unknown nonlinearity: {self.nonlinearity}; use 'tanh' or 'relu'")
        return self._run(functions[self.nonlinearity], input, None if hx is None else (hx,), 1)


class GRUCell(RNNCellBase):
    """One step of :class:`GRU`: ``cell(input, hx)`` returns the new state. See :class:`RNNCell`."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._run(gru_cell, input, None if hx is None else (hx,), 1)


class LSTMCell(RNNCellBase):
    """One step of :class:`LSTM`: ``cell(input, (h, c))`` returns the new (h, c). See :class:`RNNCell`."""

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, device=None, dtype=None) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None) -> tuple[Tensor, Tensor]:
        return self._run(lstm_cell, input, hx, 2)


__all__ = ["GRU", "LSTM", "RNN", "GRUCell", "LSTMCell", "RNNBase", "RNNCell", "RNNCellBase"]

"""What the recurrent operations share: layers and directions, and the derivative of their gradients.

One layer in one direction is one operation, whose forward and gradient are kernels
(:mod:`cnn_physics77.core.kernels.recurrent`). The derivative of the gradient comes from the same layer in
plain operations, step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from cnn_physics77.core.autograd import grad
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.kernels.recurrent import steps
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.double_backward import vjp
from cnn_physics77.core.operations.indexing.cat_split import cat, stack
from cnn_physics77.core.operations.nn.dropout import dropout
from cnn_physics77.core.tensor import Tensor

# ------------------------------------------------------------------------------ one layer in one direction


def by_steps(step: Callable, x: Tensor, states: Sequence[Tensor], sizes, reverse: bool) -> tuple[Tensor, ...]:
    """A layer in plain operations: the first state of all steps, row by row, and the last states.

    Args:
        step: takes the rows of x of one step and the states, returns the new states.
        sizes: the number of rows of each step.
    """
    states, ys = list(states), []
    for start, n in steps(sizes, reverse):
        new = step(x[start : start + n], *[s[:n] for s in states])
        states = [a if n == len(s) else cat([a, s[n:]]) for a, s in zip(new, states)]
        ys.append(new[0])
    return cat(ys[::-1] if reverse else ys), *states


def only(wanted: Sequence[bool], *values: Callable) -> list:
    """The values that are wanted."""
    return [value() for value, want in zip(values, wanted) if want]


def in_place_of(wanted: Sequence[bool], values: Sequence) -> list:
    """The values in the places of those that were wanted, None elsewhere."""
    rest = iter(values)
    return [next(rest) if want else None for want in wanted]


def gradient_again(
    layer: Callable,
    gs: Sequence[Tensor | None],
    gradients: Sequence[Tensor],
    inputs: Sequence[Tensor | None],
    wanted: Sequence[bool],
    needed: Sequence[bool],
) -> list[Tensor | None]:
    """The derivative of the gradient of a layer.

    Args:
        layer: takes the inputs, returns outputs.
        gs: the gradients of the gradients of the wanted inputs; None for one that was sent nothing.
        gradients: those of the outputs.
        wanted: for each input, whether its gradient was computed.
        needed: which derivatives are needed, of the gradients and of the inputs.
    """
    count = len(gradients)
    given = [x is not None for x in inputs]
    sent = in_place_of(wanted, gs)

    def gradient(*tensors: Tensor) -> tuple[Tensor, ...]:
        xs = in_place_of(given, tensors[count:])
        variables = [x for x, one in zip(xs, sent) if one is not None]
        return grad(layer(*xs), variables, tensors[:count], create_graph=True, materialize_grads=True)

    present = [x for x in inputs if x is not None]
    of_present = [need for need, is_given in zip(needed[count:], given) if is_given]
    v = [one for one in gs if one is not None]
    found = vjp(gradient, (*gradients, *present), v, (*needed[:count], *of_present))
    return [*found[:count], *in_place_of(given, found[count:])]


# ------------------------------------------------------------------------------ layers and directions


class Call(NamedTuple):
    """The arguments of PyTorch's recurrent functions.

    Attributes:
        batch_sizes: of packed sequences; None for a batch of equally long ones.
        hx: the initial states, each (num_layers * directions, N, ·).
    """

    input: Tensor
    batch_sizes: Tensor | None
    hx: tuple[Tensor, ...]
    params: Sequence[Tensor]
    has_biases: bool
    num_layers: int
    dropout: float
    train: bool
    bidirectional: bool
    batch_first: bool


def read_call(*args: Any) -> Call:
    """The arguments in one of PyTorch's two forms: the second has ``batch_sizes``, and no ``batch_first``."""
    if isinstance(args[3], (list, tuple)):
        args = (*args, False)
    else:
        args = (args[0], None, *args[1:])
    read = Call(*args)
    return read._replace(hx=(read.hx,) if isinstance(read.hx, Tensor) else tuple(read.hx))


def run(function: str, layer: Callable, call: Call, per_direction: int) -> tuple[Tensor, ...]:
    """The output of the last layer, and the last states of all layers.

    Args:
        layer: takes ``(x, states, weights, biases, sizes, reverse)`` with x (rows, I), returns the states of
            all steps and the last states.
        per_direction: the number of parameters of a layer in one direction.
    """
    check_tensors(function, call.input, *call.hx, *call.params, kinds="f")
    directions = 2 if call.bidirectional else 1
    if len(call.params) != call.num_layers * directions * per_direction:
        raise ShapeError(
            f"{function}: expected {call.num_layers} x {directions} x {per_direction} parameters, found "
            f"{len(call.params)}"
        )
    x, packed = call.input, call.batch_sizes is not None
    if packed:
        sizes = tuple(call.batch_sizes.tolist())  # type: ignore[union-attr]
    else:
        if x.ndim != 3:
            raise ShapeError(f"{function}: input must have 3 dimensions, got {x.ndim}")
        x = x.transpose(0, 1) if call.batch_first else x
        sizes = (x.shape[1],) * x.shape[0]
    if not sizes:
        raise ShapeError(f"{function}: Expected sequence length to be larger than 0 in RNN")
    _check_states(function, call, directions, sizes[0])
    x = x if packed else x.reshape((sum(sizes), x.shape[-1]))
    last: list[list[Tensor]] = [[] for _ in call.hx]
    for number in range(call.num_layers):
        ys = []
        for direction in range(directions):
            at = number * directions + direction
            params = call.params[at * per_direction : (at + 1) * per_direction]
            states = [s[at] for s in call.hx]
            y, *states = layer(x, states, params, call.has_biases, sizes, direction == 1)
            ys.append(y)
            for kept, state in zip(last, states):
                kept.append(state)
        x = cat(ys, -1) if len(ys) > 1 else ys[0]
        if call.dropout and number < call.num_layers - 1:
            x = dropout(x, call.dropout, call.train)
    if not packed:
        x = x.reshape((len(sizes), sizes[0], x.shape[-1]))
        x = x.transpose(0, 1) if call.batch_first else x
    return x, *[stack(states) for states in last]


def _check_states(function: str, call: Call, directions: int, batch: int) -> None:
    wanted = (call.num_layers * directions, batch)
    for state in call.hx:
        if state.ndim != 3 or state.shape[:2] != wanted:
            raise ShapeError(
                f"{function}: expected initial states (num_layers * directions, N, H) = ({wanted[0]}, "
                f"{batch}, H), found {state.array.shape}"
            )


def check_weights(
    function: str, gates: int, x: Tensor, states: Sequence[Tensor], w_ih: Tensor, w_hh: Tensor
) -> None:
    """Raise a ShapeError unless the sizes of the weights fit the input and the states."""
    rows = gates * states[-1].shape[-1]
    expected = (rows, x.shape[-1]), (rows, states[0].shape[-1])
    if (w_ih.shape, w_hh.shape) != expected:
        raise ShapeError(
            f"{function}: expected weights {expected[0]} and {expected[1]} for an input {x.array.shape} and "
            f"states {', '.join(str(s.array.shape) for s in states)}, found {w_ih.array.shape} and "
            f"{w_hh.array.shape}"
        )


def check_cell(function: str, input: Tensor, *states: Tensor, params: Sequence[Tensor | None]) -> None:
    """Raise an error unless a cell's input is (N, I), its states are (N, H), and all have one dtype."""
    check_tensors(function, input, *states, *params, kinds="f")
    for state in states:
        if input.ndim != 2 or state.ndim != 2 or len(input.array) != len(state.array):
            raise ShapeError(
                f"{function}: expected an input (N, I) and states (N, H), found {input.array.shape} and "
                f"{state.array.shape}"
            )

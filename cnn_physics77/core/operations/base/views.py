r"""Operations whose result lies in the memory of their input, and what a change in place means for their
graph.

Let :math:`v = V(b)` be a view of the base b (V may be several steps: a slice of a transpose), and let v be
overwritten by r. Then the base has become :math:`b' = P(b, r)`, "b with r put where V looks", and every other
view w = W(b) of it :math:`w' = W(b')`. P is linear, and closed under differentiation with V:

.. math:: \bar b = P(\bar b', 0), \qquad \bar r = V(\bar b').

So a view remembers its base and its steps, and a base its living views (weakly); :func:`overwritten` moves
all their edges. Nothing of this is looked at unless somebody changes memory in place while derivatives are
being recorded.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import ref

import numpy as np

from cnn_physics77.core.autograd import LEAF, Node, edge_to, record
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.operations.base.operation import Operation, operation
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array

_new = object.__new__

_UNRECORDED = "was made under no_grad(), where its place in its base is not noted"
_ONE_OF_SEVERAL = "is one of the several outputs of a function such as split or unbind"
HANDED_THROUGH = "is what a Function, or a module with backward hooks, returned in the memory of its input"


class View(Operation):
    """An operation of one tensor, whose result lies in its input's memory if NumPy can have it so.

    Its forward returns an array that either shares the input's memory or owns its own (``base is None``).
    """

    def __init__(self, forward: Callable, name: str = ""):
        super().__init__(forward, name, view=True)
        self._parameters = self.layout[4:]

    def declare(self, name: str, function: Callable) -> None:
        """Let ``function`` be the derivative; being linear, a view needs no values for it."""
        super().declare(name, function)
        if any(self.kept((True,))[:2]):
            raise ValueError(
                f"the derivative of the view {self.name} asks for values; it may ask for shape and dtype"
            )

    def __call__(self, x: Tensor, **parameters) -> Tensor:  # type: ignore[override]
        old = x.array
        array = self.forward(old, **parameters)
        y = _new(Tensor)
        y.array = array
        recorded = recording()
        if array.base is not None or array is old:
            remember(y, x, (self, parameters) if recorded else _UNRECORDED)
        if x.edge is not None and recorded:
            saved = (None, None, old.shape, old.dtype, *[parameters[name] for name in self._parameters])
            y.edge = record(self, (edge_to(x),), saved)
        return y


def view_operation(forward: Callable | None = None, *, name: str = ""):
    """Decorator: declare an operation whose result is a view (see :class:`View`); otherwise as
    :func:`.base.operation.operation`."""
    if forward is None:
        return lambda function: View(function, name)
    return View(forward, name)


class _Views(list):
    """Weak references to the views of a base; dead ones are swept out whenever the list has doubled."""

    __slots__ = ("_limit",)

    def __init__(self):
        self._limit = 32

    def add(self, view: Tensor) -> None:
        self.append(ref(view))
        if len(self) > self._limit:
            self[:] = [r for r in self if r() is not None]
            self._limit = 32 + 2 * len(self)


def remember(view: Tensor, x: Tensor, step: tuple | str) -> None:
    """Note that ``view`` lies in the memory of x, and how it was had from it; a string says why that cannot
    be repeated."""
    changes = x._changes
    if changes is None:
        changes = x._changes = [0, 0]
    view._changes = changes
    origin = x._view_of
    if origin is None:
        base, path = x, ()
    else:
        base, path = origin
    if type(step) is str:
        view._view_of = (base, step if type(path) is tuple else path)
        if step is _UNRECORDED:
            return
    else:
        view._view_of = (base, (*path, step) if type(path) is tuple else path)
    views = base._views
    if views is None:
        views = base._views = _Views()
    views.add(view)


def remember_several(views, x: Tensor) -> None:
    """Note that each of ``views``, outputs of one operation, lies in the memory of x."""
    for view in views:
        remember(view, x, _ONE_OF_SEVERAL if recording() else _UNRECORDED)


# ------------------------------------------------------------------------------------------ changes in place


def base_of(tensor: Tensor) -> Tensor:
    """The tensor whose memory this one looks at; itself if it is no view."""
    return tensor if tensor._view_of is None else tensor._view_of[0]


def has_history(tensor: Tensor) -> bool:
    """Whether a change of the tensor in place concerns the graph: it requires grad, or the base that it looks
    at does."""
    return tensor.edge is not None or (tensor._view_of is not None and tensor._view_of[0].edge is not None)


def check_overwritable(function: str, tensor: Tensor) -> None:
    """Raise a GradientError if derivatives cannot follow a change of ``tensor`` in place."""
    if tensor.edge is LEAF:
        raise GradientError(
            f"{function}: a leaf Variable that requires grad is being used in an in-place operation; use "
            "the operation without underscore, or change the values under no_grad()"
        )
    if tensor._view_of is None:
        return
    base, path = tensor._view_of
    if type(path) is str:
        raise GradientError(
            f"{function}: expected a tensor whose change in place can be differentiated, found a view "
            f"that {path}; clone it first, or use the operation without underscore"
        )
    if base.edge is LEAF:
        raise GradientError(
            f"{function}: a view of a leaf Variable that requires grad is being used in an in-place "
            "operation; clone the leaf first, or change the values under no_grad()"
        )


def overwritten(tensor: Tensor, edge) -> None:
    """Let the gradient of ``tensor``, whose memory has just been overwritten, go to ``edge``, and those of
    its base and of the other views of it where they now must."""
    base = base_of(tensor)
    if tensor._view_of is not None:
        made = from_array(tensor.array)
        made.edge = edge
        _put._record(
            (base, made), [base], False, (), {"path": tensor._view_of[1], "layout": layout_of(base.array)}
        )
        base.move_edge(base.edge)
    else:
        tensor.move_edge(edge)
    for reference in tuple(base._views or ()):  # following a path makes views, which are noted there
        view = reference()
        if view is None or view.edge is LEAF:
            continue
        path = view._view_of[1]
        if type(path) is str:
            view.move_edge(_Lost.edge(base, path))
        else:  # also where its values are the old ones: it is a view of the new base
            view.move_edge(_follow(base, path).edge)


def _follow(x: Tensor, path: tuple) -> Tensor:
    for step, parameters in path:
        x = step(x, **parameters)
    return x


def layout_of(array: np.ndarray) -> tuple[int, ...]:
    """The axes in the order of memory, the slowest first."""
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


@operation(name="put_view")
def _put(base, values, *, path, layout):
    """The base with other values where the path of views leads. The memory of the result has the order of the
    first base's, for which every step of the path is known to be a view."""
    inverse = np.argsort(layout)
    out = np.empty([base.shape[axis] for axis in layout], base.dtype).transpose(inverse)
    out[...] = base
    region = out
    for step, parameters in path:
        region = step.forward(region, **parameters)
    region[...] = values
    return out


@_put.derivative("base")
def _(g, values_shape, path, layout):
    return _put(g, from_array(np.zeros(values_shape, g.dtype)), path=path, layout=layout)


@_put.derivative("values")
def _(g, path):
    return _follow(g, path)


class _Lost:
    """The operation of a view whose memory was changed through another one, and whose gradient can no longer
    be traced."""

    name = "lost_view"

    def __init__(self, reason: str):
        self.reason = reason

    def backward(self, node: Node, gradient, edges):
        raise GradientError(
            "backward: expected a view whose memory was not changed, found one that was changed in place "
            f"through its base or another view, and that {self.reason}; make the change out of place"
        )

    @classmethod
    def edge(cls, base: Tensor, reason: str) -> Node:
        return record(cls(reason), (base.edge,))

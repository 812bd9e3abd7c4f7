r"""Views: operations whose result shares their input's memory, and their history after an in-place change.

Let :math:`v = V(b)` be a view of the base b (V may have several steps: a slice of a transpose), and let v be
overwritten with r. The base becomes :math:`b' = P(b, r)`, "b with r scattered to the elements of V", and any
other view w = W(b) becomes :math:`w' = W(b')`. The view scatter P is linear. Its derivatives are P and V:

.. math:: \bar b = P(\bar b', 0), \qquad \bar r = V(\bar b').

A view therefore stores its base and its steps, and a base stores weak references to its views.
:func:`rebase_history` moves the edges of all of them. None of this costs anything until a recorded in-place
operation runs.
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import ref

import numpy as np

from cnn_physics77.core.autograd import LEAF, Node, Reusable, edge_to, record
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.kernels.runtime.layout import is_view
from cnn_physics77.core.operations.base.operation import Operation, operation, overridden, overrides
from cnn_physics77.core.recording import recording
from cnn_physics77.core.tensor import Tensor, from_array, method

_new = object.__new__

_UNRECORDED = "was made under no_grad(), so that its steps from its base are unknown"
_ONE_OF_SEVERAL = "is one of the several outputs of a function such as split or unbind"
HANDED_THROUGH = "is what a Function, or a module with backward hooks, returned in the memory of its input"


class View(Operation):
    """An operation of one tensor whose result shares its input's memory wherever NumPy allows it.

    The forward returns an array that shares the input's memory or owns its own (``base is None``).
    """

    def __init__(self, forward: Callable, name: str = ""):
        super().__init__(forward, name, view=True)
        self._parameters = self.signature[4:-1]

    def declare(self, name: str, function: Callable) -> None:
        """Set the derivative. A view is linear, so its derivative requires no values."""
        super().declare(name, function)
        if any(self.saved_for((True,))[:2]):
            raise ValueError(
                f"view {self.name}: expected a derivative that requires only shapes, dtypes and parameters, "
                "found one that requires values; write it without them"
            )

    def __call__(self, x: Tensor, **parameters) -> Tensor:  # type: ignore[override]
        old = x.array
        forward = overridden(self, (x,), self.forward) if overrides else self.forward
        array = forward(old, **parameters)
        y = _new(Tensor)
        y.array = array
        recorded = recording()
        if array is old or is_view(array):
            remember(y, x, (self, parameters) if recorded else _UNRECORDED)
        if x.edge is not None and recorded:
            saved = Reusable(
                (None, None, old.shape, old.dtype, *[parameters[name] for name in self._parameters])
            )
            y.edge = record(self, (edge_to(x),), saved)
        return y


def view_operation(forward: Callable | None = None, *, name: str = ""):
    """Decorator: declare an operation whose result is a view (see :class:`View`).

    Otherwise like :func:`.base.operation.operation`.
    """
    if forward is None:
        return lambda function: View(function, name)
    return View(forward, name)


class _Views(list):
    """Weak references to the views of a base. Dead ones are removed whenever the list has doubled."""

    __slots__ = ("_limit",)

    def __init__(self):
        self._limit = 32

    def add(self, view: Tensor) -> None:
        self.append(ref(view))
        if len(self) > self._limit:
            self[:] = [r for r in self if r() is not None]
            self._limit = 32 + 2 * len(self)


def remember(view: Tensor, x: Tensor, step: tuple | str) -> None:
    """Store that ``view`` shares the memory of x, and the step that made it from x.

    A string instead of a step says why the view cannot be traced.
    """
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
    """Store that the ``views``, outputs of one operation, share the memory of x."""
    for view in views:
        remember(view, x, _ONE_OF_SEVERAL if recording() else _UNRECORDED)


# ------------------------------------------------------------------------------------------ changes in place


def base_of(tensor: Tensor) -> Tensor:
    """The tensor that this one is a view of; itself if it is not a view."""
    return tensor if tensor._view_of is None else tensor._view_of[0]


@method("_is_view")
def _has_base(self: Tensor) -> bool:
    """Whether this tensor was made as a view of another one."""
    return self._view_of is not None


method("_base")(
    property(
        lambda self: None if self._view_of is None else self._view_of[0],
        doc="The tensor that owns the memory of which this one is a view; None if it is no view.",
    )
)


def has_history(tensor: Tensor) -> bool:
    """Whether the tensor, or its base, requires grad, so that an in-place change must be recorded."""
    return tensor.edge is not None or (tensor._view_of is not None and tensor._view_of[0].edge is not None)


def check_inplace(function: str, tensor: Tensor) -> None:
    """Raise a GradientError if an in-place change of ``tensor`` cannot be differentiated."""
    if tensor.edge is LEAF:
        raise GradientError(
            f"{function}: a leaf Variable that requires grad is being used in an in-place operation; use the "
            "operation without underscore, or change the values under no_grad()"
        )
    if tensor._view_of is None:
        return
    base, path = tensor._view_of
    if type(path) is str:
        raise GradientError(
            f"{function}: expected a tensor whose change in place can be differentiated, found a view that "
            f"{path}; clone it first, or use the operation without underscore"
        )
    if base.edge is LEAF:
        raise GradientError(
            f"{function}: a view of a leaf Variable that requires grad is being used in an in-place "
            "operation; clone the leaf first, or change the values under no_grad()"
        )


def rebase_history(tensor: Tensor, edge) -> None:
    """Give ``tensor``, whose memory was just overwritten, the history ``edge``; update its base and the other
    views of that base accordingly."""
    base = base_of(tensor)
    if tensor._view_of is not None:
        made = from_array(tensor.array)
        made.edge = edge
        _view_scatter._record(
            (base, made), [base], False, (), {"path": tensor._view_of[1], "order": dim_order(base.array)}
        )
        base.move_edge(base.edge)
    else:
        tensor.move_edge(edge)
    for reference in tuple(base._views or ()):  # a copy: _follow makes views, which are added to base._views
        view = reference()
        if view is None or view.edge is LEAF:
            continue
        path = view._view_of[1]
        if type(path) is str:
            view.move_edge(_UntrackedView.edge(base, path))
        else:  # also where its values are the old ones: it is a view of the new base
            view.move_edge(_follow(base, path).edge)


def _follow(x: Tensor, path: tuple) -> Tensor:
    for step, parameters in path:
        x = step(x, **parameters)
    return x


def dim_order(array: np.ndarray) -> tuple[int, ...]:
    """The axes in the order of memory, the one with the largest stride first."""
    return tuple(sorted(range(array.ndim), key=lambda axis: -abs(array.strides[axis])))


@operation(name="view_scatter")
def _view_scatter(base, values, *, path, order):
    """A copy of the base, with ``values`` in the view that the path leads to.

    The copy has the memory order of the original base, for which every step of the path gives a view.
    """
    inverse = np.argsort(order)
    out = np.empty([base.shape[axis] for axis in order], base.dtype, like=base).transpose(inverse)
    out[...] = base
    region = out
    for step, parameters in path:
        region = step.forward(region, **parameters)
    region[...] = values
    return out


@_view_scatter.derivative("base")
def _(g, values_shape, path, order):
    return _view_scatter(g, from_array(np.zeros(values_shape, g.dtype, like=g.array)), path=path, order=order)


@_view_scatter.derivative("values")
def _(g, path):
    return _follow(g, path)


class _UntrackedView:
    """The operation of a view whose memory was changed through another view, and whose gradient can no longer
    be traced."""

    name = "untracked_view"

    def __init__(self, reason: str):
        self.reason = reason

    def backward(self, node: Node, gradient, edges):
        raise GradientError(
            "backward: expected a view whose memory was not changed, found one that was changed in place "
            f"through its base or another view and {self.reason}; make the change out of place"
        )

    @classmethod
    def edge(cls, base: Tensor, reason: str) -> Node:
        return record(cls(reason), (base.edge,))

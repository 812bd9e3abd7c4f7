"""``torch.autograd.graph``: what may be done with the nodes of the graph and with what they save."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

from cnn_physics77.core.autograd import LEAF, Node, Output, edge_to, engine, record
from cnn_physics77.core.autograd import graph as _graph
from cnn_physics77.core.errors import GradientError
from cnn_physics77.core.handles import RemovableHandle
from cnn_physics77.core.recording import no_grad, recording
from cnn_physics77.core.tensor import Tensor, from_array

# --------------------------------------------------------------------------------------- saved tensors

_hooks: ContextVar[tuple] = ContextVar("hooks", default=())  # the pairs that were entered and not yet left
_refusal: ContextVar[str | None] = ContextVar("refusal", default=None)


class saved_tensors_hooks:
    """A context. What nodes save for their derivatives goes through two functions: to keep it elsewhere, or
    in fewer bytes.

    Args:
        pack_hook: is called with each tensor that is saved, and returns anything, which is saved instead.
        unpack_hook: is called with that when the derivative needs it, and returns a tensor.

    The innermost context counts, in this thread. Constants that come from Python numbers are not packed.

    Raises:
        GradientError: a pack hook changed the tensor in place.
        TypeError: an unpack hook returned something else than a tensor.

    >>> import cnn_physics77 as torch
    >>> x = torch.ones(3, requires_grad=True)
    >>> half = lambda saved: saved.detach().half()
    >>> with torch.autograd.graph.saved_tensors_hooks(half, lambda packed: packed.float()):
    ...     y = x.exp().sum()
    >>> y.backward()
    >>> x.grad
    tensor([2.7188, 2.7188, 2.7188])
    """

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self) -> None:
        refusal = _refusal.get()
        if refusal is not None:
            raise RuntimeError(refusal)
        if _pack not in _graph.watchers:  # it stays there: other threads may need it
            _graph.watchers.append(_pack)
        _hooks.set((*_hooks.get(), (self.pack_hook, self.unpack_hook)))

    def __exit__(self, *exception: Any) -> None:
        _hooks.set(_hooks.get()[:-1])


class save_on_cpu(saved_tensors_hooks):
    """A context in which saved tensors are moved to the CPU: they are there already, and stay as they are.

    Args:
        pin_memory: not used.
        device_type: not used.
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda tensor: tensor, lambda tensor: tensor)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """A context in which :class:`saved_tensors_hooks` raises RuntimeError with this message."""
    token = _refusal.set(error_message)
    try:
        yield
    finally:
        _refusal.reset(token)


class _Packed:
    """The operation of a node whose saved tensors are packed: it unpacks them for the operation itself."""

    pure = False  # what unpack returns may be kept elsewhere

    def __init__(self, op: Any, unpack: Callable) -> None:
        self._op = op
        self._unpack = unpack

    def __getattr__(self, name: str) -> Any:
        return getattr(self._op, name)

    def backward(self, node: Node, gradient: Any, edges: tuple) -> Sequence:
        with self._unpacked(node):
            return self._op.backward(node, gradient, edges)

    def unpack(self, node: Node) -> tuple:
        """What the forward of a user's Function saved: see :class:`Function`."""
        with self._unpacked(node):
            return self._op.unpack(node)

    @contextmanager
    def _unpacked(self, node: Node) -> Iterator[None]:
        packed = node.saved
        if packed is not None:
            node.saved = _mapped(packed, lambda saved: saved.unpacked(self._unpack), _Saved)
        try:
            yield
        finally:
            node.saved = packed


class _Saved:
    """What a pack hook returned for a tensor, and where the gradient of that tensor goes."""

    def __init__(self, packed: Any, edge: Any) -> None:
        self.packed = packed
        self.edge = edge

    def unpacked(self, unpack: Callable) -> Tensor:
        tensor = unpack(self.packed)
        if not isinstance(tensor, Tensor):
            raise TypeError(
                "saved_tensors_hooks: output of saved tensor unpack_hook expected to be a Tensor but got "
                f"result of type {type(tensor).__name__}"
            )
        made = tensor.detach()
        if self.edge is not None and recording():  # the derivative is differentiated again
            made.edge = record(_same, (self.edge,))
        return made


class _Same:
    """The identity: from an unpacked tensor to the one that was saved."""

    name = "unpack"
    pure = True

    def backward(self, node: Node, gradient: Tensor, edges: tuple) -> tuple:
        return (gradient,)


_same = _Same()


def _pack(node: Node) -> None:
    hooks = _hooks.get()
    if not hooks or not node.saved or not _mapped(node.saved, None, Tensor):
        return
    pack, unpack = hooks[-1]

    def packed(tensor: Tensor) -> Any:
        if not tensor.ndim and not tensor.array.flags.writeable:  # a Python number
            return tensor
        version = tensor._version
        with no_grad():
            made = pack(tensor)
        if tensor._version != version:
            raise GradientError(
                "saved_tensors_hooks: expected a pack hook that leaves its input as it is, found that it was "
                "changed in place; change a copy (.clone())"
            )
        return _Saved(made, edge_to(tensor))

    node.op = _Packed(node.op, unpack)
    token = _hooks.set(())  # what the hook itself computes is not packed
    try:
        node.saved = _mapped(node.saved, packed, Tensor)
    finally:
        _hooks.reset(token)


def _mapped(saved: tuple, function: Callable | None, kind: type) -> Any:
    """The tuple with ``function`` of what is of the class, also in tuples; without a function: whether there
    is any."""
    if function is None:
        return any(_mapped(v, None, kind) if type(v) is tuple else isinstance(v, kind) for v in saved)
    return tuple(
        _mapped(v, function, kind) if type(v) is tuple else function(v) if isinstance(v, kind) else v
        for v in saved
    )


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Note that a tensor, or each of several, was changed in place by code that does not note it itself.

    >>> import cnn_physics77 as torch
    >>> x = torch.zeros(2)
    >>> x.array[0] = 1
    >>> torch.autograd.graph.increment_version(x)
    >>> x._version
    1
    """
    for each in (tensor,) if isinstance(tensor, Tensor) else tensor:
        each.mark_changed()


# ---------------------------------------------------------------------------------------------- edges


class GradientEdge:
    """Where the gradient of a tensor goes. ``autograd.grad`` takes it in the place of the tensor, which need
    not be kept.

    Attributes:
        node: the node that made the tensor; for a leaf the tensor itself.
        output_nr: which of its results the tensor is.
    """

    def __init__(self, node: Any, output_nr: int, tensor: Tensor) -> None:
        self.node = node
        self.output_nr = output_nr
        self.ownership_token = None
        self.edge = edge_to(tensor)
        self.shape, self.dtype = tensor.shape, tensor.dtype
        self._complex = tensor.is_complex()
        self._empty = from_array(np.empty(0, tensor.array.dtype))

    def __iter__(self) -> Iterator:
        return iter((self.node, self.output_nr, self.ownership_token))

    def numel(self) -> int:
        """The number of elements of the tensor."""
        return self.shape.numel()

    def is_complex(self) -> bool:
        """Whether the tensor is complex."""
        return self._complex

    def detach(self) -> Tensor:
        """An empty constant of its dtype, for ``new_zeros``."""
        return self._empty

    @property
    def data(self) -> Tensor:
        """The same, new: what a gradient of 1 is made of."""
        return from_array(self._empty.array)

    def __repr__(self) -> str:
        return f"GradientEdge(node={self.node}, output_nr={self.output_nr})"


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """The edge of a tensor: see :class:`GradientEdge`.

    Raises:
        GradientError: it does not require grad.

    >>> import cnn_physics77 as torch
    >>> x = torch.ones(2, requires_grad=True)
    >>> edge = torch.autograd.graph.get_gradient_edge(x.exp())
    >>> edge
    GradientEdge(node=<ExpBackward0>, output_nr=0)
    """
    edge = tensor.edge
    if edge is None:
        raise GradientError(
            "get_gradient_edge: expected a tensor that requires grad, found one that does not; set "
            "requires_grad=True on an input"
        )
    if edge is LEAF:
        return GradientEdge(tensor, 0, tensor)
    if type(edge) is Output:
        return GradientEdge(edge.node, edge.index, tensor)
    return GradientEdge(edge, 0, tensor)


def register_multi_grad_hook(
    tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all"
) -> RemovableHandle:
    """Call a function once in each backward pass that computes gradients of some of these tensors.

    Args:
        tensors: a sequence of tensors.
        fn: with ``"all"`` it is called at the end of the pass, with the list of the gradients, None for
            those that were not computed; with ``"any"`` as soon as the first is there, with that one.
        mode: ``"all"`` or ``"any"``.

    Raises:
        ValueError: another mode.
        GradientError: with ``"any"``, a tensor does not require grad.

    >>> import cnn_physics77 as torch
    >>> x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    >>> handle = torch.autograd.graph.register_multi_grad_hook((x, y), print)
    >>> (2 * x).backward()
    [tensor([2.]), None]
    """
    if mode not in ("all", "any"):
        raise ValueError(f"register_multi_grad_hook: expects mode to be one of ('all', 'any') but got {mode}")
    handles: dict = {}
    gradients: dict[int, Tensor] = {}
    state: dict = {"pass": None}

    def hook_of(index: int) -> Callable:
        def hook(gradient: Tensor) -> None:
            ending = engine.ending.get()
            if state["pass"] is not ending:
                state["pass"] = ending
                gradients.clear()
                if mode == "any":
                    fn(gradient)
                else:
                    ending.append(finish)
            gradients[index] = gradient

        return hook

    def finish() -> None:
        state["pass"] = None
        if handles:
            fn([gradients.get(index) for index in range(len(tensors))])

    for index, tensor in enumerate(tensors):
        if mode == "any" or tensor.requires_grad:
            handles[index] = tensor.register_hook(hook_of(index))
    return _Handles(handles)


class _Handles(RemovableHandle):
    """The handles of the hooks of several tensors."""

    def __init__(self, handles: dict) -> None:
        self._all = handles

    def remove(self) -> None:
        """Remove the hooks. Idempotent."""
        for handle in self._all.values():
            handle.remove()
        self._all.clear()


__all__ = [
    "GradientEdge",
    "Node",
    "disable_saved_tensors_hooks",
    "get_gradient_edge",
    "increment_version",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]

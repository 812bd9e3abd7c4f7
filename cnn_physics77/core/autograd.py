r"""The graph of a computation and its walk: reverse-mode differentiation that knows no operation.

A result that depends on something differentiable carries an *edge*, which says where its gradient goes next:

- ``None``: nowhere, it is a constant;
- :data:`LEAF`: into the tensor's own ``.grad``, a variable of the user's;
- a :class:`Node`: to the operation that made it;
- an :class:`Output`: to one of several results of the operation that made it.

For :math:`L = f_n(\dots f_1(x))` the walk starts with :math:`\bar y = \partial L/\partial y = 1` and hands
every node the sum of what its users sent, once they all have:

.. math:: \bar x_i = \sum_{\text{users } y} \bar y \, \frac{\partial y}{\partial x_i}

(A. Griewank and A. Walther, *Evaluating Derivatives*, 2nd ed., SIAM 2008, section 3.2). It is iterative,
visits a node once however often its result was used, latest first, and drops what a node kept for its
derivative as soon as the node is done. The derivatives are themselves made of tensor operations: recorded
(``create_graph=True``), they can be differentiated again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from itertools import count
from sys import getrefcount, version_info
from typing import Any

import numpy as np

from cnn_physics77.core.errors import GradientError, ShapeError
from cnn_physics77.core.kernels.elementwise import LARGE, add_in_place
from cnn_physics77.core.kernels.layout import flat
from cnn_physics77.core.recording import switch

# --------------------------------------------------------------------------------------------- the graph


class Clock:
    """Orders what happens to the graph: every recorded call, and every change of a tensor in place, has a
    time of its own.

    A node is later than all that it was made from, so that walking from late to early meets every node after
    all its users. A tensor remembers when it was last changed: one that changed after a node kept it would
    make the node's derivative wrong, silently.
    """

    __slots__ = ("last_change", "tick")

    def __init__(self):
        self.tick = count(1).__next__  # one bytecode-free call: atomic between threads
        self.last_change = 0

    def change(self) -> int:
        """The time of a change in place that happens now."""
        self.last_change = self.tick()
        return self.last_change


clock = Clock()
tick = clock.tick


class _Leaf:
    __slots__ = ()

    def __repr__(self):
        return "LEAF"


LEAF = _Leaf()
"""The edge of a variable: its gradient goes into its own ``.grad``."""


class Node:
    """One recorded call of an operation.

    Attributes:
        op: the operation: has ``name`` and ``backward(node, gradient, edges)``, which returns one gradient
            per edge (anything for an edge that is None).
        edges: for each input, where its gradient goes: None, a Node, an Output, or the leaf tensor itself.
        saved: what the derivative needs, laid out as the operation likes; None once the walk has dropped it.
        time: when it was recorded; later than all that it was made from.
        outputs: None for one result; for several, a list of (shape, dtype), one of each.
        hooks: per output index, the functions to call on its gradient.
    """

    outputs: list | None = None
    hooks: dict[int, dict[int, Callable]] | None = None
    op: Any
    edges: tuple
    saved: tuple | None
    time: int

    def name(self) -> str:
        """The name of the operation's derivative, as PyTorch words it, e.g. ``"MulBackward"``."""
        return "".join(word.capitalize() for word in self.op.name.split("_")) + "Backward"

    @property
    def next_functions(self) -> tuple:
        """For each input, (where its gradient goes, index of the output there); leaves appear as
        themselves."""
        return tuple((e.node, e.index) if type(e) is Output else (e, 0) for e in self.edges)

    @property
    def parents(self) -> tuple:
        """The nodes and leaf tensors that this result was made from."""
        return tuple(e.node if type(e) is Output else e for e in self.edges if e is not None)

    def __repr__(self):
        return f"<{self.name()}>"


class Output:
    """Result number ``index`` of a node that has several."""

    __slots__ = ("index", "node")

    def __init__(self, node: Node, index: int):
        self.node = node
        self.index = index

    def __eq__(self, other):
        return type(other) is Output and other.node is self.node and other.index == self.index

    def __hash__(self):
        return hash((id(self.node), self.index))


def hooks_of(edge) -> dict[int, Callable]:
    """The hooks on the gradient of the result of a recorded operation."""
    node, index = (edge.node, edge.index) if type(edge) is Output else (edge, 0)
    node.hooks = node.hooks or {}
    return node.hooks.setdefault(index, {})


def target_of(tensor):
    """What a recorded operation writes down for an input: see :class:`Node`.edges."""
    edge = tensor.edge
    return tensor if edge is LEAF else edge


# --------------------------------------------------------------------------------------------- the walk


def alone(holder, key) -> bool:
    """Whether ``holder[key]`` is the only way to reach that tensor and its memory, so that it may be changed
    or kept.

    PyTorch asks the same of its reference counts.
    """
    return getrefcount(holder[key]) <= LONE and owns_memory(holder[key])


def owns_memory(tensor) -> bool:
    """Whether the tensor is the only way to reach its memory, and can be written into: an array of its own,
    or the only view of one, without repeats."""
    if getrefcount(tensor.array) > LONE or not tensor.array.flags.writeable:
        return False
    if tensor.array.base is None:
        return tensor.array.flags.owndata
    whole = type(tensor.array.base) is np.ndarray and tensor.array.base.flags.owndata
    return whole and getrefcount(tensor.array.base) <= LONE and flat(tensor.array) is not None


def _count_of_argument(value) -> int:
    return getrefcount(value)


_holder = [object()]
LONE = getrefcount(_holder[0])
"""What the interpreter counts for an object that only a container (or another object's attribute) refers
to."""

LONE_ARGUMENT = _count_of_argument(object()) if version_info < (3, 14) else 0
"""What ``getrefcount`` says in a function of its argument, if the caller keeps nothing of it: a temporary, as
in ``f(g(x))``. From Python 3.14 on a caller's variable is not counted, and nothing can be told."""


def _add(holder, key, cell, index, in_place: bool) -> None:
    """``holder[key] += cell[index]``, without new memory where nobody else can see that of one of them.

    The sum has the memory order of ``holder[key]`` in any case: kernels may add in another order where that
    is another, and who else can see the memory depends on what other threads have done so far.
    """
    if in_place and holder[key].array.dtype is cell[index].array.dtype:
        if alone(holder, key):
            array = holder[key].array
            if array.size < LARGE:
                array += cell[index].array
            else:
                add_in_place(array, cell[index].array)
            return
        if holder[key].array.strides == cell[index].array.strides and alone(cell, index):
            add_in_place(cell[index].array, holder[key].array)
            holder[key] = cell[index]
            return
        holder[key] = holder[key].clone()
        add_in_place(holder[key].array, cell[index].array)
        return
    holder[key] = holder[key] + cell[index]


def _nodes_leading_to(wanted, roots) -> set | None:
    """The nodes and leaves from which something wanted is reached: the only ones whose gradient is worth
    computing. None where these are all, because all leaves are wanted and nothing else is."""
    seen = set(roots)
    nodes = [root for root in seen if type(root) is Node]
    only_leaves = all(type(edge) is not Node and type(edge) is not Output for edge in wanted)
    for node in nodes:  # grows meanwhile
        for edge in node.edges:
            if type(edge) is Output:
                edge = edge.node
            if edge is not None and edge not in seen:
                seen.add(edge)
                if type(edge) is Node:
                    nodes.append(edge)
                elif edge not in wanted:
                    only_leaves = False
    if only_leaves:
        return None
    users_of: dict = {}
    for node in nodes:
        for edge in node.edges:
            users_of.setdefault(edge.node if type(edge) is Output else edge, []).append(node)
    relevant = {edge.node if type(edge) is Output else edge for edge in wanted}
    stack = list(relevant)
    while stack:
        for node in users_of.get(stack.pop(), ()):
            if node not in relevant:
                relevant.add(node)
                stack.append(node)
    return relevant


def _apply_hooks(hooks: dict, gradient):
    for hook in tuple(hooks.values()):
        replaced = hook(gradient)
        if replaced is not None:
            if replaced.shape != gradient.shape or replaced.dtype != gradient.dtype:
                raise ShapeError(
                    f"backward: expected a hook to return a gradient of shape {gradient.shape} and "
                    f"{gradient.dtype}, found {replaced.shape} and {replaced.dtype}; let it return None to "
                    "change nothing"
                )
            gradient = replaced
    return gradient


@np.errstate(all="ignore")  # infinite gradients that meet are NaN, without a word
def walk(
    targets: Sequence, seeds: Sequence, deliver: Callable, wanted=None, retain_graph=False, create_graph=False
):
    """Send ``seeds`` (gradients) from ``targets`` (nodes, outputs, leaves) down the graph.

    ``deliver(edge, [gradient])`` is called with every leaf and its whole gradient, once; with ``wanted``
    (edges) given, with these alone, be they leaves or not, and only what leads to them is computed.
    """
    # node -> the sum of what it was sent so far; a list, one per output, where it has several
    gradients: dict = {}
    leaves: dict = {}
    queue: list = []  # (-time, node): the latest first, so that a node comes after all its users
    in_place = not create_graph

    def send(edge, cell, place):
        """``cell[place]`` is sent; that nothing else refers to it lets it be seen to be alone."""
        if type(edge) is Node:
            if edge in gradients:
                _add(gradients, edge, cell, place, in_place)
            else:
                gradients[edge] = cell[place]
                heappush(queue, (-edge.time, edge))
        elif type(edge) is Output:
            node, index = edge.node, edge.index
            if node not in gradients:
                gradients[node] = [None] * len(node.outputs or ())
                heappush(queue, (-node.time, node))
            if gradients[node][index] is None:
                gradients[node][index] = cell[place]
            else:
                _add(gradients[node], index, cell, place, in_place)
        elif edge in leaves:
            _add(leaves, edge, cell, place, in_place)
        else:
            leaves[edge] = cell[place]

    for place, target in enumerate(targets):
        send(target, seeds, place)
    relevant = None if wanted is None else _nodes_leading_to(wanted, gradients)
    del seeds
    token = switch.set(create_graph)
    try:
        while queue:
            node = heappop(queue)[1]
            gradient = gradients.pop(node)
            edges = node.edges
            if node.hooks:
                gradient = _run_node_hooks(node, gradient)
            if relevant is not None:
                _deliver_wanted(node, gradient, wanted, deliver)
                edges = tuple(e if (e.node if type(e) is Output else e) in relevant else None for e in edges)
                if not any(edge is not None for edge in edges):
                    continue
            results = node.op.backward(node, gradient, edges)
            if not retain_graph and node.saved:
                node.saved = None
            for place, edge in enumerate(edges):
                if edge is None or results[place] is None:  # a user's function may answer None
                    continue
                if type(edge) is Node and edge not in gradients:  # the commonest case of send(), inline
                    gradients[edge] = results[place]
                    heappush(queue, (-edge.time, edge))
                else:
                    send(edge, results, place)
            gradient = results = None  # what is done with is freed, and seen to be alone
        while leaves:
            leaf, gradient = leaves.popitem()
            if wanted is None or leaf in wanted:
                cell = [gradient]
                gradient = None
                if leaf.hooks:
                    cell[0] = _apply_hooks(leaf.hooks, cell[0])
                deliver(leaf, cell)
    finally:
        switch.reset(token)


def _run_node_hooks(node: Node, gradient):
    hooks = node.hooks or {}
    if node.outputs is None:
        return _apply_hooks(hooks[0], gradient) if hooks.get(0) else gradient
    return [
        _apply_hooks(hooks[i], g) if g is not None and hooks.get(i) else g for i, g in enumerate(gradient)
    ]


def _deliver_wanted(node: Node, gradient, wanted, deliver) -> None:
    if node.outputs is None:
        if node in wanted:
            deliver(node, [gradient])
        return
    for index, slot in enumerate(gradient):
        edge = Output(node, index)
        if slot is not None and edge in wanted:
            deliver(edge, [slot])


# ------------------------------------------------------------------------------------------- what users call


def _as_tuple(value) -> tuple:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _seeds(outputs, gradients, operation: str) -> list:
    """The gradients to start with: those given, or 1 for outputs of one element."""
    gradients = gradients or (None,) * len(outputs)
    if len(gradients) != len(outputs):
        raise ShapeError(
            f"{operation}: expected one gradient per output, found {len(gradients)} for {len(outputs)} "
            "outputs"
        )
    seeds = []
    for output, gradient in zip(outputs, gradients):
        if output.edge is None:
            raise GradientError(
                f"{operation}: expected an output that depends on a variable, found one of shape "
                f"{output.shape} that does not "
                "require grad; set requires_grad=True on an input, and do not compute under no_grad()"
            )
        if gradient is None:
            if output.numel() != 1:
                raise GradientError(
                    f"{operation}: grad can be implicitly created only for scalar outputs, found shape "
                    f"{output.shape}; "
                    "reduce it, e.g. with .sum(), or give the gradient"
                )
            if output.dtype.kind == "c":
                raise GradientError(
                    f"{operation}: grad can be implicitly created only for real scalar outputs, found "
                    f"{output.dtype}; take a real value of it, e.g. with .abs(), or give the gradient"
                )
            gradient = output.detach().new_ones(output.shape)
        elif gradient.shape != output.shape:
            raise ShapeError(
                f"{operation}: expected a gradient of the output's shape {output.shape}, found "
                f"{gradient.shape}"
            )
        elif gradient.dtype != output.dtype:
            gradient = gradient.to(output.dtype)
        seeds.append(gradient)
    return seeds


def backward(tensors, grad_tensors=None, retain_graph=None, create_graph=False, inputs=None) -> None:
    """Add :math:`\\partial L / \\partial x` into ``x.grad`` of every leaf x below ``tensors``.

    Args:
        tensors: a tensor or a sequence of them; one of more than one element needs its gradient in
            ``grad_tensors``.
        grad_tensors: :math:`\\partial L / \\partial y` for each of them, of its shape; None for 1.
        retain_graph: keep what the derivatives need, so that the graph can be walked again. Default:
            ``create_graph``.
        create_graph: record the derivatives, so that they can be differentiated.
        inputs: add into the ``.grad`` of these tensors alone.

    Raises:
        GradientError: nothing to differentiate, an output of several elements without a gradient, a graph
        already walked, a
            tensor changed in place since it was recorded.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor([1.0, 2.0], requires_grad=True)
    >>> torch.autograd.backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    outputs = _as_tuple(tensors)
    seeds = _seeds(outputs, _as_tuple(grad_tensors), "backward")
    wanted = None
    holders: dict = {}
    if inputs is not None:
        inputs = _as_tuple(inputs)
        if not inputs:
            raise GradientError(
                "backward: expected at least one tensor in inputs, found none; leave inputs out for all "
                "leaves"
            )
        holders = {target_of(tensor): tensor for tensor in inputs}
        if None in holders:
            raise GradientError("backward: expected inputs that require grad, found one that does not")
        wanted = set(holders)

    def deliver(edge, cell):
        holder = edge if wanted is None else holders[edge]
        if not holder.retains_grad:  # else its hook has had the gradient
            holder.accumulate_grad(cell, create_graph)

    retain = create_graph if retain_graph is None else retain_graph
    walk([target_of(output) for output in outputs], seeds, deliver, wanted, retain, create_graph)


def grad(
    outputs,
    inputs,
    grad_outputs=None,
    retain_graph=None,
    create_graph=False,
    allow_unused=None,
    materialize_grads=False,
) -> tuple:
    """The gradients of the sum of ``outputs`` with respect to ``inputs``; no ``.grad`` is touched.

    Args:
        outputs: a tensor or a sequence of them.
        inputs: a tensor or a sequence of them; leaves or results on the way.
        grad_outputs: :math:`\\partial L / \\partial y` for each output, of its shape; None for 1.
        retain_graph: keep what the derivatives need, so that the graph can be walked again. Default:
            ``create_graph``.
        create_graph: record the derivatives, so that they can be differentiated.
        allow_unused: give None for an input that the outputs do not depend on, instead of raising.
        materialize_grads: give zeros for such an input.

    Returns:
        One tensor per input, of its shape.

    >>> import cnn_physics77 as torch
    >>> x = torch.tensor(3.0, requires_grad=True)
    >>> first, = torch.autograd.grad(x**3, x, create_graph=True)
    >>> second, = torch.autograd.grad(first, x)
    >>> first.item(), second.item()
    (27.0, 18.0)
    """
    outputs, inputs = _as_tuple(outputs), _as_tuple(inputs)
    if allow_unused is None:
        allow_unused = materialize_grads
    elif materialize_grads and not allow_unused:
        raise ValueError(
            "grad: expected allow_unused to be True or left out when materialize_grads is True, found False"
        )
    for index, tensor in enumerate(inputs):
        if tensor.edge is None:
            raise GradientError(
                f"grad: expected inputs that require grad, found input {index} of shape {tensor.shape} that "
                "does not"
            )
    seeds = _seeds(outputs, _as_tuple(grad_outputs), "grad")
    found: dict = {}
    wanted = {target_of(tensor) for tensor in inputs}
    retain = create_graph if retain_graph is None else retain_graph
    walk(
        [target_of(output) for output in outputs],
        seeds,
        lambda edge, cell: found.update({edge: cell[0]}),
        wanted,
        retain,
        create_graph,
    )
    result = []
    for index, tensor in enumerate(inputs):
        gradient = found.get(target_of(tensor))
        if gradient is None and not allow_unused:
            raise GradientError(
                "grad: expected the outputs to depend on every input, found that they do not on input "
                f"{index} of shape "
                f"{tensor.shape}; give allow_unused=True to get None there"
            )
        if gradient is None and materialize_grads:
            gradient = tensor.detach().new_zeros(tensor.shape)
        result.append(gradient)
    return tuple(result)

"""``torch.utils._pytree``: nested containers of tensors as a flat list of their leaves, and back.

Tuples, named tuples, lists, dicts, ordered dicts and deques are containers; any other value is a leaf, also
None. :func:`register_pytree_node` adds a class.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

PyTree = Any
"""The name by which annotations call a nested container of tensors."""


class _Container(NamedTuple):
    """How a container is taken apart, and made again."""

    flatten: Callable[[Any], tuple[list, Any]]  # container -> (items, context: what else it consists of)
    unflatten: Callable[[list, Any], Any]


_containers: dict[type, _Container] = {
    tuple: _Container(lambda x: (list(x), None), lambda items, _: tuple(items)),
    list: _Container(lambda x: (list(x), None), lambda items, _: items),
    dict: _Container(
        lambda x: (list(x.values()), list(x)), lambda items, keys: dict(zip(keys, items, strict=True))
    ),
    OrderedDict: _Container(
        lambda x: (list(x.values()), list(x)), lambda items, keys: OrderedDict(zip(keys, items, strict=True))
    ),
    deque: _Container(lambda x: (list(x), x.maxlen), lambda items, length: deque(items, length)),
}
_named_tuple = _Container(lambda x: (list(x), type(x)), lambda items, kind: kind(*items))


def register_pytree_node(cls: type, flatten_fn: Callable, unflatten_fn: Callable, **options: Any) -> None:
    """Objects of ``cls`` are containers.

    Args:
        flatten_fn: the object -> (list of its items, anything that describes the rest).
        unflatten_fn: (list of items, that description) -> an object.
        options: PyTorch's for saving; not used.

    >>> register_pytree_node(range, lambda r: ([r.start, r.stop], None), lambda ends, _: range(*ends))
    >>> tree_map(lambda end: 2 * end, range(1, 4))
    range(2, 8)
    >>> del _containers[range]
    """
    _containers[cls] = _Container(flatten_fn, unflatten_fn)


def _container_of(tree: Any) -> tuple[type | None, _Container | None]:
    kind = type(tree)
    if kind in _containers:
        return kind, _containers[kind]
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return tuple, _named_tuple
    return None, None


class TreeSpec(NamedTuple):
    """The structure of a tree: without its leaves.

    Attributes:
        type: the class of the outermost container; None for a leaf.
        context: what describes it besides its items: the keys of a dict.
        children: the structures of its items.
    """

    type: Any
    context: Any = None
    children: tuple = ()

    @property
    def num_leaves(self) -> int:
        """The number of leaves."""
        return 1 if self.type is None else sum(child.num_leaves for child in self.children)


LEAF = TreeSpec(None)


def tree_flatten(tree: Any) -> tuple[list, TreeSpec]:
    """The leaves of a tree, and its structure.

    >>> leaves, spec = tree_flatten({"a": 1, "b": (2, [3])})
    >>> leaves, tree_unflatten([10, 20, 30], spec)
    ([1, 2, 3], {'a': 10, 'b': (20, [30])})
    """
    kind, container = _container_of(tree)
    if container is None:
        return [tree], LEAF
    items, context = container.flatten(tree)
    parts = [tree_flatten(item) for item in items]
    leaves = [leaf for found, _ in parts for leaf in found]
    return leaves, TreeSpec(kind, context, tuple(spec for _, spec in parts))


def tree_unflatten(leaves: Iterable, treespec: TreeSpec) -> Any:
    """The tree of this structure with these leaves.

    Raises:
        ValueError: there are too few or too many.
    """
    leaves = list(leaves)
    if len(leaves) != treespec.num_leaves:
        raise ValueError(
            f"tree_unflatten: expected {treespec.num_leaves} leaves for the structure, found {len(leaves)}"
        )
    return _build(iter(leaves), treespec)


def _build(leaves: Any, spec: TreeSpec) -> Any:
    if spec.type is None:
        return next(leaves)
    items = [_build(leaves, child) for child in spec.children]
    container = _containers[spec.type]
    if spec.type is tuple and spec.context is not None:
        container = _named_tuple
    return container.unflatten(items, spec.context)


def tree_leaves(tree: Any) -> list:
    """The leaves, from left to right."""
    return tree_flatten(tree)[0]


def tree_map(func: Callable, tree: Any, *rests: Any) -> Any:
    """The tree with ``func(leaf, ...)`` for each leaf, together with the same leaf of the other trees.

    Raises:
        ValueError: the trees have other structures.

    >>> tree_map(lambda a, b: a + b, {"x": 1, "y": (2,)}, {"x": 10, "y": (20,)})
    {'x': 11, 'y': (22,)}
    """
    leaves, spec = tree_flatten(tree)
    others = []
    for rest in rests:
        found, other = tree_flatten(rest)
        if other != spec:
            raise ValueError("tree_map: expected trees of one structure, found others")
        others.append(found)
    return tree_unflatten([func(*each) for each in zip(leaves, *others)], spec)


def tree_map_only(type_or_types: Any, func: Callable, tree: Any) -> Any:
    """:func:`tree_map` for the leaves of these classes; other leaves stay."""
    return tree_map(lambda leaf: func(leaf) if isinstance(leaf, type_or_types) else leaf, tree)


def tree_broadcast(prefix: Any, tree: Any) -> list | None:
    """For each leaf of ``tree`` the leaf of ``prefix`` that stands at its place or above it; None if the two
    do not fit.

    >>> tree_broadcast((0, None), ("a", {"b": 1, "c": 2}))
    [0, None, None]
    >>> tree_broadcast((0, None), ("a",)) is None
    True
    """
    kind, container = _container_of(prefix)
    if container is None:
        return [prefix] * len(tree_leaves(tree))
    other, same = _container_of(tree)
    if same is None or other is not kind:
        return None
    (parts, context), (items, own) = container.flatten(prefix), same.flatten(tree)
    if len(parts) != len(items) or (kind is not tuple and context != own):
        return None
    found = [tree_broadcast(part, item) for part, item in zip(parts, items)]
    return None if None in found else [leaf for each in found for leaf in each or ()]


__all__ = [
    "PyTree",
    "TreeSpec",
    "register_pytree_node",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_only",
    "tree_unflatten",
]

"""``torch.utils._pytree``: nested containers of tensors as a flat list of their leaves, and back.

Tuples, named tuples, lists, dicts, ordered dicts and deques are containers; any other value is a leaf, also
None. :func:`register_pytree_node` adds a class.
"""

from __future__ import annotations

from collections import OrderedDict, deque, namedtuple
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

Context = Any
"""What describes a container besides its items, in annotations."""
PyTree = Any
"""The name by which annotations call a nested container of tensors."""


class NodeDef(NamedTuple):
    """How a container is taken apart, and made again."""

    flatten_fn: Callable[[Any], tuple[list, Any]]  # container -> (items, context: what else it consists of)
    unflatten_fn: Callable[[list, Any], Any]


class MappingKey(NamedTuple):
    """The place of an item in a mapping."""

    key: Any


def _dict_flatten(d: dict) -> tuple[list, list]:
    return list(d.values()), list(d)


def _dict_flatten_with_keys(d: dict) -> tuple[list[tuple[MappingKey, Any]], list]:
    return [(MappingKey(key), value) for key, value in d.items()], list(d)


def _dict_unflatten(values: Iterable, context: Iterable) -> dict:
    return dict(zip(context, values, strict=True))


SUPPORTED_NODES: dict[Any, NodeDef] = {
    tuple: NodeDef(lambda x: (list(x), None), lambda items, _: tuple(items)),
    namedtuple: NodeDef(lambda x: (list(x), type(x)), lambda items, kind: kind(*items)),
    list: NodeDef(lambda x: (list(x), None), lambda items, _: list(items)),
    dict: NodeDef(_dict_flatten, _dict_unflatten),
    OrderedDict: NodeDef(_dict_flatten, lambda items, keys: OrderedDict(_dict_unflatten(items, keys))),
    deque: NodeDef(lambda x: (list(x), x.maxlen), lambda items, length: deque(items, length)),
}
"""The containers: by their class, and all named tuples by ``collections.namedtuple``."""


def register_pytree_node(cls: type, flatten_fn: Callable, unflatten_fn: Callable, **options: Any) -> None:
    """Objects of ``cls`` are containers.

    Args:
        flatten_fn: the object -> (list of its items, anything that describes the rest).
        unflatten_fn: (list of items, that description) -> an object.
        options: PyTorch's for saving; not used.

    >>> register_pytree_node(range, lambda r: ([r.start, r.stop], None), lambda ends, _: range(*ends))
    >>> tree_map(lambda end: 2 * end, range(1, 4))
    range(2, 8)
    >>> del SUPPORTED_NODES[range]
    """
    SUPPORTED_NODES[cls] = NodeDef(flatten_fn, unflatten_fn)


def _get_node_type(tree: Any) -> Any:
    """The key of a container in ``SUPPORTED_NODES``; the class of a leaf."""
    kind = type(tree)
    if kind not in SUPPORTED_NODES and isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return namedtuple
    return kind


class TreeSpec(NamedTuple):
    """The structure of a tree: without its leaves.

    Attributes:
        type: the class of the outermost container; None for a leaf.
        context: what describes it besides its items: the keys of a dict.
        children: the structures of its items.
    """

    type: Any
    context: Any = None
    children: Sequence = ()

    @property
    def num_leaves(self) -> int:
        """The number of leaves."""
        return 1 if self.type is None else sum(child.num_leaves for child in self.children)


class LeafSpec(TreeSpec):
    """The structure of a leaf."""

    def __new__(cls) -> LeafSpec:
        return super().__new__(cls, None)

    def __reduce__(self) -> tuple:
        return LeafSpec, ()


_LEAF = LeafSpec()


def tree_flatten(tree: Any) -> tuple[list, TreeSpec]:
    """The leaves of a tree, and its structure.

    >>> leaves, spec = tree_flatten({"a": 1, "b": (2, [3])})
    >>> leaves, tree_unflatten([10, 20, 30], spec)
    ([1, 2, 3], {'a': 10, 'b': (20, [30])})
    """
    kind = _get_node_type(tree)
    if kind not in SUPPORTED_NODES:
        return [tree], _LEAF
    items, context = SUPPORTED_NODES[kind].flatten_fn(tree)
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
    return SUPPORTED_NODES[spec.type].unflatten_fn(items, spec.context)


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
    kind = _get_node_type(prefix)
    if kind not in SUPPORTED_NODES:
        return [prefix] * len(tree_leaves(tree))
    if _get_node_type(tree) is not kind:
        return None
    flatten = SUPPORTED_NODES[kind].flatten_fn
    (parts, context), (items, own) = flatten(prefix), flatten(tree)
    if len(parts) != len(items) or context != own:
        return None
    found = [tree_broadcast(part, item) for part, item in zip(parts, items)]
    return None if None in found else [leaf for each in found for leaf in each or ()]


__all__ = [
    "SUPPORTED_NODES",
    "Context",
    "LeafSpec",
    "MappingKey",
    "NodeDef",
    "PyTree",
    "TreeSpec",
    "register_pytree_node",
    "tree_flatten",
    "tree_leaves",
    "tree_map",
    "tree_map_only",
    "tree_unflatten",
]

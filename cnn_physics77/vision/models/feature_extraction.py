"""``torchvision.models.feature_extraction``, in part: what modules inside of a model return."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from cnn_physics77 import nn

_Names = Sequence[str] | Mapping[str, str]


class _Found(Exception):
    """All results are there: the rest of the model is not computed."""


class _Extractor(nn.Module):
    """It has the parameters, buffers and modules of the model, by the same names."""

    def __init__(self, model: nn.Module, in_training: dict, in_evaluation: dict) -> None:
        super().__init__()
        for kind in ("_parameters", "_buffers", "_non_persistent_buffers_set", "_modules"):
            self.__dict__[kind] = model.__dict__[kind]
        self.__dict__["_whole"] = model  # no submodule, as its parts are those of this one
        self._names = {True: in_training, False: in_evaluation}
        self.train(model.training)

    def forward(self, *args: Any, **kwargs: Any) -> OrderedDict[str, Any]:
        wanted = self._names[self.training]
        nodes = {_module_of(self._whole, node): name for node, name in wanted.items()}
        results: OrderedDict[str, Any] = OrderedDict()
        calls: dict[str, int] = {}

        def noting(owner: str):
            def note(module, inputs, output):
                call = calls[owner] = calls.get(owner, 0) + 1
                if (owner, call) in nodes:
                    results[nodes[owner, call]] = output
                if len(results) == len(nodes):
                    raise _Found

            return note

        modules = dict(self._whole.named_modules())
        owners = {owner for owner, _ in nodes}
        hooks = [modules[owner].register_forward_hook(noting(owner)) for owner in owners]
        self._whole.training = self.training
        try:
            self._whole(*args, **kwargs)
        except _Found:
            return results
        finally:
            for hook in hooks:
                hook.remove()
        missing = ", ".join(name for name in nodes.values() if name not in results)
        raise ValueError(f"create_feature_extractor: the model did not compute {missing}")


def _module_of(model: nn.Module, node: str) -> tuple[str, int]:
    """The name of the module, and which of its calls is meant: of "a.relu_1" the second one of "a.relu"."""
    names = {name for name, _ in model.named_modules() if name}
    if node in names:
        return node, 1
    name, _, number = node.rpartition("_")
    if name in names and number.isdigit():
        return name, int(number) + 1
    near = [known for known in names if known.rpartition(".")[0] == node.rpartition(".")[0]]
    raise ValueError(
        f"create_feature_extractor: expected the name of a module, found {node!r}, where there are "
        f"{', '.join(sorted(near)) or 'none'}; results of functions inside of forward have no name here"
    )


def create_feature_extractor(
    model: nn.Module,
    return_nodes: _Names | None = None,
    train_return_nodes: _Names | None = None,
    eval_return_nodes: _Names | None = None,
) -> nn.Module:
    """A module that returns what modules inside of a model return. It shares the parameters of the model.

    Args:
        model: the model.
        return_nodes: the names of modules, such as ``"layer1.0.relu"``; or a dictionary from them to names in
            the result. If a module is called several times, its name means the first call, and its name
            with ``_1`` the second one.
        train_return_nodes, eval_return_nodes: two lists instead, for training and evaluation.

    Returns:
        A module; called as the model, it returns an ``OrderedDict`` of results by name, in the order in which
        they were computed. What the model computes after the last of them is left out.

    Raises:
        ValueError: no module has this name; neither one list is given, nor two.

    >>> import cnn_physics77 as torch
    >>> from cnn_physics77.vision import models
    >>> model = models.alexnet()
    >>> maps = create_feature_extractor(model, {"features.2": "first"})(torch.rand(1, 3, 64, 64))
    >>> {name: tuple(x.shape) for name, x in maps.items()}
    {'first': (1, 64, 7, 7)}
    """
    lists = (
        (return_nodes, return_nodes) if return_nodes is not None else (train_return_nodes, eval_return_nodes)
    )
    if None in lists or (return_nodes is not None and (train_return_nodes or eval_return_nodes)):
        raise ValueError(
            "create_feature_extractor: expected return_nodes, or both of train_return_nodes and "
            "eval_return_nodes"
        )
    wanted = [dict(n) if isinstance(n, Mapping) else {name: name for name in n or ()} for n in lists]
    for names in wanted:
        if not names:
            raise ValueError("create_feature_extractor: expected at least one name, found none")
        for node in names:
            _module_of(model, node)
    return _Extractor(model, *wanted)


__all__ = ["create_feature_extractor"]

"""``torchvision.models._utils``, in part: the first layers of a model."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from cnn_physics77 import nn
from cnn_physics77.core.tensor import Tensor


class IntermediateLayerGetter(nn.ModuleDict):
    """The children of a model one after another, up to the last one of which a result is wanted.

    Args:
        model: its children are called in the order in which they were registered.
        return_layers: names of children, and the names of their results.

    Raises:
        ValueError: the model has no child of such a name.

    >>> import cnn_physics77 as torch
    >>> model = torch.nn.Sequential(OrderedDict(a=torch.nn.Linear(2, 3), b=torch.nn.ReLU()))
    >>> IntermediateLayerGetter(model, {"a": "first"})(torch.ones(1, 2))["first"].shape
    torch.Size([1, 3])
    """

    def __init__(self, model: nn.Module, return_layers: Mapping[str, str]) -> None:
        children = OrderedDict(model.named_children())
        unknown = [name for name in return_layers if name not in children]
        if unknown or not return_layers:
            raise ValueError(
                "IntermediateLayerGetter: return_layers are not present in model: expected some of "
                f"{list(children)}, found {list(return_layers)}"
            )
        last = max([*children].index(name) for name in return_layers)
        super().__init__(OrderedDict([*children.items()][: last + 1]))
        self.return_layers = return_layers

    def forward(self, x: Tensor) -> OrderedDict[str, Tensor]:
        results = OrderedDict()
        for name, module in self.items():
            x = module(x)
            if name in self.return_layers:
                results[self.return_layers[name]] = x
        return results


__all__ = ["IntermediateLayerGetter"]

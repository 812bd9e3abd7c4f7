"""This package, under the names that its users import."""

from typing import Any

import cnn_physics77 as torch
from cnn_physics77 import optim
from cnn_physics77.core import model
from cnn_physics77.nn import functional

from .base import Adapter


class NumPy77(Adapter):
    """Ours. A node shows what it keeps under another name than PyTorch's."""

    def saved(self, node: Any) -> list[Any]:
        return [node.saved]


ADAPTER = NumPy77("numpy77", torch, functional, optim, model)

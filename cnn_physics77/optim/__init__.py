"""``torch.optim``: optimizers and learning rate schedulers."""

import typing as _typing

from cnn_physics77 import _lazy, _places
from cnn_physics77.core import optim as _core
from cnn_physics77.core.optim import *
from cnn_physics77.optim import adam, adamw, optimizer, sgd

if _typing.TYPE_CHECKING:
    from cnn_physics77.optim import lr_scheduler

__all__ = [*_core.__all__, "adam", "adamw", "lr_scheduler", "optimizer", "sgd"]

__getattr__, __dir__ = _lazy.attributes(globals(), {"lr_scheduler": __name__})

_places.settle(globals())

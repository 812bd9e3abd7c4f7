"""``torch.optim``: optimizers and learning rate schedulers."""

import typing as _typing

from cnn_physics77 import _lazy, _places
from cnn_physics77.core import optim as _core
from cnn_physics77.core.optim import *
from cnn_physics77.optim import adam, adamw, optimizer, sgd

if _typing.TYPE_CHECKING:
    from cnn_physics77.core.optim.adafactor import Adafactor
    from cnn_physics77.core.optim.muon import Muon
    from cnn_physics77.core.optim.sparse_adam import SparseAdam
    from cnn_physics77.optim import (
        adadelta,
        adagrad,
        adamax,
        asgd,
        lbfgs,
        lr_scheduler,
        nadam,
        radam,
        rmsprop,
        rprop,
        swa_utils,
    )
    from cnn_physics77.optim.adadelta import Adadelta
    from cnn_physics77.optim.adagrad import Adagrad
    from cnn_physics77.optim.adamax import Adamax
    from cnn_physics77.optim.asgd import ASGD
    from cnn_physics77.optim.lbfgs import LBFGS
    from cnn_physics77.optim.nadam import NAdam
    from cnn_physics77.optim.radam import RAdam
    from cnn_physics77.optim.rmsprop import RMSprop
    from cnn_physics77.optim.rprop import Rprop

# Loaded when asked for: most scripts use SGD, Adam or AdamW.
_CLASSES = "Adadelta Adagrad Adamax ASGD LBFGS NAdam RAdam RMSprop Rprop"
_LAZY = {name: f"{__name__}.{name.lower()}" for name in _CLASSES.split()}
_LAZY |= {name: f"{_core.__name__}.{name.lower()}" for name in ("Adafactor", "Muon")}
_LAZY["SparseAdam"] = f"{_core.__name__}.sparse_adam"
__all__ = [*_core.__all__, *_LAZY, "adam", "adamw", "lr_scheduler", "optimizer", "sgd", "swa_utils"]
_LAZY |= {name.lower(): __name__ for name in (*_CLASSES.split(), "lr_scheduler", "swa_utils")}

__getattr__, __dir__ = _lazy.attributes(globals(), _LAZY)

_places.settle(globals())

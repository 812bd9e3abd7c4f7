"""``torch.nn.utils``: gradient clipping, parameters as a vector, parametrizations, sequences and others."""

import typing as _typing

from cnn_physics77 import _former, _lazy, _places
from cnn_physics77.core.layers import gradients as _gradients
from cnn_physics77.core.layers.gradients import *
from cnn_physics77.core.layers.vector import *

if _typing.TYPE_CHECKING:
    from cnn_physics77.core.layers.fusion import *
    from cnn_physics77.core.layers.skip_init import *
    from cnn_physics77.core.layers.spectral_norm import remove_spectral_norm, spectral_norm
    from cnn_physics77.core.layers.weight_norm import remove_weight_norm, weight_norm
    from cnn_physics77.nn.utils import parametrizations, parametrize, prune, rnn, stateless

_LATE = {
    "fusion": "fuse_conv_bn_eval fuse_conv_bn_weights fuse_linear_bn_eval fuse_linear_bn_weights",
    "skip_init": "skip_init",
    "spectral_norm": "remove_spectral_norm spectral_norm",
    "weight_norm": "remove_weight_norm weight_norm",
}
_LAZY = _lazy.table("cnn_physics77.core.layers", _LATE)
_MODULES = "clip_grad convert_parameters fusion parametrizations parametrize prune rnn stateless"
_LAZY |= dict.fromkeys(_MODULES.split(), __name__)
clip_grad_norm = _former.former(_gradients.clip_grad_norm_, "torch.nn.utils")
__getattr__, __dir__ = _lazy.attributes(globals(), _LAZY)

__all__ = [n for n in __dir__() if n[0] != "_"]

_places.settle(globals())

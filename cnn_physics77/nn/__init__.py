"""``torch.nn``: layers, losses, containers."""

import typing as _typing

from cnn_physics77 import _lazy, _places
from cnn_physics77.core.layers import *
from cnn_physics77.nn import functional, init, modules, parallel, utils
from cnn_physics77.nn.modules._late import layers as _layers
from cnn_physics77.nn.parallel import DataParallel
from cnn_physics77.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

if _typing.TYPE_CHECKING:
    from cnn_physics77.nn import attention
    from cnn_physics77.nn.modules.activation_random import *
    from cnn_physics77.nn.modules.adaptive import *
    from cnn_physics77.nn.modules.attention import MultiheadAttention
    from cnn_physics77.nn.modules.bilinear import *
    from cnn_physics77.nn.modules.channelshuffle import *
    from cnn_physics77.nn.modules.embedding_bag import *
    from cnn_physics77.nn.modules.lazy import *
    from cnn_physics77.nn.modules.linear_cross_entropy import *
    from cnn_physics77.nn.modules.local_response_norm import *
    from cnn_physics77.nn.modules.loss_ctc import *
    from cnn_physics77.nn.modules.loss_margin import *
    from cnn_physics77.nn.modules.pixelshuffle import *
    from cnn_physics77.nn.modules.pooling_rare import *
    from cnn_physics77.nn.modules.rnn import *
    from cnn_physics77.nn.modules.sync_batchnorm import *
    from cnn_physics77.nn.modules.transformer import *
    from cnn_physics77.nn.modules.upsampling import *

_MODULES = dict.fromkeys(("_reduction", "attention", "common_types", "grad"), __name__)
__getattr__, __dir__ = _lazy.attributes(globals(), _layers() | _MODULES)

__all__ = [n for n in __dir__() if n[0] != "_"]

_places.settle(globals())

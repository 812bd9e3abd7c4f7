"""``torch.nn.modules``: the layers, in PyTorch's files."""

import typing as _typing

from cnn_physics77 import _lazy
from cnn_physics77.core.layers import *
from cnn_physics77.nn.modules import utils
from cnn_physics77.nn.modules._late import layers as _layers
from cnn_physics77.nn.modules.activation import *
from cnn_physics77.nn.modules.batchnorm import *
from cnn_physics77.nn.modules.container import *
from cnn_physics77.nn.modules.conv import *
from cnn_physics77.nn.modules.distance import *
from cnn_physics77.nn.modules.dropout import *
from cnn_physics77.nn.modules.flatten import *
from cnn_physics77.nn.modules.fold import *
from cnn_physics77.nn.modules.instancenorm import *
from cnn_physics77.nn.modules.linear import *
from cnn_physics77.nn.modules.loss import *
from cnn_physics77.nn.modules.module import Module
from cnn_physics77.nn.modules.normalization import *
from cnn_physics77.nn.modules.padding import *
from cnn_physics77.nn.modules.pooling import *
from cnn_physics77.nn.modules.sparse import *

if _typing.TYPE_CHECKING:
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

_MODULES = dict.fromkeys(
    ("adaptive", "channelshuffle", "lazy", "pixelshuffle", "rnn", "transformer", "upsampling"), __name__
)
__getattr__, __dir__ = _lazy.attributes(globals(), _layers() | _MODULES)

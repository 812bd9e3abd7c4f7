"""``torch.nn.modules``: the layers, in PyTorch's files."""

from cnn_physics77.core.layers import *
from cnn_physics77.nn.modules import (
    activation,
    batchnorm,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    linear,
    loss,
    module,
    normalization,
    padding,
    pooling,
    sparse,
    utils,
)

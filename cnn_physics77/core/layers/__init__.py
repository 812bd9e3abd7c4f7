"""Layers: the parts of networks, with their parameters. They call :mod:`cnn_physics77.core.operations`."""

from cnn_physics77.core.layers.activation import *
from cnn_physics77.core.layers.containers import *
from cnn_physics77.core.layers.convolution import *
from cnn_physics77.core.layers.distance import *
from cnn_physics77.core.layers.dropout import *
from cnn_physics77.core.layers.embedding import *
from cnn_physics77.core.layers.linear import *
from cnn_physics77.core.layers.loss import *
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.normalization import *
from cnn_physics77.core.layers.padding import *
from cnn_physics77.core.layers.parameter import Buffer, Parameter
from cnn_physics77.core.layers.pooling import *
from cnn_physics77.core.layers.shape import *
from cnn_physics77.core.layers.unfold import *

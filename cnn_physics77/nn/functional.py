"""``torch.nn.functional``: the functions of the layers."""

from cnn_physics77 import _places
from cnn_physics77.core.operations.comparison.unique_search import one_hot
from cnn_physics77.core.operations.indexing.pad import *
from cnn_physics77.core.operations.nn.activation_piecewise import *
from cnn_physics77.core.operations.nn.activation_smooth import *
from cnn_physics77.core.operations.nn.adaptive_pooling import *
from cnn_physics77.core.operations.nn.convolution import *
from cnn_physics77.core.operations.nn.distance import *
from cnn_physics77.core.operations.nn.dropout import *
from cnn_physics77.core.operations.nn.embedding import *
from cnn_physics77.core.operations.nn.linear import *
from cnn_physics77.core.operations.nn.loss_cross_entropy import *
from cnn_physics77.core.operations.nn.loss_likelihood import *
from cnn_physics77.core.operations.nn.normalization import *
from cnn_physics77.core.operations.nn.pooling import *
from cnn_physics77.core.operations.nn.softmax import *
from cnn_physics77.core.operations.nn.unfold import *
from cnn_physics77.core.operations.pointwise.trigonometric import tanh

_places.settle(globals())

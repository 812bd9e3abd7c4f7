"""``torch.nn.functional``: what the layers compute."""

from cnn_physics77.core.operations.activation import *
from cnn_physics77.core.operations.adaptive_pooling import *
from cnn_physics77.core.operations.convolution import *
from cnn_physics77.core.operations.distance import *
from cnn_physics77.core.operations.dropout import *
from cnn_physics77.core.operations.embedding import *
from cnn_physics77.core.operations.likelihood import *
from cnn_physics77.core.operations.linear import *
from cnn_physics77.core.operations.loss import *
from cnn_physics77.core.operations.normalization import *
from cnn_physics77.core.operations.padding import *
from cnn_physics77.core.operations.pooling import *
from cnn_physics77.core.operations.rectifier import *
from cnn_physics77.core.operations.searching import one_hot
from cnn_physics77.core.operations.softmax import *
from cnn_physics77.core.operations.trigonometric import tanh
from cnn_physics77.core.operations.unfold import *

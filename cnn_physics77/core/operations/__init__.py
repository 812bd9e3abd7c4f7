"""The differentiable operations, one family a module. How one is declared: :mod:`.operation`."""

from cnn_physics77.core.operations.activation import *
from cnn_physics77.core.operations.adaptive_pooling import *
from cnn_physics77.core.operations.arithmetic import *
from cnn_physics77.core.operations.bitwise import *
from cnn_physics77.core.operations.casting import *
from cnn_physics77.core.operations.comparison import *
from cnn_physics77.core.operations.complex_numbers import *
from cnn_physics77.core.operations.contraction import *
from cnn_physics77.core.operations.convolution import *
from cnn_physics77.core.operations.creation import *
from cnn_physics77.core.operations.cumulative import *
from cnn_physics77.core.operations.diagonals import *
from cnn_physics77.core.operations.dispersion import *
from cnn_physics77.core.operations.distance import *
from cnn_physics77.core.operations.dropout import *
from cnn_physics77.core.operations.embedding import *
from cnn_physics77.core.operations.exponential import *
from cnn_physics77.core.operations.extremes import *
from cnn_physics77.core.operations.gathering import *
from cnn_physics77.core.operations.indexing import *
from cnn_physics77.core.operations.joining import *
from cnn_physics77.core.operations.likelihood import *
from cnn_physics77.core.operations.linalg import *
from cnn_physics77.core.operations.linear import *
from cnn_physics77.core.operations.loss import *
from cnn_physics77.core.operations.masking import *
from cnn_physics77.core.operations.memory import *
from cnn_physics77.core.operations.normalization import *
from cnn_physics77.core.operations.padding import *
from cnn_physics77.core.operations.permutation import *
from cnn_physics77.core.operations.pooling import *
from cnn_physics77.core.operations.rearrangement import *
from cnn_physics77.core.operations.rectifier import *
from cnn_physics77.core.operations.reductions import *
from cnn_physics77.core.operations.rounding import *
from cnn_physics77.core.operations.sampling import *
from cnn_physics77.core.operations.searching import *
from cnn_physics77.core.operations.selection import *
from cnn_physics77.core.operations.shape import *
from cnn_physics77.core.operations.softmax import *
from cnn_physics77.core.operations.sorting import *
from cnn_physics77.core.operations.special import *
from cnn_physics77.core.operations.trigonometric import *
from cnn_physics77.core.operations.unfold import *

from cnn_physics77.core.operations import inplace  # isort: skip  (it changes what the others have defined)

"""The differentiable operations, one family per module. :mod:`.base.operation` says how one is declared."""

from cnn_physics77.core.operations.base.keywords import complete as _complete
from cnn_physics77.core.operations.comparison.comparison import *
from cnn_physics77.core.operations.comparison.sort_topk import *
from cnn_physics77.core.operations.comparison.unique_search import *
from cnn_physics77.core.operations.creation import random_in_place
from cnn_physics77.core.operations.creation.creation import *
from cnn_physics77.core.operations.creation.random_sampling import *
from cnn_physics77.core.operations.indexing.cast import *
from cnn_physics77.core.operations.indexing.cat_split import *
from cnn_physics77.core.operations.indexing.clone import *
from cnn_physics77.core.operations.indexing.flip_roll import *
from cnn_physics77.core.operations.indexing.gather_scatter import *
from cnn_physics77.core.operations.indexing.getitem import *
from cnn_physics77.core.operations.indexing.index_put import *
from cnn_physics77.core.operations.indexing.masking import *
from cnn_physics77.core.operations.indexing.pad import *
from cnn_physics77.core.operations.indexing.permute import *
from cnn_physics77.core.operations.indexing.shape import *
from cnn_physics77.core.operations.linalg.diagonal import *
from cnn_physics77.core.operations.linalg.einsum import *
from cnn_physics77.core.operations.linalg.matmul import *
from cnn_physics77.core.operations.linalg.norm import *
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
from cnn_physics77.core.operations.pointwise.arithmetic import *
from cnn_physics77.core.operations.pointwise.bitwise import *
from cnn_physics77.core.operations.pointwise.complex import *
from cnn_physics77.core.operations.pointwise.exp_log_pow import *
from cnn_physics77.core.operations.pointwise.rounding import *
from cnn_physics77.core.operations.pointwise.special import *
from cnn_physics77.core.operations.pointwise.trigonometric import *
from cnn_physics77.core.operations.pointwise.where_clamp import *
from cnn_physics77.core.operations.reduction.cumsum_prod import *
from cnn_physics77.core.operations.reduction.max_min import *
from cnn_physics77.core.operations.reduction.sum_mean import *
from cnn_physics77.core.operations.reduction.var_std_norm import *

_complete(__name__)

from cnn_physics77.core.operations import late  # noqa: E402, I001
from cnn_physics77.core.operations import inplace  # noqa: E402  (it uses what the others define)

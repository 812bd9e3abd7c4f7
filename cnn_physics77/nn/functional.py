"""``torch.nn.functional``: the functions of the layers."""

import typing as _typing

from cnn_physics77 import _lazy, _places
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

if _typing.TYPE_CHECKING:
    from cnn_physics77.core.operations.nn.activation_inplace import *
    from cnn_physics77.core.operations.nn.activation_random import *
    from cnn_physics77.core.operations.nn.attention import *
    from cnn_physics77.core.operations.nn.bilinear import *
    from cnn_physics77.core.operations.nn.embedding_bag import *
    from cnn_physics77.core.operations.nn.grid_sample import *
    from cnn_physics77.core.operations.nn.interpolate import *
    from cnn_physics77.core.operations.nn.linear_cross_entropy import *
    from cnn_physics77.core.operations.nn.loss_ctc import *
    from cnn_physics77.core.operations.nn.loss_margin import *
    from cnn_physics77.core.operations.nn.pdist import *
    from cnn_physics77.core.operations.nn.pixel_shuffle import *
    from cnn_physics77.core.operations.nn.pooling_fractional import *
    from cnn_physics77.core.operations.nn.pooling_lp import *
    from cnn_physics77.core.operations.nn.pooling_with_indices import *

_LATE = {
    "activation_inplace": "celu_ elu_ hardtanh_ leaky_relu_ relu_ rrelu_ selu_ threshold_",
    "activation_random": "gumbel_softmax rrelu",
    "attention": "multi_head_attention_forward scaled_dot_product_attention",
    "bilinear": "bilinear",
    "embedding_bag": "embedding_bag",
    "grid_sample": "affine_grid grid_sample",
    "interpolate": "interpolate upsample upsample_bilinear upsample_nearest",
    "linear_cross_entropy": "linear_cross_entropy",
    "loss_ctc": "ctc_loss",
    "loss_margin": """
        cosine_embedding_loss hinge_embedding_loss margin_ranking_loss multi_margin_loss
        multilabel_margin_loss multilabel_soft_margin_loss soft_margin_loss triplet_margin_loss
        triplet_margin_with_distance_loss
    """,
    "pdist": "pdist",
    "pixel_shuffle": "channel_shuffle pixel_shuffle pixel_unshuffle",
    "pooling_fractional": "fractional_max_pool2d fractional_max_pool3d",
    "pooling_lp": "lp_pool1d lp_pool2d lp_pool3d",
    "pooling_with_indices": """
        adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices
        adaptive_max_pool3d_with_indices fractional_max_pool2d_with_indices
        fractional_max_pool3d_with_indices max_pool1d_with_indices max_pool2d_with_indices
        max_pool3d_with_indices
    """,
}
"""The functions of each module of ``core.operations.nn`` that is imported when one of them is asked for."""

_AT_THE_TOP = """
    bilinear celu_ channel_shuffle cosine_embedding_loss ctc_loss embedding_bag hinge_embedding_loss
    margin_ranking_loss max_pool1d_with_indices pdist pixel_shuffle pixel_unshuffle relu_ rrelu
    rrelu_ selu_ threshold_ triplet_margin_loss
"""
"""Those of them that ``torch`` has too."""

__getattr__, __dir__ = _lazy.attributes(globals(), _lazy.table("cnn_physics77.core.operations.nn", _LATE))

__all__ = [n for n in __dir__() if n[0] != "_"]

_places.settle(globals())

"""Deep learning from first principles in NumPy, with PyTorch's names.

    import cnn_physics77 as torch
    import cnn_physics77.nn as nn
    import cnn_physics77.optim as optim

This module re-exports; the code is in :mod:`cnn_physics77.core`. It needs NumPy and the standard library.
"""

from math import e, inf, nan, pi

from cnn_physics77.core.backend.device import device
from cnn_physics77.core.backend.dtypes import *
from cnn_physics77.core.checkpoint import load, save
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads
from cnn_physics77.core.operations import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    alpha_dropout,
    avg_pool1d,
    batch_norm,
    binary_cross_entropy_with_logits,
    celu,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_similarity,
    dropout,
    embedding,
    feature_alpha_dropout,
    group_norm,
    hardshrink,
    instance_norm,
    kl_div,
    layer_norm,
    log_softmax,
    max_pool1d,
    max_pool2d,
    max_pool3d,
    pairwise_distance,
    poisson_nll_loss,
    prelu,
    relu,
    rms_norm,
    selu,
    sigmoid,
    softmax,
    threshold,
)
from cnn_physics77.core.operations.arithmetic import *
from cnn_physics77.core.operations.bitwise import *
from cnn_physics77.core.operations.broadcasting import broadcast_shapes, promote_types, result_type
from cnn_physics77.core.operations.comparison import *
from cnn_physics77.core.operations.complex_numbers import *
from cnn_physics77.core.operations.contraction import *
from cnn_physics77.core.operations.creation import *
from cnn_physics77.core.operations.cumulative import *
from cnn_physics77.core.operations.diagonals import *
from cnn_physics77.core.operations.dispersion import *
from cnn_physics77.core.operations.exponential import *
from cnn_physics77.core.operations.extremes import *
from cnn_physics77.core.operations.gathering import *
from cnn_physics77.core.operations.indexing import *
from cnn_physics77.core.operations.joining import *
from cnn_physics77.core.operations.linalg import *
from cnn_physics77.core.operations.masking import *
from cnn_physics77.core.operations.memory import *
from cnn_physics77.core.operations.permutation import *
from cnn_physics77.core.operations.placing import *
from cnn_physics77.core.operations.rearrangement import *
from cnn_physics77.core.operations.reductions import *
from cnn_physics77.core.operations.rounding import *
from cnn_physics77.core.operations.sampling import *
from cnn_physics77.core.operations.searching import *
from cnn_physics77.core.operations.selection import *
from cnn_physics77.core.operations.shape import *
from cnn_physics77.core.operations.sorting import *
from cnn_physics77.core.operations.special import *
from cnn_physics77.core.operations.trigonometric import *
from cnn_physics77.core.random import (
    Generator,
    default_generator,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from cnn_physics77.core.recording import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    no_grad,
    set_grad_enabled,
)
from cnn_physics77.core.tensor import (
    Tensor,
    from_numpy,
    is_tensor,
    tensor,
)

from cnn_physics77 import autograd, cuda, linalg, nn, optim  # isort: skip  (they need the names above)

__version__ = "0.1.0"
newaxis = None


def __getattr__(name: str):
    """``torch.utils`` and ``performance`` when they are first asked for: the loader brings threads, queues
    and processes with it."""
    if name in ("utils", "performance"):
        from importlib import import_module

        return import_module(f"cnn_physics77.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

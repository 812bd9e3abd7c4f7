"""Deep learning from first principles in NumPy, with PyTorch's names.

    import cnn_physics77 as torch
    import cnn_physics77.nn as nn
    import cnn_physics77.optim as optim

This module re-exports names; the code is in :mod:`cnn_physics77.core`. It needs only NumPy and the standard
library.
"""

import typing as _typing
from math import e, inf, nan, pi

from cnn_physics77 import _late, _lazy, _places
from cnn_physics77._settings import *
from cnn_physics77._settings import _assert
from cnn_physics77.core.backend.device import (
    device,
    layout,
    sparse_bsc,
    sparse_bsr,
    sparse_coo,
    sparse_csc,
    sparse_csr,
    strided,
)
from cnn_physics77.core.backend.dtypes import *
from cnn_physics77.core.backend.limits import finfo, iinfo
from cnn_physics77.core.backend.size import Size
from cnn_physics77.core.description import is_complex, is_floating_point, is_signed, numel
from cnn_physics77.core.kernels.runtime.pool import get_num_threads, set_num_threads
from cnn_physics77.core.operations import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    avg_pool1d,
    binary_cross_entropy_with_logits,
    celu,
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
    cosine_similarity,
    hardshrink,
    kl_div,
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
from cnn_physics77.core.operations.base.broadcasting import (
    broadcast_shapes,
    can_cast,
    promote_types,
    result_type,
)
from cnn_physics77.core.operations.comparison.comparison import *
from cnn_physics77.core.operations.comparison.sort_topk import *
from cnn_physics77.core.operations.comparison.unique_search import *
from cnn_physics77.core.operations.creation.creation import *
from cnn_physics77.core.operations.creation.random_sampling import *
from cnn_physics77.core.operations.indexing.cat_split import *
from cnn_physics77.core.operations.indexing.clone import *
from cnn_physics77.core.operations.indexing.flip_roll import *
from cnn_physics77.core.operations.indexing.gather_scatter import *
from cnn_physics77.core.operations.indexing.getitem import *
from cnn_physics77.core.operations.indexing.index_put import *
from cnn_physics77.core.operations.indexing.masking import *
from cnn_physics77.core.operations.indexing.permute import *
from cnn_physics77.core.operations.indexing.shape import *
from cnn_physics77.core.operations.linalg.diagonal import *
from cnn_physics77.core.operations.linalg.einsum import *
from cnn_physics77.core.operations.linalg.matmul import *
from cnn_physics77.core.operations.linalg.norm import *
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
from cnn_physics77.core.printing import set_printoptions
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
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from cnn_physics77.core.tensor import (
    Tensor,
    from_numpy,
    is_tensor,
    tensor,
)
from cnn_physics77.core.tensor_types import *

from cnn_physics77 import autograd, nn, optim  # isort: skip  (they need the names above)

if _typing.TYPE_CHECKING:
    from cnn_physics77 import (
        accelerator,
        amp,
        backends,
        cpu,
        cuda,
        distributed,
        distributions,
        export,
        fft,
        func,
        functional,
        futures,
        fx,
        hub,
        jit,
        library,
        linalg,
        masked,
        mps,
        mtia,
        multiprocessing,
        nested,
        onnx,
        overrides,
        package,
        performance,
        profiler,
        quantization,
        quasirandom,
        random,
        serialization,
        signal,
        sparse,
        special,
        storage,
        testing,
        torch_version,
        types,
        utils,
        version,
        xpu,
    )
    from cnn_physics77._control_flow import *
    from cnn_physics77._late import *
    from cnn_physics77._native import *
    from cnn_physics77.amp import (
        GradScaler,
        autocast,
        clear_autocast_cache,
        get_autocast_cpu_dtype,
        get_autocast_dtype,
        get_autocast_gpu_dtype,
        is_autocast_cache_enabled,
        is_autocast_cpu_enabled,
        is_autocast_enabled,
    )
    from cnn_physics77.autograd.anomaly_mode import is_anomaly_check_nan_enabled, is_anomaly_enabled
    from cnn_physics77.func import vmap
    from cnn_physics77.nn.functional import (
        bilinear,
        celu_,
        channel_shuffle,
        cosine_embedding_loss,
        ctc_loss,
        embedding_bag,
        hinge_embedding_loss,
        margin_ranking_loss,
        max_pool1d_with_indices,
        pdist,
        pixel_shuffle,
        pixel_unshuffle,
        relu_,
        rrelu,
        rrelu_,
        selu_,
        threshold_,
        triplet_margin_loss,
    )
    from cnn_physics77.serialization import load, save
    from cnn_physics77.storage import TypedStorage, UntypedStorage, is_storage

__version__ = "0.1.0"
newaxis = None

# Loaded when asked for: a checkpoint needs compression and JSON, the loader in `utils` queues and processes.
_MODULES = ("compile", "cuda", "linalg", "testing")
_RARE = """
accelerator amp backends compiler cpu distributed distributions export fft func functional futures fx hub
jit library masked mps mtia multiprocessing nested onnx overrides package performance profiler quantization
quasirandom random return_types serialization signal sparse special storage torch_version types utils
version xpu ops _C _dynamo _higher_order_ops _tensor_str _vmap_internals __config__
"""
_RARE_MODULES = tuple(_RARE.split())
_AUTOCAST = (
    *("GradScaler", "autocast", "clear_autocast_cache", "get_autocast_cpu_dtype", "get_autocast_dtype"),
    *("get_autocast_gpu_dtype", "is_autocast_cache_enabled", "is_autocast_cpu_enabled"),
    "is_autocast_enabled",
)
_NATIVE = (
    *("alpha_dropout", "batch_norm", "constant_pad_nd", "dropout", "embedding", "feature_alpha_dropout"),
    *("grid_sampler_2d", "grid_sampler_3d", "group_norm", "instance_norm", "layer_norm"),
)
_CONTROL = (
    *("cond", "sym_float", "sym_int", "sym_ite", "sym_max", "sym_min", "sym_not", "sym_sqrt", "sym_sum"),
    "while_loop",
)
_LAZY = dict.fromkeys(("load", "save"), "cnn_physics77.serialization")
_LAZY |= dict.fromkeys(
    ("is_anomaly_check_nan_enabled", "is_anomaly_enabled"), "cnn_physics77.autograd.anomaly_mode"
)
_LAZY |= dict.fromkeys(_NATIVE, "cnn_physics77._native")
_LAZY |= {"vmap": "cnn_physics77.func", "Future": "cnn_physics77.futures"}
_LAZY |= dict.fromkeys(("DeviceObjType", "PyTorchFileReader"), "cnn_physics77._C")
_LAZY |= {"ScriptModule": "cnn_physics77.jit"}
_LAZY |= dict.fromkeys(_AUTOCAST, "cnn_physics77.amp")
_LAZY |= dict.fromkeys(("TypedStorage", "UntypedStorage", "is_storage"), "cnn_physics77.storage")
_LAZY |= dict.fromkeys(_CONTROL, "cnn_physics77._control_flow")
_LAZY |= dict.fromkeys(nn.functional._AT_THE_TOP.split(), "cnn_physics77.nn.functional")
_LAZY |= dict.fromkeys((*_MODULES, *_RARE_MODULES), __name__)
_LAZY |= _late.MODULES
__getattr__, __dir__ = _lazy.attributes(globals(), _LAZY)

__all__ = sorted({n for n in __dir__() if n[0] != "_"} - {*_RARE_MODULES})  # too much for a star

_places.settle(globals())

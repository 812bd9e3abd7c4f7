"""Which entries are everyday operations, which cannot be compared in full, and which are left out."""

from __future__ import annotations

from fnmatch import fnmatchcase

_EVERYDAY = """
abs acos acosh add addbmm addcdiv addcmul addmm addmv addr all allclose amax amin aminmax any arange argmax
argmin argsort asin asinh atan atan2 atanh atleast_1d atleast_2d atleast_3d baddbmm bernoulli bincount
block_diag bmm bool broadcast_tensors broadcast_to bucketize cartesian_prod cat cdist ceil chunk clamp
clamp_max clamp_min clone column_stack complex conj contiguous cos cosh count_nonzero cross cummax cummin
cumprod cumsum diag diag_embed diagonal diff dist div dot double dstack einsum empty empty_like eq equal erf
erfc exp exp2 expand expand_as expm1 eye fill flatten flip fliplr flipud float float_power floor
floor_divide fmod frac full full_like gather ge gt hsplit hstack hypot imag index_add index_copy index_fill
index_put index_select inner int isclose isfinite isinf isnan item kron kthvalue le lerp lgamma linspace log
log10 log1p log2 log_softmax logaddexp logical_and logical_not logical_or logical_xor logspace logsumexp
long lt masked_fill masked_scatter masked_select matmul max maximum mean median meshgrid min minimum mm mode
movedim mul multinomial mv nan_to_num nanmean nanmedian nansum narrow ne neg new_empty new_full new_ones
new_zeros nonzero norm normal normal.in_place ones ones_like outer permute pow prod quantile rand_like
randint randint_like randn randn_like ravel real reciprocal remainder renorm repeat repeat_interleave
reshape reshape_as roll rot90 round rsqrt rsub scatter scatter_add scatter_reduce searchsorted select sgn
sigmoid sign sin sinh softmax sort split sqrt square squeeze stack std std_mean sub sum swapaxes t T mT take
take_along_dim tan tanh tensor_split tensordot tile to topk trace transpose trapezoid tril tril_indices triu
triu_indices true_divide trunc unbind unflatten unfold uniform unique unique_consecutive unsqueeze var
var_mean vdot view view_as vsplit vstack where xlogy zeros zeros_like zero_ __getitem__ __radd__ __rmatmul__
__rmul__ __rpow__ __rsub__ __rdiv__ linalg.cholesky linalg.det linalg.eigh linalg.inv linalg.lstsq
linalg.matrix_norm linalg.norm linalg.qr linalg.solve linalg.svd linalg.vector_norm fft.fft fft.fft2
fft.ifft fft.ifft2 fft.irfft fft.rfft nn.functional.adaptive_avg_pool1d nn.functional.adaptive_avg_pool2d
nn.functional.adaptive_avg_pool3d nn.functional.adaptive_max_pool1d nn.functional.adaptive_max_pool2d
nn.functional.adaptive_max_pool3d nn.functional.avg_pool1d nn.functional.avg_pool2d nn.functional.avg_pool3d
nn.functional.batch_norm nn.functional.binary_cross_entropy nn.functional.binary_cross_entropy_with_logits
nn.functional.celu nn.functional.conv1d nn.functional.conv2d nn.functional.conv3d
nn.functional.conv_transpose1d nn.functional.conv_transpose2d nn.functional.conv_transpose3d
nn.functional.cosine_similarity nn.functional.cross_entropy nn.functional.dropout nn.functional.dropout2d
nn.functional.elu nn.functional.embedding nn.functional.gelu nn.functional.glu nn.functional.grid_sample
nn.functional.group_norm nn.functional.hardsigmoid nn.functional.hardswish nn.functional.hardtanh
nn.functional.huber_loss nn.functional.instance_norm nn.functional.interpolate nn.functional.kl_div
nn.functional.l1_loss nn.functional.layer_norm nn.functional.leaky_relu nn.functional.linear
nn.functional.logsigmoid nn.functional.max_pool1d nn.functional.max_pool2d nn.functional.max_pool3d
nn.functional.mish nn.functional.mse_loss nn.functional.nll_loss nn.functional.normalize
nn.functional.one_hot nn.functional.pad nn.functional.pixel_shuffle nn.functional.prelu nn.functional.relu
nn.functional.relu6 nn.functional.rms_norm nn.functional.scaled_dot_product_attention nn.functional.selu
nn.functional.silu nn.functional.smooth_l1_loss nn.functional.softmin nn.functional.softplus
nn.functional.softsign nn.functional.unfold
"""
EVERYDAY = frozenset(_EVERYDAY.split())
"""The operations that introductions, examples and most scripts use; an entry counts with all its variants."""

_RANDOM = """
bernoulli cauchy empty empty_like empty_permuted empty_strided exponential geometric log_normal multinomial
new_empty new_empty_strided normal normal.in_place rand_like randint randint_like randn randn_like uniform
resize_ resize_as_ nn.functional.alpha_dropout nn.functional.dropout nn.functional.dropout2d
nn.functional.dropout3d nn.functional.multi_head_attention_forward nn.functional.feature_alpha_dropout
nn.functional.fractional_max_pool2d nn.functional.fractional_max_pool3d nn.functional.rrelu
nn.FractionalMaxPool2d nn.FractionalMaxPool3d svd_lowrank pca_lowrank
"""
RANDOM = frozenset(_RANDOM.split())
"""What draws random numbers or leaves memory unset: structure, shapes and dtypes are compared."""

DROPPING = frozenset({"nn.functional.scaled_dot_product_attention"})
"""What draws random numbers for some of its samples, those with ``dropout_p``."""

GAUGE = frozenset(["svd", "linalg.svd", "linalg.eig", "linalg.eigh", "linalg.lstsq", "linalg.pinv.hermitian"])
"""Decompositions that are unique up to signs or phases: what does not depend on these is compared."""

TIES = frozenset({"argsort", "kthvalue", "mode", "msort", "sort", "topk"})
"""What may choose any of equal elements: integers are compared by shape and dtype."""

METHODS = {name: f"{name}_" for name in ("cauchy", "exponential", "geometric", "log_normal", "uniform")}
"""Entries that are named otherwise than the method that they call."""

LEFT_OUT = {
    "sparse.* to_sparse": "sparse tensors",
    "jiterator_* bmm.triton_optimized torch._scaled_mm*": "for GPUs",
    "bfloat16 chalf": "a dtype that NumPy lacks",
    "torch.ops.* _[!_]*": "private",
    (
        "as_strided.partial_views as_strided_scatter *_backward *.grad hash_tensor "
        "native_* nonzero_static slice unsafe_* nn.functional.upsample_*"
    ): "not in PyTorch's documentation, or replaced there by another name",
}
"""Patterns of names, and why this package does without them."""


def group_of(name: str, base: str) -> str:
    """The group of an entry; ``base`` is its name without that of the variant."""
    if name.startswith("optim."):
        return "optimizers"
    if name.startswith("nn.") and not name.startswith("nn.functional."):
        return "modules"
    return "everyday operations" if name in EVERYDAY or base in EVERYDAY else "further operations"


def left_out(name: str) -> str:
    """Why the entry is left out; "" for one that is not."""
    for patterns, reason in LEFT_OUT.items():
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return reason
    return ""

r"""Attention (A. Vaswani et al., arXiv:1706.03762): averages of values with weights by queries and keys.

All is composed of other operations, which have derivatives of any order. A row of the weights whose
keys are all masked would be 0/0; as in PyTorch, :func:`scaled_dot_product_attention` gives zeros for it.
"""

from __future__ import annotations

import math

import numpy as np

from cnn_physics77.core.backend.warning import warn
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.operations.base.arguments import check_tensors
from cnn_physics77.core.operations.base.broadcasting import cast, common_shape
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.comparison.unique_search import repeat_interleave
from cnn_physics77.core.operations.creation.creation import zeros
from cnn_physics77.core.operations.indexing.cat_split import cat, chunk
from cnn_physics77.core.operations.indexing.masking import masked_fill
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.linalg.matmul import matmul
from cnn_physics77.core.operations.nn.dropout import dropout
from cnn_physics77.core.operations.nn.linear import linear
from cnn_physics77.core.operations.nn.softmax import softmax
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.tensor import Tensor, from_array


class AttentionError(ShapeError, AssertionError):
    """Sizes that do not fit the attention; PyTorch asserts them."""


@in_float32
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    r"""The average of the values, weighted by the softmax of the products of query and keys.

    .. math:: y_i = \sum_j p_{ij} v_j \qquad p_{ij} = \mathrm{softmax}_j (s\, q_i \cdot k_j + m_{ij})

    Args:
        query: q, (..., L, E), real floating.
        key: k, (..., S, E).
        value: v, (..., S, F). Leading dimensions broadcast.
        attn_mask: m, (..., L, S), or a shape that broadcasts to it; as booleans, True where j takes part.
        dropout_p: the probability that a weight is zeroed, in training or not.
        is_causal: only j <= i take part.
        scale: s; None for 1/sqrt(E).
        enable_gqa: each head of keys and values, dimension -3, serves a group of heads of queries.

    Returns:
        y, (..., L, F). A row where no j takes part is zero.

    Raises:
        ShapeError: sizes that do not fit.
        DtypeError: the dtypes differ, or are not real floating.
        ValueError: dropout_p is not in [0, 1].

    >>> import cnn_physics77 as torch
    >>> q, k, v = torch.zeros(2, 3), torch.zeros(2, 3), torch.tensor([[1.0], [3.0]])
    >>> F = torch.nn.functional
    >>> F.scaled_dot_product_attention(q, k, v), F.scaled_dot_product_attention(q, k, v, is_causal=True)
    (tensor([[2.],
            [2.]]), tensor([[1.],
            [2.]]))
    """
    name = "scaled_dot_product_attention"
    check_tensors(name, query, key, value, kinds="f")
    q, k, v = query, key, value
    if min(q.ndim, k.ndim, v.ndim) < 2:
        raise ShapeError(
            f"{name}: Expected query, key, and value to all be at least 2 dimensional, found "
            f"{q.array.shape}, {k.array.shape} and {v.array.shape}"
        )
    if enable_gqa:
        k, v = _for_each_query_head(name, q, k), _for_each_query_head(name, q, v)
    _check_sizes(name, q, k, v)
    mask = None if attn_mask is None else _as_bias(name, attn_mask, q)
    if is_causal:
        causal = _causal(q.shape[-2], k.shape[-2], q.dtype)
        mask = causal if mask is None else mask + causal
    nobody = None if attn_mask is None or mask is None else (mask == -math.inf).all(-1, keepdim=True)
    if nobody is not None:
        mask = masked_fill(mask, nobody, 0.0)  # the average is not used, but must be finite
    p = _weights(q, k, mask, _scale(q) if scale is None else scale)
    y = matmul(dropout(p, dropout_p), v)
    return y if nobody is None else masked_fill(y, nobody, 0.0)


def _scale(q: Tensor) -> float:
    return 1 / math.sqrt(q.shape[-1] or 1)


def _weights(q: Tensor, k: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    scores = matmul(q * scale, k.mT)
    return softmax(scores if mask is None else scores + mask, -1)


def _for_each_query_head(function: str, q: Tensor, x: Tensor) -> Tensor:
    """Keys or values with the heads of the queries."""
    heads, own = (t.shape[-3] if t.ndim > 2 else 1 for t in (q, x))
    if not own or heads % own:
        raise ShapeError(
            f"{function}: Number of heads in key and value must divide the number of heads in query, found "
            f"{own} and {heads}"
        )
    return x if heads == own else repeat_interleave(x, heads // own, -3)


def _check_sizes(function: str, q: Tensor, k: Tensor, v: Tensor) -> None:
    fits = q.shape[-1] == k.shape[-1] and k.shape[-2] == v.shape[-2]
    try:
        common_shape(function, q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except ShapeError:
        fits = False
    if not fits:
        raise ShapeError(
            f"{function}: expected query (..., L, E), key (..., S, E) and value (..., S, F), found "
            f"{q.array.shape}, {k.array.shape} and {v.array.shape}"
        )


def _as_bias(function: str, mask: Tensor, q: Tensor) -> Tensor:
    """A mask of numbers or booleans as what is added to the scores."""
    if mask.array.dtype == bool:
        return where(mask, zeros((), dtype=q.dtype), -math.inf)
    if mask.dtype == q.dtype:
        return mask
    if mask.array.dtype == np.float32:
        return cast(mask, dtype=q.array.dtype)
    raise DtypeError(
        f"{function}: Expected attn_mask dtype to be bool or float or to match query dtype, but got "
        f"{mask.dtype} and {q.dtype}"
    )


def _causal(rows: int, columns: int, dtype) -> Tensor:
    """-infinity above the diagonal, where j > i; else 0."""
    later = np.arange(columns) > np.arange(rows)[:, None]
    return from_array(np.where(later, -math.inf, 0.0).astype(np.dtype(dtype)))


# ------------------------------------------------------------------------------ several heads


def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    static_k: Tensor | None = None,
    static_v: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    r"""Attention in several heads; :class:`nn.MultiheadAttention` calls it.

    Each head attends with its own part of the projections :math:`W_q q`, :math:`W_k k`, :math:`W_v v`; the
    results are concatenated and projected once more.

    Args:
        query: (L, N, E) or (L, E).
        key, value: (S, N, ·) or (S, ·).
        embed_dim_to_check: E.
        num_heads: H, a divisor of E.
        in_proj_weight, in_proj_bias: the three projections, one below another: (3E, E) and (3E,).
        bias_k, bias_v: (1, 1, E); one more key and value for all.
        add_zero_attn: one more key and value of zeros.
        dropout_p: the probability that a weight is zeroed, with ``training``.
        out_proj_weight, out_proj_bias: (E, E) and (E,).
        key_padding_mask: (N, S) or (S,), True for keys that take no part; or numbers that are added.
        need_weights: return the weights.
        attn_mask: (L, S) or (N H, L, S), True where j takes no part; or numbers that are added.
        use_separate_proj_weight: take ``q_proj_weight``, ``k_proj_weight`` and ``v_proj_weight`` instead.
        static_k, static_v: projected keys and values, (N H, S, E/H), to use instead.
        average_attn_weights: return the mean of the weights of all heads.
        is_causal: a hint that ``attn_mask`` is the causal one.

    Returns:
        The result, (L, N, E), and the weights, (N, L, S) or (N, H, L, S), or None; without N as the query.

    Raises:
        AttentionError, ShapeError: sizes that do not fit.
        RuntimeError: is_causal without attn_mask.

    >>> import cnn_physics77 as torch
    >>> x, eye = torch.ones(2, 1, 4), torch.eye(4)
    >>> F = torch.nn.functional
    >>> y, w = F.multi_head_attention_forward(
    ...     x, x, x, 4, 2, torch.cat([eye] * 3), None, None, None, False, 0.0, eye, None
    ... )
    >>> y.shape, w
    (torch.Size([2, 1, 4]), tensor([[[0.5000, 0.5000],
             [0.5000, 0.5000]]]))
    """
    name = "multi_head_attention_forward"
    _check_inputs(name, query, key, value, key_padding_mask, attn_mask, embed_dim_to_check, num_heads)
    if is_causal and attn_mask is None:
        raise RuntimeError(
            f"{name}: Need attn_mask if specifying the is_causal hint; see "
            "nn.Transformer.generate_square_subsequent_mask"
        )
    single = query.ndim == 2
    if single:
        query, key, value = _each(query, key, value, lambda t: t.unsqueeze(1))
        key_padding_mask = None if key_padding_mask is None else key_padding_mask.unsqueeze(0)
    weights: tuple[Tensor | None, ...] = (in_proj_weight,)
    if use_separate_proj_weight:
        weights = (q_proj_weight, k_proj_weight, v_proj_weight)
    q, k, v = _projected(name, query, key, value, weights, in_proj_bias)
    length, batch, size = query.shape[0], query.shape[1], embed_dim_to_check
    if key_padding_mask is not None and attn_mask is not None:
        _warn_of_mismatch(key_padding_mask, attn_mask)
    mask = None if attn_mask is None else excluding(name, "attn_mask", attn_mask, query.dtype)
    padding = None
    if key_padding_mask is not None:
        padding = excluding(name, "key_padding_mask", key_padding_mask, query.dtype)
    causal = is_causal and padding is None and not need_weights
    if causal:
        mask = None
    if bias_k is not None and bias_v is not None:
        k, v = (cat([t, b.expand((1, batch, size))]) for t, b in ((k, bias_k), (v, bias_v)))
        mask, padding = _one_more(mask), _one_more(padding)

    def in_heads(x: Tensor) -> Tensor:  # (T, N, E) as (N, H, T, E/H)
        return x.reshape((x.shape[0], batch, num_heads, size // num_heads)).permute((1, 2, 0, 3))

    q = in_heads(q)
    k = in_heads(k) if static_k is None else _static(name, "static_k", static_k, q)
    v = in_heads(v) if static_v is None else _static(name, "static_v", static_v, q)
    if add_zero_attn:
        k, v = (pad(t, (0, 0, 0, 1)) for t in (k, v))
        mask, padding = _one_more(mask), _one_more(padding)
    if mask is not None:
        _check_mask(name, mask, batch * num_heads, length, k.shape[2])
        mask = mask.reshape((batch, num_heads, length, k.shape[2])) if mask.ndim == 3 else mask
    if padding is not None:
        padding = padding.reshape((batch, 1, 1, k.shape[2]))
        mask = padding if mask is None else mask + padding
    dropout_p = dropout_p if training else 0.0
    p = None
    if need_weights:
        p = dropout(_weights(q, k, mask, _scale(q)), dropout_p)
        y = matmul(p, v)
        p = p.mean(1) if average_attn_weights else p
    else:
        y = scaled_dot_product_attention(q, k, v, mask, dropout_p, causal)
    y = linear(y.permute((2, 0, 1, 3)).reshape((length, batch, size)), out_proj_weight, out_proj_bias)
    if single:
        y, p = y.squeeze(1), None if p is None else p.squeeze(0)
    return y, p


def _each(query: Tensor, key: Tensor, value: Tensor, function) -> tuple[Tensor, Tensor, Tensor]:
    """The function of all three; what is one tensor stays one."""
    of_query = function(query)
    of_key = of_query if key is query else function(key)
    of_value = of_query if value is query else of_key if value is key else function(value)
    return of_query, of_key, of_value


def _projected(function: str, query, key, value, weights, bias: Tensor | None) -> tuple[Tensor, ...]:
    """q, k, v, each (T, N, E): one product where they are of one tensor."""
    if any(w is None for w in weights):
        names = "in_proj_weight" if len(weights) == 1 else "q_proj_weight, k_proj_weight and v_proj_weight"
        raise AttentionError(f"{function}: expected {names}, found None")
    if len(weights) == 1 and query is key and key is value:
        return chunk(linear(query, weights[0], bias), 3, -1)
    biases = (None,) * 3 if bias is None else chunk(bias, 3)
    if len(weights) == 1:
        weights = chunk(weights[0], 3)
    return tuple(linear(x, w, b) for x, w, b in zip((query, key, value), weights, biases))


def excluding(function: str, name: str, mask: Tensor, dtype) -> Tensor:
    """A mask whose True excludes, or of numbers, as what is added to the scores."""
    if mask.array.dtype == bool:
        return where(mask, -math.inf, zeros((), dtype=dtype))
    if mask.array.dtype.kind != "f":
        raise AttentionError(
            f"{function}: only bool and floating types of {name} are supported, found {mask.dtype}"
        )
    return mask if mask.dtype == dtype else cast(mask, dtype=np.dtype(dtype))


def _one_more(mask: Tensor | None) -> Tensor | None:
    """With one more key, that takes part."""
    return None if mask is None else pad(mask, (0, 1))


def _static(function: str, name: str, given: Tensor, q: Tensor) -> Tensor:
    batch, heads, _, size = q.shape
    if given.ndim != 3 or given.shape[0] != batch * heads or given.shape[2] != size:
        raise AttentionError(
            f"{function}: expecting {name} of shape ({batch * heads}, S, {size}), found {given.array.shape}"
        )
    return given.reshape((batch, heads, given.shape[1], size))


def _warn_of_mismatch(key_padding_mask: Tensor, attn_mask: Tensor) -> None:
    if key_padding_mask.dtype != attn_mask.dtype:
        warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type for both "
            "instead."
        )


def _check_inputs(function, query, key, value, key_padding_mask, attn_mask, size, heads) -> None:
    check_tensors(function, query, key, value, kinds="f")
    dimensions = query.ndim
    if dimensions not in (2, 3):
        raise AttentionError(
            f"{function}: query should be unbatched 2D or batched 3D tensor but received {dimensions}-D "
            "query tensor"
        )
    if not key.ndim == value.ndim == dimensions:
        raise AttentionError(
            f"{function}: For a {dimensions}-D query, expected key and value to be {dimensions}-D but found "
            f"{key.ndim}-D and {value.ndim}-D tensors respectively"
        )
    if key_padding_mask is not None and key_padding_mask.ndim != dimensions - 1:
        raise AttentionError(
            f"{function}: For a {dimensions}-D query, expected key_padding_mask to be None or "
            f"{dimensions - 1}-D but found {key_padding_mask.ndim}-D tensor instead"
        )
    if attn_mask is not None and attn_mask.ndim not in (2, 3):
        raise AttentionError(
            f"{function}: expected attn_mask to be None, 2-D or 3-D but found {attn_mask.ndim}-D tensor "
            "instead"
        )
    if query.shape[-1] != size or size % heads:
        raise AttentionError(
            f"{function}: was expecting embedding dimension of {size}, divisible by num_heads = {heads}, but "
            f"got {query.shape[-1]}"
        )
    if key.shape[:-1] != value.shape[:-1]:
        raise AttentionError(
            f"{function}: key shape {key.array.shape} does not match value shape {value.array.shape}"
        )
    if key_padding_mask is not None and key_padding_mask.shape != key.shape[-2::-1]:
        raise AttentionError(
            f"{function}: Expected key_padding_mask of shape {key.array.shape[-2::-1]}, but got "
            f"{key_padding_mask.array.shape}"
        )


def _check_mask(function: str, mask: Tensor, heads: int, length: int, keys: int) -> None:
    expected = (length, keys) if mask.ndim == 2 else (heads, length, keys)
    if mask.shape != expected:
        raise ShapeError(
            f"{function}: The shape of the {mask.ndim}D attn_mask is {mask.array.shape}, but should be "
            f"{expected}."
        )


__all__ = ["multi_head_attention_forward", "scaled_dot_product_attention"]
complete_late(__name__)

"""Attention in several heads."""

from __future__ import annotations

from cnn_physics77.core import init
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.linear import Linear
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter, empty_parameter
from cnn_physics77.core.operations.nn.attention import AttentionError, multi_head_attention_forward
from cnn_physics77.core.tensor import Tensor


class NonDynamicallyQuantizableLinear(Linear):
    """A :class:`Linear`; the name is PyTorch's for that of an attention."""


class MultiheadAttention(Module):
    r"""Attention in several heads (Vaswani et al. 2017): see
    :func:`nn.functional.multi_head_attention_forward`.

    Args:
        embed_dim: E, the size of queries and results.
        num_heads: a divisor of E; each head has the size E/num_heads.
        dropout: the probability that a weight is zeroed, in training.
        bias: whether the projections have biases.
        add_bias_kv: whether there are a key and a value that are learned, for all queries.
        add_zero_attn: whether there are a key and a value of zeros, for all queries.
        kdim, vdim: the sizes of keys and values; None for E.
        batch_first: query, key, value and result are (N, ·, E) instead of (·, N, E).

    Attributes:
        in_proj_weight: W_q, W_k and W_v, one below another, (3E, E); None if kdim or vdim is not E, with
            q_proj_weight (E, E), k_proj_weight (E, kdim) and v_proj_weight (E, vdim) instead.
        in_proj_bias: (3E,), initially 0, or None.
        out_proj: the layer that projects the result.
        bias_k, bias_v: (1, 1, E), or None.

    ``forward(query, key, value, key_padding_mask=None, need_weights=True, attn_mask=None,
    average_attn_weights=True, is_causal=False)`` returns the result and the weights. True in a mask excludes.

    Raises:
        AttentionError, ShapeError: sizes that do not fit.

    >>> import cnn_physics77 as torch
    >>> attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
    >>> x = torch.zeros(3, 5, 8)
    >>> y, weights = attention(x, x, x)
    >>> y.shape, weights.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 5, 5]))
    """

    in_proj_weight: Parameter | None
    in_proj_bias: Parameter | None
    q_proj_weight: Parameter | None
    k_proj_weight: Parameter | None
    v_proj_weight: Parameter | None
    bias_k: Parameter | None
    bias_v: Parameter | None

    def __init__(
        self,
        embed_dim,
        num_heads,
        dropout=0.0,
        bias=True,
        add_bias_kv=False,
        add_zero_attn=False,
        kdim=None,
        vdim=None,
        batch_first=False,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        if embed_dim <= 0 or num_heads <= 0:
            raise ShapeError(
                "MultiheadAttention: embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AttentionError(
                f"MultiheadAttention: embed_dim must be divisible by num_heads, found {embed_dim} and "
                f"{num_heads}"
            )
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self._qkv_same_embed_dim = self.kdim == self.vdim == embed_dim
        self.num_heads = num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        same = self._qkv_same_embed_dim
        shapes = {
            "q_proj_weight": None if same else (embed_dim, embed_dim),
            "k_proj_weight": None if same else (embed_dim, self.kdim),
            "v_proj_weight": None if same else (embed_dim, self.vdim),
            "in_proj_weight": (3 * embed_dim, embed_dim) if same else None,
            "in_proj_bias": (3 * embed_dim,) if bias else None,
        }
        for name, shape in shapes.items():
            made = None if shape is None else empty_parameter(*shape, device=device, dtype=dtype)
            self.register_parameter(name, made)
        self.out_proj = NonDynamicallyQuantizableLinear(
            embed_dim, embed_dim, bias=bias, device=device, dtype=dtype
        )
        self.bias_k = self.bias_v = None
        if add_bias_kv:
            self.bias_k = empty_parameter(1, 1, embed_dim, device=device, dtype=dtype)
            self.bias_v = empty_parameter(1, 1, embed_dim, device=device, dtype=dtype)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        """Draw new values of the projections before the heads; zero the biases."""
        weights = (self.in_proj_weight, self.q_proj_weight, self.k_proj_weight, self.v_proj_weight)
        for weight in weights:
            if weight is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for one in (self.bias_k, self.bias_v):
            if one is not None:
                init.xavier_normal_(one)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        turned = self.batch_first and query.ndim == 3 and key.ndim == 3 and value.ndim == 3
        if turned:  # what is one tensor stays one, so that one product projects it
            given = {id(t): t.transpose(0, 1) for t in (query, key, value)}
            query, key, value = (given[id(t)] for t in (query, key, value))
        y, weights = multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            training=self.training,
            key_padding_mask=key_padding_mask,
            need_weights=need_weights,
            attn_mask=attn_mask,
            use_separate_proj_weight=not self._qkv_same_embed_dim,
            q_proj_weight=self.q_proj_weight,
            k_proj_weight=self.k_proj_weight,
            v_proj_weight=self.v_proj_weight,
            average_attn_weights=average_attn_weights,
            is_causal=is_causal,
        )
        return (y.transpose(0, 1) if turned else y), weights


__all__ = ["MultiheadAttention", "NonDynamicallyQuantizableLinear"]

"""The Transformer (A. Vaswani et al., arXiv:1706.03762): layers of attention and a small dense network."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.backend.device import check_device
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.attention import MultiheadAttention
from cnn_physics77.core.layers.containers import ModuleList
from cnn_physics77.core.layers.dropout import Dropout
from cnn_physics77.core.layers.linear import Linear
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.normalization import LayerNorm
from cnn_physics77.core.operations.nn.attention import excluding
from cnn_physics77.core.tensor import Tensor

Activation = str | Callable[[Tensor], Tensor]


def _get_activation_fn(activation: Activation) -> Callable[[Tensor], Tensor]:
    if not isinstance(activation, str):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}; or give a function")
    return F.relu if activation == "relu" else F.gelu


def _get_clones(module: Module, N: int) -> ModuleList:
    return ModuleList([copy.deepcopy(module) for _ in range(N)])


def _mask(name: str, mask: Tensor | None, like: Tensor) -> Tensor | None:
    """A mask as numbers, so that masks of both kinds can be given."""
    return None if mask is None else excluding("Transformer", name, mask, like.dtype)


class _Layer(Module):
    """What the layers of encoder and decoder share: attention and the dense network, with residuals."""

    _attentions: tuple[str, ...]
    self_attn: MultiheadAttention
    dropout1: Dropout
    dropout2: Dropout
    dropout3: Dropout

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        of_all = {"device": device, "dtype": dtype}
        for name in self._attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout=dropout, bias=bias, batch_first=batch_first, **of_all
            )
            setattr(self, name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias=bias, **of_all)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias=bias, **of_all)
        self.norm_first = norm_first
        parts = range(1, len(self._attentions) + 2)
        for part in parts:
            setattr(self, f"norm{part}", LayerNorm(d_model, eps=layer_norm_eps, bias=bias, **of_all))
        for part in parts:
            setattr(self, f"dropout{part}", Dropout(dropout))
        self.activation = _get_activation_fn(activation)

    def _with_residual(self, part: int, x: Tensor, function: Callable[[Tensor], Tensor]) -> Tensor:
        """x + f(norm(x)) or norm(x + f(x)), of the part with this number."""
        norm = getattr(self, f"norm{part}")
        return x + function(norm(x)) if self.norm_first else norm(x + function(x))

    # The parts of ``forward`` have PyTorch's names: a subclass may replace one.

    def _sa_block(self, x: Tensor, attn_mask, key_padding_mask, is_causal: bool = False) -> Tensor:
        y = self.self_attn(x, x, x, key_padding_mask, False, attn_mask, is_causal=is_causal)[0]
        return self.dropout1(y)

    def _dense(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(self.activation(self.linear1(x))))


class TransformerEncoderLayer(_Layer):
    """Attention of a sequence to itself, then a dense network for each element, each with a residual.

    Args:
        d_model: E, the size of an element.
        nhead: the number of heads.
        dim_feedforward: the size in the middle of the dense network.
        dropout: the probability of a zero, in training.
        activation: of the dense network: ``"relu"``, ``"gelu"`` or a function.
        layer_norm_eps: ε of the normalizations.
        batch_first: (N, T, E) instead of (T, N, E).
        norm_first: x + f(norm(x)) instead of norm(x + f(x)).
        bias: whether layers and normalizations have biases.

    ``forward(src, src_mask=None, src_key_padding_mask=None, is_causal=False)``; the masks are those of
    :class:`MultiheadAttention`.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True)
    >>> layer(torch.zeros(3, 5, 8)).shape
    torch.Size([3, 5, 8])
    """

    _attentions = ("self_attn",)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        mask = _mask("src_mask", src_mask, src)
        padding = _mask("src_key_padding_mask", src_key_padding_mask, src)

        def attend(x: Tensor) -> Tensor:
            return self._sa_block(x, mask, padding, is_causal=is_causal)

        return self._with_residual(2, self._with_residual(1, src, attend), self._ff_block)

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout2(self._dense(x))


class TransformerDecoderLayer(_Layer):
    """Attention of a sequence to itself, then to another one, then a dense network for each element.

    The arguments are those of :class:`TransformerEncoderLayer`. ``forward(tgt, memory, tgt_mask=None,
    memory_mask=None, tgt_key_padding_mask=None, memory_key_padding_mask=None, tgt_is_causal=False,
    memory_is_causal=False)``.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.TransformerDecoderLayer(8, 2, 16)
    >>> layer(torch.zeros(4, 3, 8), torch.zeros(5, 3, 8)).shape
    torch.Size([4, 3, 8])
    """

    _attentions = ("self_attn", "multihead_attn")
    multihead_attn: MultiheadAttention

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        mask, across = _mask("tgt_mask", tgt_mask, tgt), _mask("memory_mask", memory_mask, tgt)
        padding = _mask("tgt_key_padding_mask", tgt_key_padding_mask, tgt)
        of_memory = _mask("memory_key_padding_mask", memory_key_padding_mask, tgt)

        def attend(x: Tensor) -> Tensor:
            return self._sa_block(x, mask, padding, tgt_is_causal)

        def attend_to_memory(x: Tensor) -> Tensor:
            return self._mha_block(x, memory, across, of_memory, memory_is_causal)

        x = self._with_residual(1, tgt, attend)
        return self._with_residual(3, self._with_residual(2, x, attend_to_memory), self._ff_block)

    def _mha_block(
        self, x: Tensor, mem: Tensor, attn_mask, key_padding_mask, is_causal: bool = False
    ) -> Tensor:
        y = self.multihead_attn(x, mem, mem, key_padding_mask, False, attn_mask, is_causal=is_causal)[0]
        return self.dropout2(y)

    def _ff_block(self, x: Tensor) -> Tensor:
        return self.dropout3(self._dense(x))


class TransformerEncoder(Module):
    """Copies of an encoder layer, one after another.

    Args:
        encoder_layer: the layer; it is copied with its values.
        num_layers: the number of copies.
        norm: a normalization of the result.
        enable_nested_tensor, mask_check: of PyTorch's shortcut for evaluation; not used. With it, the results
            of padded elements are zeros there.

    ``forward(src, mask=None, src_key_padding_mask=None, is_causal=None)``.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.TransformerEncoderLayer(8, 2, 16)
    >>> torch.nn.TransformerEncoder(layer, 3)(torch.zeros(5, 2, 8)).shape
    torch.Size([5, 2, 8])
    """

    def __init__(
        self,
        encoder_layer: TransformerEncoderLayer,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__()
        self.layers = _get_clones(encoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        mask, padding = _mask("mask", mask, src), _mask("src_key_padding_mask", src_key_padding_mask, src)
        causal = mask is not None and bool(is_causal)
        for layer in self.layers:
            src = layer(src, src_mask=mask, src_key_padding_mask=padding, is_causal=causal)
        return src if self.norm is None else self.norm(src)


class TransformerDecoder(Module):
    """Copies of a decoder layer, one after another. See :class:`TransformerEncoder`.

    ``forward(tgt, memory, tgt_mask=None, memory_mask=None, tgt_key_padding_mask=None,
    memory_key_padding_mask=None, tgt_is_causal=None, memory_is_causal=False)``.
    """

    def __init__(
        self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None
    ) -> None:
        super().__init__()
        self.layers = _get_clones(decoder_layer, num_layers)
        self.num_layers = num_layers
        self.norm = norm

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        for layer in self.layers:
            tgt = layer(
                tgt,
                memory,
                tgt_mask=tgt_mask,
                memory_mask=memory_mask,
                tgt_key_padding_mask=tgt_key_padding_mask,
                memory_key_padding_mask=memory_key_padding_mask,
                tgt_is_causal=tgt_mask is not None and bool(tgt_is_causal),
                memory_is_causal=memory_is_causal,
            )
        return tgt if self.norm is None else self.norm(tgt)


class Transformer(Module):
    """An encoder of one sequence, and a decoder of another one that attends to it.

    Args:
        d_model, nhead: the size of an element, and the number of heads.
        num_encoder_layers, num_decoder_layers: the numbers of layers.
        custom_encoder, custom_decoder: modules to use instead.

    The other arguments are those of :class:`TransformerEncoderLayer`. All matrices are drawn by
    ``init.xavier_uniform_``.

    ``forward(src, tgt, src_mask=None, tgt_mask=None, memory_mask=None, src_key_padding_mask=None,
    tgt_key_padding_mask=None, memory_key_padding_mask=None, src_is_causal=None, tgt_is_causal=None,
    memory_is_causal=False)``.

    Shapes: src (S, N, E), tgt and the result (T, N, E); (N, ·, E) with batch_first; or without N.

    Raises:
        ShapeError: the batches of src and tgt differ, or their elements do not have d_model numbers.

    >>> import cnn_physics77 as torch
    >>> model = torch.nn.Transformer(8, 2, 1, 1, 16)
    >>> mask = model.generate_square_subsequent_mask(4)
    >>> model(torch.zeros(5, 3, 8), torch.zeros(4, 3, 8), tgt_mask=mask).shape
    torch.Size([4, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = F.relu,
        custom_encoder: Any | None = None,
        custom_decoder: Any | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        given = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first,
            bias, device, dtype,
        )  # fmt: skip

        def norm() -> LayerNorm:
            return LayerNorm(d_model, eps=layer_norm_eps, bias=bias, device=device, dtype=dtype)

        if custom_encoder is None:
            custom_encoder = TransformerEncoder(TransformerEncoderLayer(*given), num_encoder_layers, norm())
        if custom_decoder is None:
            custom_decoder = TransformerDecoder(TransformerDecoderLayer(*given), num_decoder_layers, norm())
        self.encoder = custom_encoder
        self.decoder = custom_decoder
        self._reset_parameters()
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def _reset_parameters(self) -> None:
        for parameter in self.parameters():
            if parameter.ndim > 1:
                init.xavier_uniform_(parameter)

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        batch = 0 if self.batch_first else 1
        if src.ndim == 3 and src.shape[batch] != tgt.shape[batch]:
            raise ShapeError(
                "Transformer: the batch number of src and tgt must be equal, found shapes "
                f"{src.array.shape} and {tgt.array.shape}"
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise ShapeError(
                "Transformer: the feature number of src and tgt must be equal to d_model = "
                f"{self.d_model}, found shapes {src.array.shape} and {tgt.array.shape}"
            )
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        return self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )

    @staticmethod
    def generate_square_subsequent_mask(sz: int, device=None, dtype=None) -> Tensor:
        """The causal mask, (sz, sz): -inf above the diagonal, where an element is later; 0 elsewhere.

        >>> import cnn_physics77 as torch
        >>> torch.nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        check_device("generate_square_subsequent_mask", device)
        return F.triu(F.full((sz, sz), -math.inf, dtype=dtype), 1)


__all__ = [
    "Transformer",
    "TransformerDecoder",
    "TransformerDecoderLayer",
    "TransformerEncoder",
    "TransformerEncoderLayer",
]

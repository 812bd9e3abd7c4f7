"""``torchvision.models.vision_transformer``: a transformer of the squares of an image (A. Dosovitskiy et al.,
arXiv:2010.11929).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from math import sqrt
from typing import Any

from cnn_physics77 import nn
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.operations.creation.creation import empty, zeros
from cnn_physics77.core.operations.indexing.cat_split import cat
from cnn_physics77.core.tensor import Tensor
from cnn_physics77.vision.models._weights import maker


class MLPBlock(nn.Sequential):
    """Two linear layers with a GELU between them."""

    def __init__(self, in_dim: int, mlp_dim: int, dropout: float) -> None:
        super().__init__(
            *(nn.Linear(in_dim, mlp_dim), nn.GELU(), nn.Dropout(dropout)),
            *(nn.Linear(mlp_dim, in_dim), nn.Dropout(dropout)),
        )
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.normal_(module.bias, std=1e-6)


class EncoderBlock(nn.Module):
    """Attention and an :class:`MLPBlock`, each of normalized inputs, and the input added to each."""

    def __init__(
        self, num_heads: int, hidden_dim: int, mlp_dim: int, dropout: float, attention_dropout: float
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.ln_1 = nn.LayerNorm(hidden_dim, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(
            hidden_dim, num_heads, dropout=attention_dropout, batch_first=True
        )
        self.dropout = nn.Dropout(dropout)
        self.ln_2 = nn.LayerNorm(hidden_dim, eps=1e-6)
        self.mlp = MLPBlock(hidden_dim, mlp_dim, dropout)

    def forward(self, input: Tensor) -> Tensor:
        x = self.ln_1(input)
        x, _ = self.self_attention(x, x, x, need_weights=False)
        x = self.dropout(x) + input
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    """Places added to the inputs, blocks, and a normalization."""

    def __init__(
        self, seq_length: int, num_layers: int, hidden_dim: int, dropout: float, *block: Any
    ) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(empty(1, seq_length, hidden_dim).normal_(std=0.02))
        self.dropout = nn.Dropout(dropout)
        self.layers = nn.Sequential(
            OrderedDict((f"encoder_layer_{i}", EncoderBlock(*block)) for i in range(num_layers))
        )
        self.ln = nn.LayerNorm(hidden_dim, eps=1e-6)

    def forward(self, input: Tensor) -> Tensor:
        return self.ln(self.layers(self.dropout(input + self.pos_embedding)))


class VisionTransformer(nn.Module):
    """A linear map of each square of the image, a vector for the class before them, an encoder, and a linear
    layer of what it makes of that vector.

    Args:
        image_size, patch_size: of the image and of a square, in pixels.
        num_layers, num_heads, hidden_dim, mlp_dim: of the encoder.
        dropout, attention_dropout: probabilities of a zero.
        num_classes: the number of outputs.
    """

    def __init__(
        self,
        image_size: int,
        patch_size: int,
        num_layers: int,
        num_heads: int,
        hidden_dim: int,
        mlp_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        if image_size % patch_size:
            raise ShapeError(
                f"VisionTransformer: Input shape indivisible by patch size: {image_size} and {patch_size}"
            )
        self.image_size, self.patch_size, self.hidden_dim = image_size, patch_size, hidden_dim
        self.conv_proj = nn.Conv2d(3, hidden_dim, kernel_size=patch_size, stride=patch_size)
        self.class_token = nn.Parameter(zeros(1, 1, hidden_dim))
        block = num_heads, hidden_dim, mlp_dim, dropout, attention_dropout
        length = (image_size // patch_size) ** 2 + 1
        self.encoder = Encoder(length, num_layers, hidden_dim, dropout, *block)
        head = nn.Linear(hidden_dim, num_classes)
        self.heads = nn.Sequential(OrderedDict(head=head))
        nn.init.trunc_normal_(self.conv_proj.weight, std=sqrt(1 / (3 * patch_size**2)))
        for zero in (self.conv_proj.bias, head.weight, head.bias):
            nn.init.zeros_(zero)

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or tuple(x.shape[2:]) != (self.image_size,) * 2:
            raise ShapeError(
                f"VisionTransformer: expected images of {self.image_size} by {self.image_size}, found shape "
                f"{tuple(x.shape)}; resize them, or give image_size"
            )
        squares = self.conv_proj(x).flatten(2).permute(0, 2, 1)
        x = cat((self.class_token.expand((len(x), -1, -1)), squares), 1)
        return self.heads(self.encoder(x)[:, 0])


def _vit(name: str, patch: int, layers: int, heads: int, hidden: int, mlp: int) -> Callable[..., Any]:
    def make(image_size: int = 224, **settings: Any) -> VisionTransformer:
        return VisionTransformer(image_size, patch, layers, heads, hidden, mlp, **settings)

    return maker(name, f"{name}: a :class:`VisionTransformer` of squares of {patch} pixels.", make)


vit_b_16 = _vit("vit_b_16", 16, 12, 12, 768, 3072)
vit_b_32 = _vit("vit_b_32", 32, 12, 12, 768, 3072)
vit_l_16 = _vit("vit_l_16", 16, 24, 16, 1024, 4096)
vit_l_32 = _vit("vit_l_32", 32, 24, 16, 1024, 4096)
vit_h_14 = _vit("vit_h_14", 14, 32, 16, 1280, 5120)

__all__ = ["VisionTransformer", "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32"]

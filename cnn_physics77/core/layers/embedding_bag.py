"""Bags of embeddings, as a layer."""

from __future__ import annotations

from cnn_physics77.core.layers.embedding import Table
from cnn_physics77.core.operations.nn.embedding_bag import embedding_bag
from cnn_physics77.core.tensor import Tensor


class EmbeddingBag(Table):
    """The sum, mean or maximum of the rows of a table in each bag of indices: see
    :func:`nn.functional.embedding_bag`.

    ``forward(input, offsets=None, per_sample_weights=None)``.

    Args:
        num_embeddings, embedding_dim: the shape of the table ``weight``, drawn from N(0, 1).
        max_norm, norm_type, scale_grad_by_freq, sparse: as for :class:`Embedding`.
        mode: ``"sum"``, ``"mean"`` or ``"max"``.
        include_last_offset: whether the last offset is the end of the last bag.
        padding_idx: the index of a row that is initially zero and counts as absent.

    Raises:
        ShapeError: padding_idx is out of range, or a given table has another shape.

    >>> import cnn_physics77 as torch
    >>> torch.nn.EmbeddingBag(10, 3, mode="sum")(torch.tensor([[1, 2, 4], [4, 3, 9]])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse,
            _weight, device=device, dtype=dtype,
        )  # fmt: skip
        self.mode = mode
        self.include_last_offset = include_last_offset

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        text += f", mode={self.mode!r}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        return text

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
    ) -> EmbeddingBag:
        """A layer that shares the memory of a given table (num_embeddings, embedding_dim).

        Args:
            freeze: make the table a constant.

        The other arguments are those of the constructor.
        """
        layer = cls(
            *cls._sizes(embeddings),
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            mode=mode,
            sparse=sparse,
            _weight=embeddings,
            include_last_offset=include_last_offset,
            padding_idx=padding_idx,
        )
        layer.weight.requires_grad_(not freeze)
        return layer


__all__ = ["EmbeddingBag"]

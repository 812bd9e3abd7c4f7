"""Embedding: a table of vectors, looked up by index."""

from __future__ import annotations

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter, empty_parameter
from cnn_physics77.core.tensor import Tensor


class Embedding(Module):
    """Looks up row i of a table of ``num_embeddings`` vectors for every index i of the input.

    See :func:`nn.functional.embedding`.

    Args:
        num_embeddings, embedding_dim: the shape of the table ``weight``, drawn from N(0, 1).
        padding_idx: the index of a row that is initially zero and gets no gradient.
        max_norm: rows with a larger norm are scaled to it, in place, when they are looked up.
        norm_type: p of this p-norm.
        scale_grad_by_freq: divide the gradient of each row by the number of its look-ups.
        sparse: accepted for PyTorch's sake; gradients are dense.

    Shapes: input (...) of integers, output (..., embedding_dim).

    Raises:
        ShapeError: padding_idx is out of range, or a given table has another shape.

    >>> import cnn_physics77 as torch
    >>> torch.nn.Embedding(10, 3)(torch.tensor([[1, 2], [9, 1]])).shape
    torch.Size([2, 2, 3])
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ShapeError(
                    f"Embedding: padding_idx must be within num_embeddings ({num_embeddings}), "
                    f"found {padding_idx}"
                )
            padding_idx %= num_embeddings
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.padding_idx = padding_idx
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse
        if _weight is None:
            self.weight = empty_parameter(num_embeddings, embedding_dim, device=device, dtype=dtype)
            self.weight.requires_grad_(not _freeze)
            self.reset_parameters()
        else:
            if _weight.shape != (num_embeddings, embedding_dim):
                raise ShapeError(
                    f"Embedding: expected a weight of shape {(num_embeddings, embedding_dim)}, "
                    f"found {_weight.array.shape}"
                )
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw a new table."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.array[self.padding_idx] = 0

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    def extra_repr(self) -> str:
        text = f"{self.num_embeddings}, {self.embedding_dim}"
        if self.padding_idx is not None:
            text += f", padding_idx={self.padding_idx}"
        if self.max_norm is not None:
            text += f", max_norm={self.max_norm}"
        if self.norm_type != 2:
            text += f", norm_type={self.norm_type}"
        if self.scale_grad_by_freq:
            text += f", scale_grad_by_freq={self.scale_grad_by_freq}"
        if self.sparse:
            text += ", sparse=True"
        return text

    @classmethod
    def from_pretrained(
        cls,
        embeddings: Tensor,
        freeze: bool = True,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
    ) -> Embedding:
        """A layer that shares the memory of a given table (num_embeddings, embedding_dim).

        Args:
            freeze: make the table a constant.

        The other arguments are those of the constructor.
        """
        if embeddings.ndim != 2:
            raise ShapeError(
                f"Embedding.from_pretrained: expected a table of 2 dimensions, found {embeddings.array.shape}"
            )
        rows, size = embeddings.shape
        return cls(
            rows,
            size,
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )


__all__ = ["Embedding"]

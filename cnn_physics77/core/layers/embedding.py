"""Embedding: a table of vectors, looked up by index."""

from __future__ import annotations

from cnn_physics77.core import init
from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.layers.parameter import Parameter, empty_parameter
from cnn_physics77.core.tensor import Tensor


class Table(Module):
    """What the layers share that look up rows of a table: the table, the row of an index for nothing, and
    how rows are limited and their gradients made."""

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
        name, shape = type(self).__name__, (num_embeddings, embedding_dim)
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ShapeError(
                    f"{name}: padding_idx must be within num_embeddings ({num_embeddings}), found "
                    f"{padding_idx}"
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
            self.weight = empty_parameter(*shape, device=device, dtype=dtype)
            self.weight.requires_grad_(not _freeze)
            self.reset_parameters()
        else:
            if _weight.shape != shape:
                raise ShapeError(f"{name}: expected a weight of shape {shape}, found {_weight.array.shape}")
            self.weight = Parameter(_weight, requires_grad=not _freeze)

    def reset_parameters(self) -> None:
        """Draw a new table."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            self.weight.array[self.padding_idx] = 0

    @classmethod
    def _sizes(cls, embeddings: Tensor) -> tuple[int, int]:
        """The numbers of rows and columns of a given table."""
        if embeddings.ndim != 2:
            raise ShapeError(
                f"{cls.__name__}.from_pretrained: expected a table of 2 dimensions, found "
                f"{embeddings.array.shape}"
            )
        rows, columns = embeddings.shape
        return rows, columns


class Embedding(Table):
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
        return cls(
            *cls._sizes(embeddings),
            padding_idx=padding_idx,
            max_norm=max_norm,
            norm_type=norm_type,
            scale_grad_by_freq=scale_grad_by_freq,
            sparse=sparse,
            _weight=embeddings,
            _freeze=freeze,
        )


__all__ = ["Embedding"]

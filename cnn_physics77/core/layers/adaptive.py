"""A softmax over very many classes, most of which are rare."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from cnn_physics77.core import operations as F
from cnn_physics77.core.errors import ShapeError
from cnn_physics77.core.layers.containers import ModuleList, Sequential
from cnn_physics77.core.layers.linear import Linear
from cnn_physics77.core.layers.module import Module
from cnn_physics77.core.tensor import Tensor, from_array


class _ASMoutput(NamedTuple):
    """What :class:`AdaptiveLogSoftmaxWithLoss` returns."""

    output: Tensor
    loss: Tensor


class AdaptiveLogSoftmaxWithLoss(Module):
    r"""The log-softmax of classes that are sorted by frequency (E. Grave et al., arXiv:1609.04309).

    The *head* scores the frequent classes, and clusters of the others. Each cluster has a *tail*, which
    scores the classes in it, and is computed only for targets in it:

    .. math:: \log p(t) = \log p_{head}(c_t) + \log p_{tail_c}(t)

    Args:
        in_features: the size of the input.
        n_classes: how many classes; 0 is the most frequent.
        cutoffs: where the clusters begin, ascending, from 1 to n_classes - 1.
        div_value: the tail of cluster i first projects to ``in_features // div_value ** (i + 1)`` features.
        head_bias: whether the head has a bias.

    ``forward(input, target)``, (N, in_features) and (N,), or (in_features,) and (), returns a named tuple of
    ``output``, the log-probability of each target, and ``loss``, the mean of their negatives.

    Raises:
        ValueError: cutoffs that are no ascending classes.
        ShapeError: sizes that do not fit, or a target that is no class.

    >>> import cnn_physics77 as torch
    >>> layer = torch.nn.AdaptiveLogSoftmaxWithLoss(16, 1000, cutoffs=[10, 100])
    >>> layer(torch.randn(4, 16), torch.tensor([3, 50, 999, 0])).output.shape
    torch.Size([4])
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device=None,
        dtype=None,
    ) -> None:
        super().__init__()
        bounds = [0, *cutoffs, n_classes]
        if not len(cutoffs) or any(int(a) != a or a >= b for a, b in pairwise(bounds)):
            raise ValueError(
                "AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive integers "
                "sorted in an increasing order, where each value is between 1 and n_classes-1, found "
                f"{list(cutoffs)} with n_classes {n_classes}"
            )
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = bounds[1:]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = bounds[1]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, device=device, dtype=dtype)
        self.tail = ModuleList()
        for i, (start, stop) in enumerate(pairwise(bounds[1:])):
            hidden = int(in_features // div_value ** (i + 1))
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, device=device, dtype=dtype),
                    Linear(hidden, stop - start, bias=False, device=device, dtype=dtype),
                )
            )

    def reset_parameters(self) -> None:
        """Draw all weights again."""
        self.head.reset_parameters()
        for tail in self.tail:
            for layer in tail.children():
                layer.reset_parameters()  # they are Linear

    def forward(self, input_: Tensor, target_: Tensor) -> _ASMoutput:
        if target_.ndim > 1 or input_.ndim != target_.ndim + 1 or input_.shape[:-1] != target_.shape:
            raise ShapeError(
                "AdaptiveLogSoftmaxWithLoss: expected input (N, in_features) and target (N,), the same size "
                f"in the batch dimension, or (in_features,) and (), found {input_.array.shape} and "
                f"{target_.array.shape}; multi-target not supported"
            )
        if target_.ndim == 0:
            output, loss = self.forward(F.unsqueeze(input_, 0), F.unsqueeze(target_, 0))
            return _ASMoutput(F.squeeze(output, 0), loss)
        classes = target_.array
        if classes.size and not 0 <= classes.min() <= classes.max() < self.n_classes:
            raise ShapeError(
                f"AdaptiveLogSoftmaxWithLoss: Target values should be in [0, {self.n_classes - 1}], but "
                f"values in range [{classes.min()}, {classes.max()}] were found"
            )
        cluster = np.searchsorted(self.cutoffs[:-1], classes, side="right")
        in_head = np.where(cluster == 0, classes, self.shortlist_size + cluster - 1)
        output = _at(F.log_softmax(self.head(input_), 1), in_head)
        for i, tail in enumerate(self.tail):
            (rows,) = np.nonzero(cluster == i + 1)
            if rows.size:
                index = from_array(rows)
                inside = classes[rows] - self.cutoffs[i]
                log_p = _at(F.log_softmax(tail(F.index_select(input_, 0, index)), 1), inside)
                output = F.index_add(output, 0, index, log_p)
        return _ASMoutput(output, -output.mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes, (N, n_classes), for (N, in_features)."""
        head = F.log_softmax(self.head(input), 1)
        parts = [head[:, : self.shortlist_size]]
        for i, tail in enumerate(self.tail):
            place = self.shortlist_size + i
            parts.append(F.log_softmax(tail(input), 1) + head[:, place : place + 1])
        return F.cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row, (N,). The tails are computed only for rows of which the head
        finds a cluster most probable."""
        best = F.argmax(self.head(input), 1).array.copy()
        (rows,) = np.nonzero(best >= self.shortlist_size)
        if rows.size:
            best[rows] = F.argmax(self.log_prob(F.index_select(input, 0, from_array(rows))), 1).array
        return from_array(best)


def _at(log_p: Tensor, classes: np.ndarray) -> Tensor:
    return F.squeeze(F.gather(log_p, 1, from_array(classes.astype(np.int64)[:, None])), 1)


__all__ = ["AdaptiveLogSoftmaxWithLoss"]

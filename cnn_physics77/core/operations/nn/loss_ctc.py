r"""Connectionist temporal classification: the likelihood of a sequence of labels whose times are unknown.

The definitions are those of A. Graves, S. Fernández, F. Gomez and J. Schmidhuber (2006). A *path* has one
symbol for each time: a label or a blank. It stands for the labels that remain when repeated symbols become
one and blanks are left out. The likelihood of labels is the sum over all paths that stand for them, which
dynamic programming adds up: :math:`\alpha_t(s)` is the probability of all beginnings of paths up to time t
that have reached the symbol s of the labels with blanks around them, :math:`\beta_t(s)` that of all ends from
there. Everything is in logarithms.
"""

from __future__ import annotations

import numpy as np

from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels.scatter import add_along
from cnn_physics77.core.operations.base.arguments import check_tensors, reduction_of
from cnn_physics77.core.operations.base.double_backward import double_backward
from cnn_physics77.core.operations.base.operation import operation
from cnn_physics77.core.operations.base.precision import in_float32
from cnn_physics77.core.operations.indexing.cat_split import stack
from cnn_physics77.core.operations.indexing.gather_scatter import gather_along
from cnn_physics77.core.operations.indexing.pad import pad
from cnn_physics77.core.operations.indexing.shape import squeeze, unsqueeze
from cnn_physics77.core.operations.late import complete_late
from cnn_physics77.core.operations.nn.softmax import log_softmax
from cnn_physics77.core.operations.pointwise.where_clamp import where
from cnn_physics77.core.operations.reduction.sum_mean import logsumexp
from cnn_physics77.core.tensor import Tensor, from_array

# ------------------------------------------------------------------------------ the operation

# x (T, N, C) are log-probabilities; ``symbols`` (N, L), the labels with blanks around them, L = 2 S + 1;
# ``times`` (N,), how many times count; ``ends`` (N,), the last symbol of each sequence.


@operation(name="ctc")
def _ctc(x, symbols, times, ends, *, zero_infinity):
    """l_n = -log Σ over paths Π_t p"""
    losses = -_total(_beginnings(_emissions(x, symbols), symbols), times, ends)
    return np.where(losses == np.inf, x.dtype.type(0), losses) if zero_infinity else losses


@_ctc.derivative("x")
def _(g, x, symbols, times, ends, zero_infinity):
    return _ctc_gradient(g, x, symbols, times, ends, zero_infinity=zero_infinity)


@operation(name="ctc_gradient")
def _ctc_gradient(g, x, symbols, times, ends, *, zero_infinity):
    """x̄ = g (p - the probability of a symbol at a time, given the labels), for normalised x"""
    emissions = _emissions(x, symbols)
    before = _beginnings(emissions, symbols)
    after = _endings(emissions, symbols, times, ends)
    total = _total(before, times, ends)[:, None]
    there = np.exp(before + after - total)
    expected = np.zeros(x.shape, x.dtype, like=x)
    index = np.broadcast_to(symbols, there.shape)
    add_along(expected, index, 2, there)
    counts = np.arange(len(x))[:, None, None] < times[:, None]
    gradient = np.where(counts, g[:, None] * (np.exp(x) - expected), g.dtype.type(0))
    impossible = counts & (total == -np.inf)
    return np.where(impossible, g.dtype.type(0 if zero_infinity else np.nan), gradient)


@_ctc_gradient.joint_derivative
def _(v, needed, g, x, symbols, times, ends):
    def losses(x):
        return _in_plain_operations(log_softmax(x, 2), symbols, times, ends)

    gradients = double_backward(losses, g, (x,), (v,), needed[:2])
    return [*gradients, None, None, None]


def _emissions(x, symbols):
    """The log-probability of each symbol at each time, (T, N, L)."""
    return np.take_along_axis(x, np.broadcast_to(symbols, (len(x), *symbols.shape)), 2)


def _skips(symbols: np.ndarray) -> np.ndarray:
    """Where a path may come from two symbols before: not to a blank, nor to a repeated label. (N, L)"""
    skips = np.zeros(symbols.shape, bool, like=symbols)
    skips[:, 2:] = symbols[:, 2:] != symbols[:, :-2]
    return skips


def _beginnings(emissions, symbols):
    """log α, (T, N, L)"""
    skips = _skips(symbols)
    alpha = np.full(emissions.shape, -np.inf, emissions.dtype, like=emissions)
    alpha[:1, :, :2] = emissions[:1, :, :2]
    for t in range(1, len(alpha)):
        last = alpha[t - 1]
        now = last.copy()
        now[:, 1:] = np.logaddexp(now[:, 1:], last[:, :-1])
        now[:, 2:] = np.where(skips[:, 2:], np.logaddexp(now[:, 2:], last[:, :-2]), now[:, 2:])
        alpha[t] = now + emissions[t]
    return alpha


def _endings(emissions, symbols, times, ends):
    """log β without the symbol's own probability, (T, N, L)"""
    skips = _skips(symbols)
    place = np.arange(symbols.shape[1])
    beta = np.full(emissions.shape, -np.inf, emissions.dtype, like=emissions)
    final = np.where((place == ends[:, None]) | (place == ends[:, None] - 1), 0.0, -np.inf).astype(beta.dtype)
    now = beta[:1].sum(0)
    for t in reversed(range(len(beta))):
        if t + 1 < len(beta):
            following = now + emissions[t + 1]
            now = following.copy()
            now[:, :-1] = np.logaddexp(now[:, :-1], following[:, 1:])
            skipped = np.where(skips[:, 2:], following[:, 2:], -np.inf)
            now[:, :-2] = np.logaddexp(now[:, :-2], skipped)
        now = np.where(times[:, None] - 1 == t, final, now)
        beta[t] = now
    return beta


def _total(alpha, times, ends):
    """log of the likelihood: the paths that have come to the last label, or to the blank after it."""
    n = np.arange(len(ends))
    if not len(alpha):
        return np.where(ends == 0, 0.0, -np.inf).astype(alpha.dtype)
    last = alpha[np.maximum(times - 1, 0), n]
    at_blank = last[n, ends]
    at_label = np.where(ends > 0, last[n, np.maximum(ends - 1, 0)], -np.inf)
    total = np.logaddexp(at_blank, at_label)
    return np.where(times > 0, total, np.where(ends == 0, 0.0, -np.inf)).astype(alpha.dtype)


def _in_plain_operations(x: Tensor, symbols: Tensor, times: Tensor, ends: Tensor) -> Tensor:
    """The same as ``_ctc``, which can be differentiated again. A large number stands for infinity."""
    never = -1e30
    count, length = symbols.array.shape
    skips = from_array(_skips(symbols.array))
    index = from_array(np.broadcast_to(symbols.array, (x.shape[0], count, length)))
    emissions = gather_along(x, index, dim=2, squeeze=False)
    started = from_array(np.broadcast_to(np.arange(length) < 2, (count, length)))
    alpha = where(started, emissions[0], never)
    for t in range(1, x.shape[0]):
        one_before = pad(alpha, (1, 0), value=never)[:, :-1]
        two_before = where(skips, pad(alpha, (2, 0), value=never)[:, :-2], never)
        now = logsumexp(stack([alpha, one_before, two_before]), 0) + emissions[t]
        alpha = where(from_array(t < times.array[:, None]), now, alpha)
    last = gather_along(alpha, unsqueeze(ends, 1), dim=1, squeeze=True)
    label = from_array(np.maximum(ends.array - 1, 0)[:, None])
    label_last = gather_along(alpha, label, dim=1, squeeze=True)
    return -logsumexp(stack([last, where(from_array(ends.array > 0), label_last, never)]), 0)


# ------------------------------------------------------------------------------ the function


@in_float32
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths,
    target_lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    r"""The negative log-likelihood of sequences of labels without times (A. Graves et al., 2006).

    .. math:: l_n = -\log \sum_{\pi \to t_n} \prod_t p_{t,n,\pi_t}

    over all paths π of labels and blanks that become the target when repeated symbols are merged and blanks
    are left out.

    Args:
        log_probs: log p, (T, N, C) or (T, C), real and floating: log-probabilities of C classes, as
            :func:`log_softmax` gives them. The gradient counts on their sums of 1, as PyTorch's does: it is
            that of the loss of ``log_softmax(log_probs)``.
        targets: classes other than the blank; (N, S), of which the first count, or one after the other, (sum
            of the lengths); integers.
        input_lengths: how many of the T times count: N integers, as a tensor or a sequence.
        target_lengths: of the targets, likewise.
        blank: the class of the blank.
        reduction: ``"mean"`` divides each loss by its target length and takes the mean; ``"sum"`` or
            ``"none"``.
        zero_infinity: whether to replace infinite losses and their gradients by 0: those of targets that are
            too long for their input.

    Returns:
        The loss, 0-d; with ``"none"``, (N,), or 0-d without N.

    Raises:
        ShapeError: sizes or lengths that do not fit, a blank that is no class.
        DtypeError: an input that is not real and floating, or other numbers that are not integers.
        ValueError: an unknown reduction.

    >>> import cnn_physics77 as torch
    >>> log_probs = torch.full((2, 1, 3), 1 / 3).log()
    >>> loss = torch.nn.functional.ctc_loss(log_probs, torch.tensor([[1]]), (2,), (1,))
    >>> torch.exp(-loss)  # 3 of 9 paths: "1 1", "1 blank", "blank 1"
    tensor(0.3333)
    """
    reduction_of("ctc_loss", reduction, None, None)
    check_tensors("ctc_loss", log_probs, kinds="f")
    if log_probs.ndim not in (2, 3):
        raise ShapeError(
            f"ctc_loss: expected log_probs (T, N, C) or (T, C), found shape {log_probs.array.shape}"
        )
    x = log_probs if log_probs.ndim == 3 else unsqueeze(log_probs, 1)
    length, count, classes = x.array.shape
    times = _lengths("input_lengths", input_lengths, count)
    sizes = _lengths("target_lengths", target_lengths, count)
    if not 0 <= blank < classes:
        raise ShapeError(f"ctc_loss: blank must be in label range [0, {classes}), found {blank}")
    if any(not 0 <= n <= length for n in times):
        raise ShapeError(
            f"ctc_loss: Expected input_lengths to have value at most {length} and at least 0, found {times}"
        )
    symbols = _with_blanks(targets, sizes, count, blank, classes)
    ends = from_array(2 * np.array(sizes, np.int64))
    losses = _ctc(
        x, from_array(symbols), from_array(np.array(times, np.int64)), ends, zero_infinity=zero_infinity
    )
    if reduction == "mean":
        divisors = np.maximum(np.array(sizes), 1).astype(x.dtype)
        return (losses / from_array(divisors)).mean()
    if reduction == "sum":
        return losses.sum()
    return losses if log_probs.ndim == 3 else squeeze(losses, 0)


def _lengths(name: str, lengths, count: int) -> list[int]:
    values = lengths.array if isinstance(lengths, Tensor) else np.asarray(lengths)
    if values.dtype.kind not in "iu" and values.size:
        raise DtypeError(f"ctc_loss: {name} must be integral, found {lengths!r}")
    if values.size != count:
        raise ShapeError(
            f"ctc_loss: expected {name} to have one length for each of {count} sequences, found {values.size}"
        )
    found = values.reshape(-1).tolist()
    if any(n < 0 for n in found):
        raise ShapeError(f"ctc_loss: expected {name} of at least 0, found {found}")
    return found


def _with_blanks(targets: Tensor, sizes: list[int], count: int, blank: int, classes: int) -> np.ndarray:
    """The targets with blanks before, between and after them, (N, 2 S + 1)."""
    if targets.array.dtype.kind not in "iu":
        raise DtypeError(f"ctc_loss: targets must be integral, found {targets.dtype}; use .long()")
    labels = targets.array.astype(np.int64)
    if labels.ndim == 2:
        if labels.shape[0] != count or max(sizes, default=0) > labels.shape[1]:
            raise ShapeError(
                f"ctc_loss: Expected tensor to have size at least {max(sizes, default=0)} at dimension 1, "
                f"and {count} at dimension 0, but got targets of shape {labels.shape}"
            )
        rows = [row[:n] for row, n in zip(labels, sizes)]
    else:
        if labels.ndim > 2 or labels.size != sum(sizes):
            raise ShapeError(
                "ctc_loss: expected targets (N, S), or as many as the sum of target_lengths, "
                f"{sum(sizes)}, found shape {labels.shape}"
            )
        rows = np.split(labels.reshape(-1), np.cumsum(sizes)[:-1]) if sizes else []
    symbols = np.full((count, 2 * max(sizes, default=0) + 1), blank, np.int64, like=labels)
    for into, row in zip(symbols, rows):
        if row.size and not 0 <= row.min() <= row.max() < classes:
            raise ShapeError(
                f"ctc_loss: expected targets from 0 to {classes - 1}, found {row.min()} to {row.max()}"
            )
        into[1 : 2 * len(row) : 2] = row
    return symbols


__all__ = ["ctc_loss"]
complete_late(__name__)

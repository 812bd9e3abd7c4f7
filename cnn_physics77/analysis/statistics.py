"""What may be said about repeated measurements: spread, ratios, equivalence, the frontier, smoothing.

Everything here takes plain numbers. A value that is not finite stands for a run that failed (a loss that
became NaN, a cell that did not train): it enters no average, but it is counted and the count is reported.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

Verdict = Literal["equivalent", "different", "cannot tell"]

_RESAMPLED_AT_ONCE = 1 << 21  # entries of one block of bootstrap indices: 16 MB


# --- spread -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and quartiles of the finite values, and how many there were."""

    median: float
    lower: float
    upper: float
    count: int
    failed: int = 0


def spread(values: ArrayLike) -> Spread:
    """Median and quartiles (linear interpolation between order statistics, NumPy's default).

    Values that are not finite are counted as failed and left out; if none is left, the three figures are NaN.

    >>> spread([3.0, 1.0, 2.0, float("nan")])
    Spread(median=2.0, lower=1.5, upper=2.5, count=3, failed=1)
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    if array.size == 0:
        raise ValueError("spread: expected at least one value, found none")
    finite = array[np.isfinite(array)]
    failed = int(array.size - finite.size)
    if finite.size == 0:
        return Spread(math.nan, math.nan, math.nan, 0, failed)
    lower, median, upper = (float(q) for q in np.quantile(finite, (0.25, 0.5, 0.75)))
    return Spread(median, lower, upper, int(finite.size), failed)


@dataclass(frozen=True, slots=True)
class Band:
    """Pointwise median and quartiles of several curves, each of shape (points,)."""

    median: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    curves: int


def band(curves: Sequence[ArrayLike]) -> Band:
    """Pointwise spread over curves (one per seed); a shorter curve counts as missing after its end.

    A point at which no curve is finite is NaN.

    >>> band([[1.0, 2.0], [3.0, 4.0], [5.0, float("nan")]]).median
    array([3., 3.])
    """
    if len(curves) == 0:
        raise ValueError("band: expected at least one curve, found none")
    rows = [np.asarray(curve, dtype=np.float64).ravel() for curve in curves]
    table = np.full((len(rows), max(row.size for row in rows)), np.nan)
    for line, row in zip(table, rows, strict=True):
        line[: row.size] = np.where(np.isfinite(row), row, np.nan)
    quartiles = np.full((3, table.shape[1]), np.nan)
    known = np.isfinite(table).any(axis=0)  # nanquantile warns where a whole column is missing
    quartiles[:, known] = np.nanquantile(table[:, known], (0.25, 0.5, 0.75), axis=0)
    return Band(quartiles[1], quartiles[0], quartiles[2], len(rows))


# --- ratios -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ratio:
    """Median of paired ratios with its interval and that interval's level; NaN bounds for a single pair."""

    estimate: float
    low: float
    high: float
    level: float
    pairs: int

    def __str__(self) -> str:
        if not math.isfinite(self.low):
            return f"{self.estimate:.3g}"
        return f"{self.estimate:.3g} [{self.low:.3g}, {self.high:.3g}]"


def bootstrap_ratio(
    numerator: ArrayLike,
    denominator: ArrayLike,
    *,
    level: float = 0.95,
    resamples: int = 10_000,
    seed: int = 0,
) -> Ratio:
    """Median of the paired ratios numerator[i] / denominator[i] and its percentile bootstrap interval.

    Pairs (not single measurements) are drawn with replacement, so that whatever hits both members of a pair
    alike, such as a busy machine, cancels. Both arguments have shape (pairs,); pairs in which either is not
    finite are left out. The median is used because timings have outliers on one side.

    All n ratios lie on one side of the true median with probability 2^(1-n), so no interval made of them
    can hold it more often than 1 - 2^(1-n). Where that is below `level` (fewer than six pairs for 95 %), the
    result is the whole range, and its `level` is that probability.

    Raises:
        ValueError: for unequal lengths, no finite pair, or a value that is not positive.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    >>> str(bootstrap_ratio([2.0, 2.2, 1.9, 2.1], [4.0, 4.0, 4.0, 4.0]))
    '0.512 [0.475, 0.55]'
    >>> str(bootstrap_ratio([2.0], [4.0]))
    '0.5'
    """
    if not 0 < level < 1:
        raise ValueError(f"bootstrap_ratio: expected 0 < level < 1, found {level}")
    if resamples < 1:
        raise ValueError(f"bootstrap_ratio: expected at least one resample, found {resamples}")
    first, second = _paired("bootstrap_ratio", numerator, denominator)
    finite = np.isfinite(first) & np.isfinite(second)
    first, second = first[finite], second[finite]
    if first.size == 0:
        raise ValueError("bootstrap_ratio: expected at least one pair of finite values, found none")
    if first.min() <= 0 or second.min() <= 0:
        raise ValueError("bootstrap_ratio: expected positive values, found zero or less")
    ratios = first / second
    estimate = float(np.median(ratios))
    if ratios.size == 1:
        return Ratio(estimate, math.nan, math.nan, 0.0, 1)
    attainable = 1 - 2.0 ** (1 - ratios.size)
    if level > attainable:
        return Ratio(estimate, float(ratios.min()), float(ratios.max()), attainable, int(ratios.size))
    interval = stats.bootstrap(
        (ratios,), np.median, n_resamples=resamples, confidence_level=level, method="percentile",
        batch=max(1, _RESAMPLED_AT_ONCE // ratios.size), rng=np.random.default_rng(seed),
    ).confidence_interval  # fmt: skip
    return Ratio(estimate, float(interval.low), float(interval.high), level, int(ratios.size))


def _paired(operation: str, first: ArrayLike, second: ArrayLike) -> tuple[NDArray, NDArray]:
    a = np.asarray(first, dtype=np.float64).ravel()
    b = np.asarray(second, dtype=np.float64).ravel()
    if a.size != b.size:
        raise ValueError(f"{operation}: expected pairs, found {a.size} and {b.size} values")
    return a, b


# --- equivalence --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Margin:
    """How far apart two frameworks may be and still count as equivalent; fixed before the runs.

    An absolute margin bounds the mean difference in `unit`. A relative one bounds the geometric mean of the
    ratio: within a factor 1 + size either way.
    """

    quantity: str
    size: float
    unit: str = ""
    relative: bool = False

    def __str__(self) -> str:
        if self.relative:
            return f"±{100 * self.size:g} %"
        return f"±{self.size:g} {self.unit}".rstrip()


ACCURACY_MARGIN = Margin("Test accuracy", 0.1, "points")  # accuracies in per cent
LOSS_MARGIN = Margin("Final loss", 0.01, relative=True)
GRADIENT_NORM_MARGIN = Margin("Gradient norm", 0.01, relative=True)


@dataclass(frozen=True, slots=True)
class Equivalence:
    """The outcome of a paired TOST.

    `difference`, `low` and `high` are the mean of ours minus theirs and its interval at level 1 - 2 alpha:
    in the margin's unit, or as a fraction of theirs where the margin is relative. `p_equivalent` is the
    larger of the two one-sided p-values, `p_different` that of the two-sided paired t-test. `lopsided`
    counts the pairs of which one member failed and the other did not, `failed` those of which at least one
    did.
    """

    margin: Margin
    verdict: Verdict
    difference: float
    low: float
    high: float
    p_equivalent: float
    p_different: float
    alpha: float
    pairs: int
    failed: int
    lopsided: int

    @property
    def sentence(self) -> str:
        """One sentence for the report, generated from the test."""
        if self.verdict == "equivalent":
            verdict, margin = f"equivalent within {self.margin}", ""
        elif self.verdict == "different":
            verdict, margin = f"different by {self.shown}", f", margin {self.margin}"
        else:
            verdict, margin = "cannot tell", f", margin {self.margin}"
        counted = f"{self.pairs} pair{'' if self.pairs == 1 else 's'}"
        if self.failed:
            counted += f", {self.failed} more left out because a run did not train"
        if self.lopsided:
            counted += f" ({self.lopsided} of them on one side only)"
        if math.isnan(self.low):
            measured = f"difference {self.shown}, no interval, " if self.pairs else ""
        else:
            level = f"{100 * (1 - 2 * self.alpha):g} %"
            measured = (
                f"difference {self.shown}, "
                f"{level} interval {self._number(self.low)} to {self._show(self.high)}, "
            )
        return f"{self.margin.quantity}: {verdict} ({measured}{counted}{margin})."

    @property
    def shown(self) -> str:
        """The difference with its unit."""
        return self._show(self.difference)

    def _show(self, value: float) -> str:
        return f"{self._number(value)} {'%' if self.margin.relative else self.margin.unit}".rstrip()

    def _number(self, value: float) -> str:
        return f"{100 * value if self.margin.relative else value:+.3g}"


def paired_tost(ours: ArrayLike, theirs: ArrayLike, margin: Margin, *, alpha: float = 0.05) -> Equivalence:
    """Two one-sided paired t-tests of |mean(ours - theirs)| < margin.

    Under a relative margin the tested quantity is |mean log(ours / theirs)| < log(1 + margin). Both
    arguments have shape (pairs,), one entry per seed. "equivalent" when both tests reject at level alpha,
    which is the same as the 1 - 2 alpha interval of the mean difference lying inside the margin; otherwise
    "different" when the two-sided paired t-test rejects equality at level alpha; otherwise "cannot tell".
    Fewer than two finite pairs, or a pair of which only one member failed, leave the verdict at "cannot
    tell".

    Raises:
        ValueError: for unequal lengths, a margin or alpha out of range, or values that are not positive
            under a relative margin.

    Source: D. J. Schuirmann, J. Pharmacokinet. Biopharm. 15, 657 (1987).

    >>> paired_tost([97.90, 98.01, 98.10], [97.91, 98.00, 98.08], ACCURACY_MARGIN).sentence
    'Test accuracy: equivalent within ±0.1 points (difference +0.00667 points, 90 % interval -0.0191
    to +0.0324 points, 3 pairs).'
    """
    if not margin.size > 0:
        raise ValueError(f"paired_tost: expected a margin above zero, found {margin.size}")
    if not 0 < alpha < 0.5:
        raise ValueError(f"paired_tost: expected 0 < alpha < 0.5, found {alpha}")
    first, second = _paired("paired_tost", ours, theirs)
    first_known, second_known = np.isfinite(first), np.isfinite(second)
    known = first_known & second_known
    pairs, failed = int(known.sum()), int((~known).sum())
    lopsided = int((first_known != second_known).sum())
    first, second = first[known], second[known]
    if margin.relative:
        if pairs and min(first.min(), second.min()) <= 0:
            raise ValueError("paired_tost: a relative margin expects positive values, found zero or less")
        differences, bound = np.log(first) - np.log(second), math.log1p(margin.size)
    else:
        differences, bound = first - second, margin.size

    def shown(value: float) -> float:
        return math.expm1(value) if margin.relative else value

    mean = float(differences.mean()) if pairs else math.nan
    if pairs < 2:
        nan = math.nan
        return Equivalence(
            margin, "cannot tell", shown(mean), nan, nan, nan, nan, alpha, pairs, failed, lopsided
        )
    error = float(differences.std(ddof=1)) / math.sqrt(pairs)
    freedom = pairs - 1
    above_lower = stats.t.sf(_t_statistic(mean + bound, error), freedom)
    below_upper = stats.t.cdf(_t_statistic(mean - bound, error), freedom)
    p_equivalent = float(max(above_lower, below_upper))
    p_different = float(2 * stats.t.sf(abs(_t_statistic(mean, error)), freedom))
    verdict: Verdict
    if lopsided:
        verdict = "cannot tell"
    elif p_equivalent < alpha:
        verdict = "equivalent"
    else:
        verdict = "different" if p_different < alpha else "cannot tell"
    reach = float(stats.t.ppf(1 - alpha, freedom)) * error
    return Equivalence(
        margin, verdict, shown(mean), shown(mean - reach), shown(mean + reach),
        p_equivalent, p_different, alpha, pairs, failed, lopsided,
    )  # fmt: skip


def _t_statistic(difference: float, error: float) -> float:
    """difference / error, with the limits of a vanishing error (every pair differs by the same amount), for
    which `scipy.stats.ttest_1samp` warns and returns NaN."""
    if error > 0:
        return difference / error
    return math.copysign(math.inf, difference) if difference else 0.0


# --- the frontier -------------------------------------------------------------------------------------------


def pareto_front(points: ArrayLike, directions: Sequence[str]) -> NDArray[np.intp]:
    """Indices, ascending, of the points that no other point dominates.

    `points` has shape (count, axes) and `directions` names "min" or "max" for each axis. One point
    dominates another when it is at least as good on every axis and better on one; equal points do not
    dominate each other, so all of them stay. A point with a NaN is never on the front and dominates
    nothing.

    >>> pareto_front([(1.0, 90.0), (2.0, 95.0), (3.0, 94.0)], ("min", "max"))  # parameters, accuracy
    array([0, 1])
    """
    table = np.asarray(points, dtype=np.float64)
    if table.size == 0:
        return np.empty(0, dtype=np.intp)
    if table.ndim != 2 or table.shape[1] != len(directions):
        raise ValueError(
            f"pareto_front: expected points of shape (count, {len(directions)}), one column per direction, "
            f"found {table.shape}"
        )
    wrong = [direction for direction in directions if direction not in ("min", "max")]
    if wrong:
        raise ValueError(f"pareto_front: expected directions 'min' or 'max', found {wrong[0]!r}")
    cost = table * np.where(np.array(directions) == "max", -1.0, 1.0)
    known = ~np.isnan(cost).any(axis=1)
    keep = [
        index
        for index in np.flatnonzero(known)
        if not ((cost <= cost[index]).all(axis=1) & (cost < cost[index]).any(axis=1) & known).any()
    ]
    return np.array(keep, dtype=np.intp)


# --- smoothing ----------------------------------------------------------------------------------------------


def exponential_moving_average(values: ArrayLike, decay: float = 0.95) -> NDArray[np.float64]:
    """Mean of the values so far, weighted by decay^age: sum_k decay^(i-k) x_k / sum_k decay^(i-k).

    Takes and returns shape (steps,).
    Dividing by the sum of the weights is Adam's bias correction: the first value is the first input, not a
    fraction of it. At a value that is not finite the result is NaN, and later averages leave that value
    out.

    >>> exponential_moving_average([1.0, 1.0, 4.0], decay=0.5)
    array([1.        , 1.        , 2.71428571])
    """
    if not 0 <= decay < 1:
        raise ValueError(f"exponential_moving_average: expected 0 <= decay < 1, found {decay}")
    array = np.asarray(values, dtype=np.float64).ravel()
    smooth = np.full(array.size, np.nan)
    total = weight = 0.0
    for step, value in enumerate(array.tolist()):
        total, weight = total * decay, weight * decay
        if math.isfinite(value):
            total, weight = total + value, weight + 1
            smooth[step] = total / weight
    return smooth

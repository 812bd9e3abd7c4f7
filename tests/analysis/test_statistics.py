"""The statistics against SciPy, seeded simulations and brute force."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from cnn_physics77.analysis import statistics as s

NAN = math.nan


def test_spread_is_numpys_quartiles_and_counts_failures():
    values = np.random.default_rng(1).lognormal(size=37)
    found = s.spread([*values, NAN, math.inf])
    assert (found.lower, found.median, found.upper) == tuple(np.percentile(values, [25, 50, 75]))
    assert found.upper - found.lower == pytest.approx(stats.iqr(values))
    assert (found.count, found.failed) == (37, 2)


def test_spread_of_failures_only_and_of_nothing():
    found = s.spread([NAN, -math.inf])
    assert math.isnan(found.median) and (found.count, found.failed) == (0, 2)
    with pytest.raises(ValueError, match=r"spread: expected at least one value, found none"):
        s.spread([])


def test_band_of_unequal_lengths_with_a_diverged_curve():
    found = s.band([[1, 2, 3, 4], [3, NAN, 5], [2, math.inf, 4, NAN]])
    np.testing.assert_array_equal(found.median, [2, 2, 4, 4])
    np.testing.assert_array_equal(found.lower, [1.5, 2, 3.5, 4])
    np.testing.assert_array_equal(found.upper, [2.5, 2, 4.5, 4])
    assert found.curves == 3
    assert np.isnan(s.band([[NAN, 1.0], [NAN, 2.0]]).median[0])
    with pytest.raises(ValueError, match="band: expected at least one curve"):
        s.band([])


def test_bootstrap_ratio_is_the_quantiles_of_medians_of_drawn_pairs():
    """Against the definition, one draw after another."""
    generator = np.random.default_rng(5)
    theirs = generator.lognormal(0, 0.3, size=25)
    ours = theirs * generator.lognormal(-0.7, 0.1, size=25)
    found = s.bootstrap_ratio(ours, theirs, level=0.9)
    drawn = np.random.default_rng(7)
    medians = []
    for _ in range(20_000):
        pairs = drawn.integers(0, 25, 25)
        medians.append(sorted(ours[pairs] / theirs[pairs])[12])
    medians.sort()
    assert found.estimate == np.median(ours / theirs)
    # Two independent sets of resamples: they differ by the bootstrap's own noise.
    assert found.low == pytest.approx(medians[1000], abs=0.004)
    assert found.high == pytest.approx(medians[19_000], abs=0.004)
    assert found == s.bootstrap_ratio(ours, theirs, level=0.9)
    few = {s.bootstrap_ratio(ours, theirs, level=0.9, resamples=20).low for _ in range(10)}
    assert len(few) == 1  # the seed is fixed


def test_bootstrap_ratio_covers_the_true_median():
    """400 simulated experiments of 15 pairs under a common drift: the 90 % interval holds the truth."""
    generator = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        drift = generator.lognormal(0, 0.5, size=15)
        ours = 0.5 * drift * generator.lognormal(0, 0.1, size=15)
        found = s.bootstrap_ratio(ours, drift, level=0.9, resamples=500)
        held += found.low <= 0.5 <= found.high
        assert found.high - found.low < 0.25  # pairing removed the drift, which alone spreads by a factor 2.7
    assert 0.86 < held / 400 < 0.97


def test_bootstrap_ratio_in_blocks_equals_one_block(monkeypatch):
    ours, theirs = np.arange(1.0, 8.0), np.arange(2.0, 9.0)
    whole = s.bootstrap_ratio(ours, theirs, resamples=64)
    monkeypatch.setattr(s, "_RESAMPLED_AT_ONCE", 70)
    assert s.bootstrap_ratio(ours, theirs, resamples=64) == whole


def test_few_pairs_give_their_range_and_say_how_often_it_holds():
    found = s.bootstrap_ratio([1.0, 2.0, 3.0], [1.0, 1.0, 1.0])
    assert (found.low, found.high, found.level) == (1.0, 3.0, 0.75)
    assert s.bootstrap_ratio([1.0] * 5, [2.0] * 5).level == 0.9375
    assert s.bootstrap_ratio([1.0] * 6, [2.0] * 6).level == 0.95
    generator = np.random.default_rng(6)
    samples = generator.normal(5, 1, (4000, 4))
    held = (samples.min(axis=1) < 5) & (samples.max(axis=1) > 5)
    assert held.mean() == pytest.approx(1 - 2.0**-3, abs=0.015)


def test_bootstrap_ratio_edges():
    single = s.bootstrap_ratio([1.0, NAN], [2.0, 3.0])
    assert single.pairs == 1 and single.estimate == 0.5 and math.isnan(single.low) and math.isnan(single.high)
    for arguments, words in [
        (([1.0], [1.0, 2.0]), "expected pairs, found 1 and 2"),
        (([], []), "at least one pair"),
        (([NAN], [1.0]), "at least one pair"),
        (([0.0], [1.0]), "positive"),
    ]:
        with pytest.raises(ValueError, match=words):
            s.bootstrap_ratio(*arguments)
    with pytest.raises(ValueError, match="level"):
        s.bootstrap_ratio([1.0], [1.0], level=1.0)
    with pytest.raises(ValueError, match="resample"):
        s.bootstrap_ratio([1.0], [1.0], resamples=0)


@pytest.mark.parametrize("shift", [0.0, 0.05, 0.12, -0.4])
@pytest.mark.parametrize("pairs", [2, 5, 10, 40])
def test_tost_against_scipys_one_sided_tests(shift, pairs):
    generator = np.random.default_rng(pairs)
    theirs = generator.normal(97, 0.4, size=pairs)
    ours = theirs + shift + generator.normal(0, 0.06, size=pairs)
    found = s.paired_tost(ours, theirs, s.ACCURACY_MARGIN)
    lower = stats.ttest_1samp(ours - theirs, -0.1, alternative="greater")
    upper = stats.ttest_1samp(ours - theirs, 0.1, alternative="less")
    assert found.p_equivalent == pytest.approx(max(lower.pvalue, upper.pvalue), rel=1e-9)
    assert found.p_different == pytest.approx(stats.ttest_rel(ours, theirs).pvalue, rel=1e-9)
    interval = stats.ttest_rel(ours, theirs).confidence_interval(0.9)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert (found.verdict == "equivalent") == (found.low > -0.1 and found.high < 0.1)


def test_relative_tost_is_tost_of_logarithms():
    generator = np.random.default_rng(4)
    theirs = generator.lognormal(size=12)
    ours = theirs * np.exp(generator.normal(0.002, 0.004, size=12))
    found = s.paired_tost(ours, theirs, s.LOSS_MARGIN)
    logarithms = np.log(ours / theirs)
    upper = stats.ttest_1samp(logarithms, math.log(1.01), alternative="less").pvalue
    lower = stats.ttest_1samp(logarithms, -math.log(1.01), alternative="greater").pvalue
    assert found.p_equivalent == pytest.approx(max(upper, lower), rel=1e-8)
    assert found.difference == pytest.approx(stats.gmean(ours / theirs) - 1, rel=1e-10)
    assert found.verdict == "equivalent"


def test_tost_keeps_its_promised_error_rate():
    """Truth exactly at the margin: at most alpha of the experiments may read "equivalent"."""
    generator = np.random.default_rng(3)
    verdicts = [
        s.paired_tost(generator.normal(0.1, 0.05, size=10), np.zeros(10), s.ACCURACY_MARGIN).verdict
        for _ in range(1500)
    ]
    assert 0.03 < verdicts.count("equivalent") / 1500 < 0.07


def test_sentences():
    theirs = np.array([97.8, 97.9, 98.1, 98.0])
    near = s.paired_tost(theirs + [0.01, -0.01, 0.02, 0.0], theirs, s.ACCURACY_MARGIN)
    assert near.sentence.startswith(
        "Test accuracy: equivalent within ±0.1 points (difference +0.005 points, 90 %"
    )
    far = s.paired_tost(theirs - [0.5, 0.52, 0.48, 0.5], theirs, s.ACCURACY_MARGIN)
    assert far.sentence.startswith("Test accuracy: different by -0.5 points (")
    assert far.sentence.endswith("4 pairs, margin ±0.1 points).")
    open_case = s.paired_tost([0.10, 0.30, 0.20], [0.20, 0.15, 0.22], s.LOSS_MARGIN)
    assert open_case.verdict == "cannot tell"
    assert open_case.sentence.startswith(
        "Final loss: cannot tell (difference -3.13 %, 90 % interval -70 to +213 %, "
    )
    assert open_case.sentence.endswith("3 pairs, margin ±1 %).")


def test_tost_without_variance():
    same = s.paired_tost([1.0, 2.0], [1.0, 2.0], s.LOSS_MARGIN)
    assert (same.verdict, same.difference, same.p_equivalent, same.p_different) == ("equivalent", 0, 0, 1)
    apart = s.paired_tost([2.0, 3.0], [1.0, 2.0], s.ACCURACY_MARGIN)
    assert (apart.verdict, apart.p_equivalent, apart.p_different) == ("different", 1, 0)


def test_one_pair_and_failed_runs_cannot_tell():
    single = s.paired_tost([98.0], [98.01], s.ACCURACY_MARGIN)
    assert single.sentence == (
        "Test accuracy: cannot tell (difference -0.01 points, no interval, 1 pair, margin ±0.1 points)."
    )
    none = s.paired_tost([NAN], [NAN], s.ACCURACY_MARGIN)
    assert none.sentence == (
        "Test accuracy: cannot tell (0 pairs, 1 more left out because a run did not train, margin ±0.1 "
        "points)."
    )
    lopsided = s.paired_tost([98.0, 98.0, NAN], [98.0, 98.0, 98.0], s.ACCURACY_MARGIN)
    assert (lopsided.verdict, lopsided.pairs, lopsided.failed, lopsided.lopsided) == ("cannot tell", 2, 1, 1)
    assert "1 more left out because a run did not train (1 of them on one side only)" in lopsided.sentence
    both = s.paired_tost([98.0, 98.0, NAN], [98.0, 98.0, NAN], s.ACCURACY_MARGIN)
    assert (both.verdict, both.failed, both.lopsided) == ("equivalent", 1, 0)


def test_tost_refuses_nonsense():
    with pytest.raises(ValueError, match="margin above zero"):
        s.paired_tost([1.0], [1.0], s.Margin("x", 0.0))
    with pytest.raises(ValueError, match="alpha"):
        s.paired_tost([1.0], [1.0], s.LOSS_MARGIN, alpha=0.5)
    with pytest.raises(ValueError, match="positive values"):
        s.paired_tost([0.0, 1.0], [1.0, 1.0], s.LOSS_MARGIN)
    with pytest.raises(ValueError, match="expected pairs, found 1 and 2"):
        s.paired_tost([1.0], [1.0, 1.0], s.LOSS_MARGIN)


def _dominates(a, b, directions):
    signed = [(x, y) if d == "min" else (-x, -y) for x, y, d in zip(a, b, directions, strict=True)]
    return all(x <= y for x, y in signed) and any(x < y for x, y in signed)


@settings(deadline=None, max_examples=150)
@given(
    st.integers(1, 4).flatmap(
        lambda axes: st.tuples(
            st.lists(st.sampled_from(["min", "max"]), min_size=axes, max_size=axes),
            st.lists(
                st.lists(
                    st.one_of(st.integers(-3, 3).map(float), st.sampled_from([NAN, math.inf])),
                    min_size=axes, max_size=axes,
                ),
                max_size=9,
            ),
        )
    )
)  # fmt: skip
def test_pareto_front_against_brute_force(case):
    directions, points = case
    whole = [index for index, point in enumerate(points) if not any(map(math.isnan, point))]
    expected = [
        i for i in whole if not any(_dominates(points[j], points[i], directions) for j in whole if j != i)
    ]
    assert s.pareto_front(points, directions).tolist() == expected


def test_pareto_front_is_independent_of_order_and_keeps_ties():
    points = [(1.0, 5.0), (2.0, 4.0), (2.0, 4.0), (3.0, 4.5)]
    for order in itertools.permutations(range(4)):
        front = s.pareto_front([points[i] for i in order], ("min", "min"))
        assert sorted(order[i] for i in front) == [0, 1, 2]


def test_pareto_front_refuses_nonsense():
    assert s.pareto_front([], ("min", "max")).size == 0
    with pytest.raises(ValueError, match=r"shape \(count, 2\).*found \(1, 3\)"):
        s.pareto_front([(1, 2, 3)], ("min", "max"))
    with pytest.raises(ValueError, match="found 'least'"):
        s.pareto_front([(1, 2)], ("min", "least"))


def test_moving_average_is_the_weighted_mean():
    values = np.random.default_rng(8).normal(size=50)
    found = s.exponential_moving_average(values, 0.9)
    for i in (0, 1, 7, 49):
        weights = 0.9 ** np.arange(i, -1, -1)
        assert found[i] == pytest.approx(np.average(values[: i + 1], weights=weights), rel=1e-12)
    np.testing.assert_allclose(s.exponential_moving_average(np.full(9, 2.5), 0.99), 2.5, rtol=1e-14)
    np.testing.assert_array_equal(s.exponential_moving_average(values, 0.0), values)


def test_moving_average_passes_over_what_is_missing():
    found = s.exponential_moving_average([1.0, NAN, 3.0, math.inf], 0.5)
    np.testing.assert_allclose(found, [1.0, NAN, (0.25 * 1 + 3) / 1.25, NAN])
    assert s.exponential_moving_average([], 0.5).shape == (0,)
    with pytest.raises(ValueError, match="decay"):
        s.exponential_moving_average([1.0], 1.0)

"""Samplers: coverage, counts and errors as torch.utils.data has them; frequencies against the weights."""

import itertools

import numpy as np
import pytest
import torch.utils.data as theirs

from cnn_physics77.core import loading as ours
from cnn_physics77.core.operations.creation.random_sampling import rand
from cnn_physics77.core.random import Generator, manual_seed


def seeded(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("size", [1, 5, 10])
@pytest.mark.parametrize("batch", [1, 3, 5, 11])
@pytest.mark.parametrize("drop_last", [False, True])
def test_batches_are_torchs(size, batch, drop_last):
    mine = ours.BatchSampler(ours.SequentialSampler(range(size)), batch, drop_last)
    other = theirs.BatchSampler(theirs.SequentialSampler(range(size)), batch, drop_last)
    assert list(mine) == list(other) and len(mine) == len(other)


def test_random_order_is_a_permutation_new_at_every_pass_and_repeatable():
    sampler = ours.RandomSampler(range(50), generator=seeded())
    first, second = list(sampler), list(sampler)
    assert sorted(first) == sorted(second) == list(range(50)) and first != second
    again = ours.RandomSampler(range(50), generator=seeded())
    assert [list(again), list(again)] == [first, second]
    assert sorted(ours.RandomSampler(range(50))) == list(range(50))


@pytest.mark.parametrize("count", [1, 3, 4, 9])
def test_random_sampler_with_a_number_of_samples(count):
    drawn = list(ours.RandomSampler(range(4), num_samples=count, generator=seeded()))
    assert len(drawn) == count == len(ours.RandomSampler(range(4), num_samples=count))
    for start in range(0, count, 4):  # whole permutations one after another, then part of one
        part = drawn[start : start + 4]
        assert len(set(part)) == len(part)
    drawn = list(ours.RandomSampler(range(4), replacement=True, num_samples=1000, generator=seeded()))
    assert set(drawn) == {0, 1, 2, 3} and len(drawn) == 1000


def test_subset_random_sampler():
    sampler = ours.SubsetRandomSampler([7, 3, 5], seeded())
    assert sorted(sampler) == [3, 5, 7] and len(sampler) == 3
    assert {tuple(sampler) for _ in range(200)} == {
        (7, 3, 5), (7, 5, 3), (3, 7, 5), (3, 5, 7), (5, 3, 7), (5, 7, 3)
    }  # fmt: skip


def test_weighted_frequencies():
    weights = [1.0, 0.0, 3.0, 4.0]
    drawn = list(ours.WeightedRandomSampler(weights, 20_000, generator=seeded()))
    share = np.bincount(drawn, minlength=4) / 20_000
    np.testing.assert_allclose(share, [0.125, 0, 0.375, 0.5], atol=0.015)  # four standard deviations
    assert sorted(ours.WeightedRandomSampler(weights, 3, replacement=False)) == [0, 2, 3]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda m: m.BatchSampler([0], 0, False), ValueError, "batch_size should be a positive integer"),
        (lambda m: m.BatchSampler([0], True, False), ValueError, "batch_size should be a positive integer"),
        (lambda m: m.BatchSampler([0], 2, None), ValueError, "drop_last should be a boolean"),
        (lambda m: m.RandomSampler(range(3), num_samples=0), ValueError, "num_samples should be a positive"),
        (lambda m: m.RandomSampler([]), ValueError, "num_samples should be a positive integer"),
        (lambda m: m.RandomSampler(range(3), replacement=1), TypeError, "replacement should be a boolean"),
        (lambda m: m.WeightedRandomSampler([1], 0), ValueError, "num_samples should be a positive integer"),
        (lambda m: m.WeightedRandomSampler([1], 1, 1), ValueError, "replacement should be a boolean"),
        (lambda m: m.WeightedRandomSampler([[1.0]], 1), ValueError, "weights should be a 1d sequence"),
    ],
)
def test_same_errors_in_both(make, error, message):
    for module in (ours, theirs):
        with pytest.raises(error, match=message):
            make(module)


@pytest.mark.parametrize("module", [ours, theirs])
def test_the_base_class_has_no_order(module):
    with pytest.raises(NotImplementedError):
        list(module.Sampler())


@pytest.mark.parametrize("weights", [[0.0, 0.0], [-1.0, 2.0], [np.nan, 1.0], [np.inf, 1.0], []])
def test_impossible_weights(weights):
    with pytest.raises(ValueError, match="expected finite weights"):
        ours.WeightedRandomSampler(weights, 1)


def test_more_than_there_are_without_replacement():
    with pytest.raises(ValueError, match="cannot draw 3 samples without replacement from 2"):
        ours.WeightedRandomSampler([1.0, 0.0, 2.0], 3, replacement=False)


@pytest.mark.parametrize("size", [1, 5, 2**20, 2**40])
@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_replacement_draws_in_parts_what_one_draw_gives(size, count):
    drawn = list(ours.RandomSampler(range(size), True, count, seeded(3)))
    assert drawn == seeded(3).integers(size, size=count).tolist()


def test_replacement_draws_no_more_than_is_taken():
    generator, same = seeded(), seeded()
    sampler = ours.RandomSampler(range(1000), True, int(1e10), generator)
    assert len(sampler) == 10**10
    assert list(itertools.islice(sampler, 40)) == same.integers(1000, size=64).tolist()[:40]
    assert generator.bit_generator.state == same.bit_generator.state


@pytest.mark.parametrize("replacement", [False, True])
def test_what_the_loop_draws_does_not_change_the_default_order(replacement):
    def order(draw):
        manual_seed(5)
        found = []
        for index in ours.RandomSampler(range(100), replacement, 150):
            found.append(index)
            if draw:
                rand(3)
        return found

    assert order(False) == order(True)
    assert order(False) != list(ours.RandomSampler(range(100), replacement, 150))


def test_generators_are_ours_or_numpys():
    order = list(ours.RandomSampler(range(9), generator=np.random.default_rng(5)))
    assert order == np.random.default_rng(5).permutation(9).tolist()
    order = list(ours.RandomSampler(range(9), generator=Generator().manual_seed(5)))
    manual_seed(5)
    assert list(ours.SubsetRandomSampler(range(9))) == order
    with pytest.raises(TypeError, match="expected a Generator or None, found int"):
        list(ours.RandomSampler(range(9), generator=5))

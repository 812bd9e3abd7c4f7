"""Data sets and random_split against torch.utils.data, class by class."""

import numpy as np
import pytest
import torch.utils.data as theirs

from cnn_physics77.core import loading as ours


class Letters:
    """A map without __getitems__."""

    def __getitem__(self, index):
        return "abcdef"[index]

    def __len__(self):
        return 6


class Batched(Letters):
    """A map that counts how often it is asked for a list."""

    calls = 0

    def __getitems__(self, indices):
        Batched.calls += 1
        return ["abcdef"[i] for i in indices]


def count_to(module, end):
    class Stream(module.IterableDataset):
        def __iter__(self):
            return iter(range(end))

        def __len__(self):
            return end

    return Stream()


@pytest.mark.parametrize("module", [ours, theirs])
def test_same_content_in_both(module):
    concat = module.ConcatDataset([Letters(), "xy", []])
    assert [concat[i] for i in range(len(concat))] == list("abcdefxy")
    assert concat[-1] == "y" and concat[-8] == "a"
    assert concat.cumulative_sizes == [6, 8, 8]
    stack = module.StackDataset(Letters(), range(6))
    assert stack[2] == ("c", 2) and stack.__getitems__([0, 5]) == [("a", 0), ("f", 5)] and len(stack) == 6
    stack = module.StackDataset(letter=Batched(), number=range(6))
    assert stack.__getitems__([1]) == [{"letter": "b", "number": 1}]
    subset = module.Subset(Letters(), [5, 0, 0])
    assert [subset[i] for i in range(3)] == ["f", "a", "a"] and subset.__getitems__([2, 0]) == ["a", "f"]
    chain = count_to(module, 2) + count_to(module, 3)
    assert isinstance(chain, module.ChainDataset) and list(chain) == [0, 1, 0, 1, 2] and len(chain) == 5


@pytest.mark.parametrize("module", [ours, theirs])
def test_sum_of_maps(module):
    class Numbers(module.Dataset):
        def __getitem__(self, index):
            return index

        def __len__(self):
            return 2

    assert [(Numbers() + Numbers())[i] for i in range(4)] == [0, 1, 0, 1]
    with pytest.raises(NotImplementedError):
        module.Dataset()[0]


def test_subset_uses_batched_access_and_respects_a_subclass():
    before = Batched.calls
    assert ours.Subset(Batched(), [3, 4]).__getitems__([1, 0]) == ["e", "d"]
    assert Batched.calls == before + 1

    class Upper(ours.Subset):
        def __getitem__(self, index):
            return super().__getitem__(index).upper()

    assert Upper(Batched(), [3, 4]).__getitems__([1, 0]) == ["E", "D"]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda m: m.ConcatDataset([]), AssertionError, "should not be an empty iterable"),
        (lambda m: m.ConcatDataset([count_to(m, 2)]), AssertionError, "does not support IterableDataset"),
        (lambda m: m.ConcatDataset(["ab"])[-3], ValueError, "absolute value of index"),
        (lambda m: m.StackDataset(), ValueError, "At least one dataset"),
        (lambda m: m.StackDataset("ab", "abc"), ValueError, "Size mismatch between datasets"),
        (lambda m: m.StackDataset("ab", x="ab"), ValueError, "both"),
        (lambda m: list(m.ChainDataset(["ab"])), AssertionError, "only supports IterableDataset"),
        (lambda m: m.random_split(range(5), [2, 2]), ValueError, "Sum of input lengths does not equal"),
        (lambda m: m.random_split(range(5), [1.5, -0.5]), ValueError, "Fraction at index 0 is not between"),
    ],
)
def test_same_errors_in_both(make, error, message):
    for module in (ours, theirs):
        with pytest.raises(error, match=message):
            make(module)


def test_tensor_dataset_rows_and_mismatch():
    a, b = np.arange(12).reshape(3, 4), np.array([1.0, 2.0, 3.0])
    dataset = ours.TensorDataset(a, b)
    assert len(dataset) == 3
    np.testing.assert_array_equal(dataset[-1][0], a[-1])
    assert dataset[2][1] == 3.0
    with pytest.raises(AssertionError, match=r"Size mismatch between tensors.*\(3, 4\), \(2,\)"):
        ours.TensorDataset(a, b[:2])


@pytest.mark.parametrize("lengths", [[7, 3], [0.5, 0.5], [0.1, 0.2, 0.7], [1 / 3] * 3, [10, 0]])
def test_random_split_sizes_are_torchs_and_parts_cover(lengths):
    parts = ours.random_split(range(10), lengths, np.random.default_rng(3))
    expected = theirs.random_split(range(10), lengths)
    assert [len(part) for part in parts] == [len(part) for part in expected]
    assert sorted(i for part in parts for i in part.indices) == list(range(10))
    again = ours.random_split(range(10), lengths, np.random.default_rng(3))
    assert [part.indices for part in parts] == [part.indices for part in again]


def test_random_split_warns_of_an_empty_part():
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        ours.random_split(range(1), [0.5, 0.5])

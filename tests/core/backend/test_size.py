"""Size: a tuple that stays one through slices, sums and multiples, as PyTorch's."""

import copy
import operator
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

EXPRESSIONS = {
    "text": lambda s: (repr(s), str(s), f"{s}", f"{s}"),
    "number of elements": lambda s: (s.numel(), type(s).numel(s[:0]), type(s)([0, 3]).numel()),
    "slice": lambda s: [s[1:], s[:-1], s[::2], s[5:]],
    "element": lambda s: [s[0], s[-1]],
    "plus a tuple": lambda s: s + (4,),
    "a tuple plus": lambda s: (4, 5) + s,
    "plus a size": lambda s: s + s,
    "at the end of a list": lambda s: operator.iadd([1], s),
    "plus an array": lambda s: (s + np.array([1, 2, 3])).tolist(),
    "times": lambda s: (s * 2, 2 * s, s * 0),
    "as a tuple": lambda s: (s == (2, 3, 4), s == (2, 3, 4), hash(s) == hash((2, 3, 4)), s.index(3), len(s)),
    "as a key": lambda s: {(2, 3, 4): 1}[s],
    "compared": lambda s: (s < (2, 4), sorted(s), max(s), [*s]),
    "pickled": lambda s: pickle.loads(pickle.dumps(s)),
    "copied": lambda s: (copy.copy(s), copy.deepcopy([s])[0]),
    "formatted": lambda s: "{} of {}".format(*s[:2]),
    "of NumPy's integers": lambda s: type(s)(np.array([2, 3])),
    "of booleans": lambda s: type(s)([True]),
    "of a generator": lambda s: type(s)(n for n in (1, 2)),
    "empty": lambda s: type(s)(),
}


def plain(value):
    """Types by name, so that both frameworks' answers compare."""
    if type(value) in (ours.Size, torch.Size):
        return ["Size", *map(int, value)]
    return [plain(v) for v in value] if isinstance(value, tuple | list) else (type(value).__name__, value)


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_expressions_are_pytorchs(name):
    mine, theirs = (EXPRESSIONS[name](t.zeros(2, 3, 4).shape) for t in (ours, torch))
    assert plain(mine) == plain(theirs)


WRONG = {
    "of a float": lambda s: type(s)([2.5]),
    "of text": lambda s: type(s)("ab"),
    "of a number": lambda s: type(s)(3),
    "plus a list": lambda s: s + [1],
    "a list plus": lambda s: [1] + s,
    "plus a number": lambda s: s + 1,
    "times a float": lambda s: s * 1.5,
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("t", [ours, torch])
def test_what_is_no_size(name, t):
    with pytest.raises(TypeError):
        WRONG[name](t.zeros(2).shape)


@pytest.mark.parametrize("t", [ours, torch])
def test_where_sizes_come_from(t):
    x = t.zeros(2, 3)
    given = [x.shape, x.size(), t.nn.Parameter(x).shape, (x + 1).T.shape, t.broadcast_shapes((3,), (2, 1))]
    assert [type(size) for size in given] == [t.Size] * 5
    assert type(x.size(0)) is int and isinstance(x.shape, tuple) and not isinstance((2, 3), t.Size)
    assert given[-1] == given[0] == (2, 3)


@pytest.mark.parametrize("t", [ours, torch])
def test_where_sizes_go(t):
    size = t.Size([2, 3])
    assert t.zeros(size).shape == t.ones(6).view(size).shape == t.ones(3).expand(size).shape == size
    assert t.rand(*size).reshape(size[::-1]).shape == (3, 2)
    assert np.zeros(size).shape == size


def test_a_checkpoint_keeps_it(tmp_path):
    ours.save({"size": ours.Size([2, 3])}, tmp_path / "c")
    found = ours.load(tmp_path / "c")["size"]
    assert type(found) is ours.Size and found == (2, 3)

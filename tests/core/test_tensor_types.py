"""PyTorch's older constructors: Tensor, FloatTensor and the others, and Tensor.new."""

import pickle
from itertools import product

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

CLASSES = [
    *("Tensor", "HalfTensor", "FloatTensor", "DoubleTensor", "BoolTensor"),
    *("ByteTensor", "CharTensor", "ShortTensor", "IntTensor", "LongTensor"),
]

DATA = {
    "nothing": lambda t: (),
    "a list": lambda t: ([1, 2],),
    "nested lists": lambda t: ([[1, 2], [3, 4]],),
    "a tuple": lambda t: ((1, 2),),
    "an empty list": lambda t: ([],),
    "floats": lambda t: ([1.75, 0.0],),
    "booleans": lambda t: ([True, False],),
    "a range": lambda t: (range(3),),
    "integers of NumPy": lambda t: (np.arange(3),),
    "floats of NumPy": lambda t: (np.array([[1.5, 2.0]]),),
    "0-d tensors": lambda t: ([t.tensor(1), 2],),
}
SIZES = {
    "one": lambda t: (3,),
    "several": lambda t: (2, 3),
    "none": lambda t: (0,),
    "with a boolean": lambda t: (2, True),
    "a size": lambda t: (t.Size([2, 3]),),
    "an integer of NumPy": lambda t: (np.int64(2),),
    "tensors": lambda t: (t.tensor(2), t.tensor(1)),
}
WRONG = {
    "a float": lambda t: (2.5,),
    "a boolean": lambda t: (True,),
    "text": lambda t: ("ab",),
    "None": lambda t: (None,),
    "a float of NumPy": lambda t: (np.float64(2),),
    "a float as a size": lambda t: (2, 3.5),
    "a list as a size": lambda t: (2, [3]),
    "a negative size": lambda t: (-1,),
    "unequal lengths": lambda t: ([1, [2]],),
    "complex numbers": lambda t: ([1j],),
}


def same(mine, theirs):
    assert str(mine.dtype) == str(theirs.dtype) and mine.shape == tuple(theirs.shape)
    return True


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("what", DATA)
def test_data_are_converted_to_the_dtype_of_the_class(name, what):
    mine, theirs = (getattr(t, name)(*DATA[what](t)) for t in (ours, torch))
    assert same(mine, theirs) and mine.tolist() == theirs.tolist()
    assert type(mine) is ours.Tensor and mine.is_leaf and not mine.requires_grad


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("what", SIZES)
def test_sizes_give_uninitialized_values(name, what):
    assert same(*(getattr(t, name)(*SIZES[what](t), device="cpu") for t in (ours, torch)))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        pair
        for pair in product(["Tensor", "LongTensor", "BoolTensor"], WRONG)
        if pair != ("BoolTensor", "complex numbers")  # which PyTorch takes for booleans
    ],
)
def test_what_is_refused(name, what):
    for t in (ours, torch):
        with pytest.raises((TypeError, ValueError, RuntimeError)):
            getattr(t, name)(*WRONG[what](t))


def test_the_words_of_the_refusals():
    with pytest.raises(TypeError, match=r"LongTensor: data must be a sequence .got float.; use torch.tensor"):
        ours.LongTensor(2.5)
    with pytest.raises(TypeError, match=r"Tensor: expected sizes, or one sequence.* found .int, float.; use"):
        ours.Tensor(2, 3.5)
    with pytest.raises(RuntimeError, match="Tensor: Trying to create tensor with negative dimension"):
        ours.Tensor(2, -3)
    with pytest.raises(
        TypeError, match=r"FloatTensor: expected a tensor of torch.float32, found torch.int64"
    ):
        ours.FloatTensor(ours.ones(2).long())
    for t in (ours, torch):
        with pytest.raises(TypeError):
            t.FloatTensor(t.ones(2).long())
        with pytest.raises((RuntimeError, AssertionError)):
            t.Tensor(2, device="cuda")
        with pytest.raises(TypeError):
            t.Tensor([1.0], dtype=t.float64)


@pytest.mark.parametrize("t", [ours, torch])
def test_a_tensor_is_viewed(t):
    for made in (lambda x: t.Tensor(x), lambda x: t.DoubleTensor(x), lambda x: x.new(x)):
        x = t.ones(3, dtype=t.float64)
        y = made(x)
        y[0] = 5
        assert y is not x and x.tolist() == [5, 1, 1] and y.dtype == t.float64
        leaf = t.ones(2, dtype=t.float64, requires_grad=True)
        made(leaf).sum().backward()
        assert leaf.grad.tolist() == [1, 1] and not made(leaf).is_leaf


def test_the_default_dtype_is_that_of_tensor():
    for t in (ours, torch):
        try:
            t.set_default_dtype(t.float64)
            assert (
                t.Tensor([1]).dtype == t.Tensor(2).dtype == t.ones(1).int().type(t.Tensor).dtype == t.float64
            )
        finally:
            t.set_default_dtype(t.float32)


@pytest.mark.parametrize("name", CLASSES[1:])
def test_instances_and_type(name):
    for t in (ours, torch):
        kind = getattr(t, name)
        x = kind([1, 0])
        assert isinstance(x, kind) and not isinstance(1, kind) and isinstance(t.nn.Buffer(x), kind)
        assert [isinstance(x, getattr(t, other)) for other in CLASSES[1:]] == [o == name for o in CLASSES[1:]]
        assert x.type() == f"torch.{name}" and repr(kind) == f"<class 'torch.{name}'>"
        assert kind.__name__ == name and kind.dtype is x.dtype and not issubclass(kind, t.Tensor)
        assert kind.layout is t.strided and kind.is_cuda is False
        for given in (kind, f"torch.{name}", x.dtype):
            y = t.tensor([1.0, 0.0, 1.0]).type(given)
            assert y.type() == x.type() and y.tolist() == [1, 0, 1]
    assert pickle.loads(pickle.dumps(getattr(ours, name))) is getattr(ours, name)


@pytest.mark.parametrize("t", [ours, torch])
def test_what_is_no_type(t):
    for wrong in ("float64", "FloatTensor", 3):
        with pytest.raises((TypeError, ValueError)):
            t.ones(2).type(wrong)


@pytest.mark.parametrize("t", [ours, torch])
def test_modules_are_converted(t):
    layer = t.nn.BatchNorm1d(2)
    for given in (t.DoubleTensor, "torch.DoubleTensor", t.float64):
        assert {p.dtype for p in layer.float().type(given).parameters()} == {t.float64}


@pytest.mark.parametrize("what", [*DATA, *SIZES])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_new_keeps_the_dtype(what, dtype):
    given = (DATA | SIZES)[what]
    mine, theirs = (t.ones(2, dtype=getattr(t, dtype)).new(*given(t)) for t in (ours, torch))
    assert same(mine, theirs)
    if what in DATA:
        assert mine.tolist() == theirs.tolist()


@pytest.mark.parametrize("t", [ours, torch])
def test_subclasses(t):
    class Plain(t.Tensor):
        pass

    class Tagged(t.Tensor):
        @staticmethod
        def __new__(cls, data, tag):
            return super().__new__(cls, data)

        def __init__(self, data, tag):
            self.tag = tag

    for made in (Plain([1, 2]), Plain(t.tensor([1.0, 2.0])), Plain(np.array([1, 2])), Tagged([1, 2], "a")):
        assert isinstance(made, t.Tensor) and type(made) in (Plain, Tagged)
        assert made.dtype == t.float32 and made.tolist() == [1, 2] and (made * 2).tolist() == [2, 4]
    assert tuple(Plain(2, 3).shape) == (2, 3) and Tagged([1.0], tag="b").tag == "b"
    x = t.ones(2, requires_grad=True)
    Plain(x).sum().backward()
    assert x.grad.tolist() == [1, 1]

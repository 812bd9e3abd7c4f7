"""The element types: PyTorch's objects, which are NumPy's dtypes wherever NumPy looks."""

import copy
import pickle

import numpy as np
import pytest
import torch

import cnn_physics77 as ours

NAMES = [
    *("float16", "float32", "float64", "complex64", "complex128", "bool"),
    *("uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
]
ALIASES = ["half", "float", "double", "cfloat", "cdouble", "short", "int", "long"]
each = pytest.mark.parametrize("name", NAMES)


@pytest.mark.needs_torch
@each
def test_questions_are_answered_as_by_pytorch(name):
    mine, theirs = getattr(ours, name), getattr(torch, name)
    for question in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
        assert getattr(mine, question) is getattr(theirs, question) or question == "itemsize"
    assert mine.itemsize == theirs.itemsize
    assert repr(mine) == str(mine) == f"{mine}" == repr(theirs)
    assert repr(mine.to_real()) == repr(theirs.to_real())
    if mine.is_complex or name in ("float32", "float64"):
        assert repr(mine.to_complex()) == repr(theirs.to_complex())
    else:  # PyTorch has a complex32
        with pytest.raises(RuntimeError, match="found torch." + name):
            mine.to_complex()


@pytest.mark.needs_torch
@pytest.mark.parametrize("t", [ours, torch])
def test_there_is_one_object_of_each(t):
    for name in NAMES:
        found = getattr(t, name)
        assert isinstance(found, t.dtype) and t.zeros(2, dtype=found).dtype is found
        for again in (copy.copy(found), copy.deepcopy([found])[0], pickle.loads(pickle.dumps(found))):
            assert again is found
    assert [repr(getattr(t, name)) for name in ALIASES] == [
        "torch.float16", "torch.float32", "torch.float64", "torch.complex64", "torch.complex128",
        "torch.int16", "torch.int32", "torch.int64",
    ]  # fmt: skip
    assert len({getattr(t, name) for name in NAMES + ALIASES}) == len(NAMES)
    with pytest.raises(TypeError, match=r"cannot create 'torch.dtype' instances"):
        t.dtype("float32")


@pytest.mark.needs_torch
@pytest.mark.parametrize("name", ["bfloat16", "complex32", "float8_e4m3fn", "qint32", "quint8"])
def test_one_that_numpy_lacks_can_be_named_and_compared(name):
    mine, theirs = getattr(ours, name), getattr(torch, name)
    for question in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
        if question != "is_signed" or name[0] != "q":
            assert getattr(mine, question) == getattr(theirs, question)
    assert isinstance(mine, ours.dtype) and repr(mine) == repr(theirs)
    assert pickle.loads(pickle.dumps(mine)) is mine is copy.deepcopy(mine)
    assert ours.float32 != mine != np.dtype("float16") and {mine: 1}[mine] == 1
    for use in (ours.ones(2).to, lambda d: ours.zeros(2, dtype=d), ours.nn.Linear(2, 1).to):
        with pytest.raises(ours.core.errors.DtypeError, match=f"that NumPy has, found torch.{name}; use"):
            use(mine)


@each
def test_numpy_takes_it_for_its_own(name):
    mine, numpys = getattr(ours, name), np.dtype(name)
    for scalar in (numpys, numpys.type):
        assert mine == scalar and scalar == mine and (mine != scalar, scalar != mine) == (False, False)
    assert {mine: 1}[numpys] == {numpys: 1}[mine] == 1 and numpys in (mine,) and mine in (numpys.type,)
    assert np.zeros(3, mine).dtype == np.dtype(mine) == np.ones(2).astype(mine).dtype == numpys
    assert np.asarray([1], dtype=mine).dtype == np.empty_like([1], mine).dtype == numpys
    assert np.result_type(mine, np.bool_) == np.promote_types(numpys, mine) == numpys
    assert np.issubdtype(mine, np.generic) and np.can_cast(mine, numpys)
    for other in NAMES:
        if other != name:
            assert mine != np.dtype(other) and np.dtype(other) != mine and mine != getattr(ours, other)
    assert mine != name and mine != int.__name__ and mine is not None


@each
@pytest.mark.parametrize("of", [lambda n: getattr(ours, n), np.dtype, lambda n: np.dtype(n).type, str])
def test_functions_take_it_and_numpys(name, of):
    given, expected = of(name), getattr(ours, name)
    x = ours.tensor([0, 1])
    made = [
        ours.tensor([0, 1], dtype=given),
        ours.zeros(2, dtype=given),
        ours.full((2,), 1, dtype=given),
        ours.arange(2, dtype=given),
        ours.as_tensor([1], dtype=given),
        ours.ones_like(x, dtype=given),
        x.new_zeros(2, dtype=given),
        x.sum(dtype=given),
        x.type(given) if not isinstance(given, str) else x.to(ours.float32).to(expected),
    ]
    if not isinstance(given, str):  # a string is a device
        made += [x.to(given), x.to("cpu", given)]
    assert [y.dtype for y in made] == [expected] * len(made)
    assert all(type(y.dtype) is ours.dtype and type(y.array.dtype) is not ours.dtype for y in made)


def test_python_types_are_dtypes():
    for t in (ours, torch):
        assert [t.zeros(1, dtype=kind).dtype for kind in (bool, int, float, complex)] == [
            t.bool, t.int64, t.float64, t.complex128,
        ]  # fmt: skip


def test_what_is_no_dtype():
    for wrong in (ours.ones(2), "float33", np.dtype("O"), np.longdouble, 3, ours.device("cpu")):
        with pytest.raises(TypeError, match=r"zeros: expected a dtype of numbers such as torch.float32"):
            ours.zeros(2, dtype=wrong)


def test_promotion_is_pytorchs():
    for a in NAMES:
        for b in NAMES:
            try:
                expected = repr(torch.promote_types(getattr(torch, a), getattr(torch, b)))
            except RuntimeError:
                continue
            found = ours.promote_types(getattr(ours, a), getattr(ours, b))
            assert type(found) is ours.dtype
            if not {"uint16", "uint32", "uint64"} & {a, b}:  # PyTorch's promotion of these is incomplete
                assert repr(found) == expected, (a, b)
    assert ours.result_type(ours.ones(2), 1j) is ours.complex64
    with pytest.raises(ours.core.errors.DtypeError, match=r"torch.uint64 and torch.int8"):
        ours.promote_types(ours.uint64, ours.int8)


@pytest.mark.parametrize("t", [ours, torch])
def test_the_default(t):
    assert t.get_default_dtype() is t.float32
    try:
        t.set_default_dtype(t.float64)
        assert (
            t.get_default_dtype() is t.float64 is t.tensor(1.0).dtype and t.tensor(1j).dtype is t.complex128
        )
        assert t.finfo().eps == 2**-52
        with pytest.raises(TypeError, match="only floating-point types are supported"):
            t.set_default_dtype(t.int32)
    finally:
        t.set_default_dtype(t.float32)


@each
def test_limits_are_pytorchs(name):
    mine, theirs = getattr(ours, name), getattr(torch, name)
    for limits in ("finfo", "iinfo"):
        try:
            expected = getattr(torch, limits)(theirs)
        except TypeError:
            with pytest.raises(TypeError, match=f"{limits}: .*found torch.{name}"):
                getattr(ours, limits)(mine)
            continue
        found = getattr(ours, limits)(mine)
        for what in (n for n in dir(expected) if n[0] != "_"):
            a, b = getattr(found, what), getattr(expected, what)
            assert a == b and type(a) is type(b), what
        assert repr(found) == repr(expected)
        again = getattr(ours, limits)(np.dtype(name))
        assert found == again and hash(found) == hash(again)
    assert ours.finfo(ours.float32) != ours.finfo(ours.float64) != ours.iinfo(ours.int8)


def test_errors_say_torch():
    x = ours.ones(2, dtype=ours.float64)
    with pytest.raises(ours.core.errors.DtypeError, match=r"torch.float64 and torch.float32"):
        ours.mm(ours.ones(2, 2, dtype=ours.float64), ours.ones(2, 2))
    with pytest.raises(ours.core.errors.DtypeError, match=r"torch.int64"):
        ours.ones(2, dtype=ours.int64).requires_grad_()
    with pytest.raises(ours.core.errors.DtypeError, match=r"torch\.float64.*torch\.int64"):
        ours.ones(2, dtype=ours.int64).add_(x)
    with pytest.raises(ours.core.errors.RangeError, match=r"torch\.uint8"):
        ours.tensor([300], dtype=ours.uint8)


def test_a_checkpoint_keeps_it(tmp_path):
    kept = {"kind": ours.float64, "numpys": np.dtype("float64")}
    ours.save(kept, tmp_path / "c")
    found = ours.load(tmp_path / "c")
    assert found["kind"] is ours.float64 and type(found["numpys"]) is type(kept["numpys"])


@pytest.mark.parametrize(
    "name", ["bfloat16", "float8_e4m3fn", "float8_e4m3fnuz", "float8_e5m2", "float8_e5m2fnuz"]
)
def test_limits_of_numbers_that_numpy_lacks(name):
    mine, theirs = (t.finfo(getattr(t, name)) for t in (ours, torch))
    for question in ("bits", "eps", "min", "max", "tiny", "smallest_normal", "resolution", "dtype"):
        assert getattr(mine, question) == getattr(theirs, question), question
    assert repr(mine) == repr(theirs)

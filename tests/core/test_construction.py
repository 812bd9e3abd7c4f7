"""What comes in from outside, NumPy's arrays and numbers, alone and in lists; a tensor as NumPy sees it."""

import array
import enum
from fractions import Fraction

import numpy as np
import pytest
import torch

import cnn_physics77 as ours
from cnn_physics77.core.errors import DtypeError, RangeError, ShapeError

# ------------------------------------------------------------------------------------- the dtype of a list

THIRD = np.float64(1) / 3
LISTS = {
    "float64": lambda t: [THIRD, THIRD],
    "tuple": lambda t: (THIRD,),
    "nested": lambda t: [[THIRD], (THIRD,)],
    "with integers": lambda t: [2, THIRD],
    "with floats": lambda t: [0.5, THIRD],
    "with a boolean": lambda t: [True, THIRD],
    "with complex numbers": lambda t: [THIRD, 1j],
    "float32 and floats": lambda t: [np.float32(1 / 3), 1 / 3],
    "float32 and complex numbers": lambda t: [np.float32(1), 1j],
    "float16": lambda t: [np.float16(0.1)],
    "float16 and floats": lambda t: [np.float16(0.1), 0.1],
    "complex128": lambda t: [np.complex128(1j / 3)],
    "arrays": lambda t: [np.array([1 / 3]), np.array([2 / 3])],
    "arrays of two dtypes": lambda t: [np.arange(2, dtype=np.int16), np.arange(2, dtype=np.uint8)],
    "empty arrays": lambda t: [np.zeros(0), np.zeros(0)],
    "tensors": lambda t: [t.tensor(1 / 3, dtype=t.float64), t.tensor(1)],
    "tensors and numbers": lambda t: [t.tensor(0.1, dtype=t.float16), 0.1],
    "nested tensors": lambda t: [[t.tensor(1 / 3, dtype=t.float64)], [1]],
    "integers of NumPy": lambda t: [np.int32(1), np.int32(2)],
    "integers of NumPy and Python's": lambda t: [np.int32(1), 2],
    "two integer dtypes": lambda t: [np.uint8(200), np.int8(-1)],
    "unsigned": lambda t: [np.uint16(7)],
    "booleans of NumPy": lambda t: [np.bool_(True)],
    "one number of NumPy": lambda t: THIRD,
    "one integer of NumPy": lambda t: np.int16(3),
    "floats": lambda t: [1 / 3],
    "floats and integers": lambda t: [[1, 2], [3, 0.5]],
    "integers": lambda t: [1, -(2**63), 2**63 - 1],
    "booleans": lambda t: [True, False],
    "booleans and integers": lambda t: [True, 2],
    "complex": lambda t: [1, 2j],
    "long integers among floats": lambda t: [10**30, 1.0],
    "nothing": lambda t: [],
    "rows of nothing": lambda t: [[], []],
    "range": lambda t: range(3),
    "list of ranges": lambda t: [range(2), [5, 6]],
    "array.array": lambda t: array.array("d", [1 / 3]),
    "bytearray": lambda t: bytearray(b"ab"),
    "enumeration": lambda t: [Level.LOW, 1],
}


class Level(enum.IntEnum):
    LOW = 3


@pytest.mark.filterwarnings(
    "ignore:Creating a tensor from a list of numpy.ndarrays"
)  # PyTorch's, of its speed
@pytest.mark.parametrize("default", ["float32", "float64"])
@pytest.mark.parametrize("maker", ["tensor", "as_tensor"])
@pytest.mark.parametrize("name", LISTS)
def test_a_list_keeps_the_precision_of_what_is_in_it(name, maker, default):
    torch.set_default_dtype(getattr(torch, default))
    ours.set_default_dtype(getattr(ours, default))
    try:
        expected, found = (getattr(t, maker)(LISTS[name](t)).numpy() for t in (torch, ours))
    finally:
        torch.set_default_dtype(torch.float32)
        ours.set_default_dtype(ours.float32)
    assert found.dtype == expected.dtype and found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def test_the_dtype_does_not_depend_on_the_order_in_a_list():
    """float32 holds the kind of both others, which have no common integer dtype."""
    for values in ([np.uint64(1), np.int8(1), np.float32(1)], [np.int8(1), np.float32(1), np.uint64(1)]):
        assert ours.tensor(values).dtype == ours.float32
    with pytest.raises(DtypeError, match="expected dtypes with a common one"):
        ours.tensor([np.uint64(1), np.int8(1)])


def test_a_list_of_variables_gives_a_constant():
    x = ours.tensor(2.0, dtype=ours.float64, requires_grad=True)
    y = ours.tensor([x, x * 2])
    assert not y.requires_grad and y.dtype == ours.float64 and y.tolist() == [2, 4]


@pytest.mark.parametrize(
    "data",
    [None, "1", b"1", [None], ["a"], [[1], ["a"]], {1}, {"a": 1}, object(), [object()], Fraction(1, 2),
     [Fraction(1)], np.str_("a"), [np.datetime64("2026-01-01")], [np.longdouble(1)], iter([1])],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_its_name(data):
    with pytest.raises((TypeError, ValueError, RuntimeError)):
        torch.tensor(data)
    with pytest.raises(DtypeError, match="tensor: "):
        ours.tensor(data)


@pytest.mark.parametrize("data", [[[1], [2, 3]], [1, [2]], [[1], 2], [np.zeros(2), np.zeros(3)], [[], [1]]])
@pytest.mark.parametrize("dtype", [None, "float32", "int8"])
def test_unequal_lengths(data, dtype):
    with pytest.raises(ShapeError, match="nested sequences of equal lengths"):
        ours.tensor(data, dtype=dtype and getattr(ours, dtype))


def test_a_list_that_contains_itself():
    endless: list = []
    endless.append(endless)
    with pytest.raises(ShapeError, match="nested at most 64 deep"):
        ours.tensor(endless)
    deep: list = [1.0]
    for _ in range(63):
        deep = [deep]
    assert ours.tensor(deep).ndim == 64


def test_complex_numbers_for_a_real_dtype():
    for dtype in (ours.float32, ours.int64):
        with pytest.raises(DtypeError, match="complex"):
            ours.tensor([1j], dtype=dtype)
        for t in (torch, ours):  # an array is cast, as by to()
            assert t.tensor(
                np.array([2 + 1j]).real, dtype=getattr(t, str(dtype).removeprefix("torch."))
            ).tolist() == [2]
    assert ours.tensor(np.array([2 + 1j]), dtype=ours.float32).tolist() == [2]


def test_arrays_are_cast_and_numbers_must_fit():
    for t in (torch, ours):
        assert t.tensor(np.array([300, -1]), dtype=t.uint8).tolist() == [44, 255]
        with pytest.raises(RuntimeError, match="without overflow"):
            t.tensor([300, -1], dtype=t.uint8)
        with pytest.raises(RuntimeError, match="without overflow"):
            t.tensor([np.int64(300)], dtype=t.uint8)
    with pytest.raises(RangeError, match="Overflow when unpacking long long"):
        ours.tensor([2**63])
    assert ours.tensor([2**63], dtype=ours.uint64).tolist() == [2**63]


# ------------------------------------------------------------------------------ subclasses and foreign arrays


class Tagged(np.ndarray):
    pass


def subclasses(tmp_path):
    values = np.arange(6.0).reshape(2, 3)
    memmap = np.memmap(tmp_path / "values", np.float64, "w+", shape=(2, 3))
    memmap[...] = values
    return {
        "matrix": np.asmatrix(values),
        "subclass": values.view(Tagged),
        "memmap": memmap,
        "masked, nothing of it": np.ma.array(values),
        "record array's field": np.rec.fromarrays([values, values], names="a,b").a.copy(),
    }


USES = {
    "x[0]": lambda x: x[0],
    "sum(0)": lambda x: x.sum(0),
    "flatten": lambda x: x.flatten(),
    "max(1)": lambda x: x.max(1).values,
    "**": lambda x: x**2,
    "*": lambda x: x * x,
    "unsqueeze": lambda x: x.unsqueeze(0),
    "numpy": lambda x: x,
}


@pytest.mark.filterwarnings("ignore:the matrix subclass")
@pytest.mark.parametrize("maker", ["from_numpy", "as_tensor", "tensor"])
def test_a_subclass_of_ndarray_becomes_a_plain_array(maker, tmp_path):
    for name, values in subclasses(tmp_path).items():
        x = getattr(ours, maker)(values)
        assert type(x.numpy()) is np.ndarray
        assert np.may_share_memory(x.numpy(), values) == (maker != "tensor"), name
        for use in USES.values():
            expected, found = use(torch.tensor(np.asarray(values))).numpy(), use(x).numpy()
            assert type(found) is np.ndarray and found.shape == expected.shape
            np.testing.assert_array_equal(found, expected)


@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_a_matrix_among_tensors():
    """As an operand, an index, a value that is assigned, and in a state that is loaded."""
    m = np.asmatrix([[1.0, 2.0], [3.0, 4.0]])
    x = ours.ones(2, 2, dtype=ours.float64)
    plain = np.asarray(m)
    for found, expected in (
        (x * m, plain), (m * x, plain), (m + x, plain + 1), (x == m, plain == 1), (ours.maximum(x, m), plain),
        (ours.where(x > 2, x, m), plain), (x // m, 1 // plain), (ours.clamp(x, min=m), plain),
        (ours.stack([x, x], -1)[m > 2], np.ones((2, 2))),
    ):  # fmt: skip
        assert type(found.array) is np.ndarray and found.shape == np.shape(expected)
        np.testing.assert_array_equal(found.numpy(), expected)
    x[0] = m[0, 1]
    x[:] = m
    x += m
    np.testing.assert_array_equal(x.numpy(), 2 * plain)
    for assign in (False, True):
        layer = ours.nn.Linear(2, 2, bias=False, dtype=ours.float64)
        layer.load_state_dict({"weight": m}, assign=assign)
        assert type(layer.weight.array) is np.ndarray
        np.testing.assert_array_equal(layer(ours.eye(2, dtype=ours.float64)).detach().numpy(), plain.T)


def test_masked_elements_are_refused():
    """A tensor cannot say that they are missing; PyTorch takes what lies beneath the mask for data."""
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    for maker in (ours.tensor, ours.from_numpy, ours.as_tensor, lambda a: ours.ones(2) + a):
        with pytest.raises(DtypeError, match=r"found 1 of them, which a tensor cannot hold; use \.filled"):
            maker(masked)
    assert ours.tensor(masked.filled(0)).tolist() == [1, 0]


FOREIGN = {
    "object": np.array([1, None], object),
    "str": np.array(["a"]),
    "bytes": np.array([b"a"]),
    "datetime": np.array(["2026-01-01"], "M8[s]"),
    "timedelta": np.array([1], "m8[s]"),
    "records": np.zeros(2, [("a", "f4"), ("b", "i2")]),
    "longdouble": np.ones(1, np.longdouble),
    "clongdouble": np.ones(1, np.clongdouble),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_foreign_dtype_is_refused_at_every_door(name):
    values = FOREIGN[name]
    x = ours.ones(len(values))
    doors = [ours.tensor, ours.from_numpy, ours.as_tensor, ours.Tensor, lambda a: ours.tensor(list(a)),
             lambda a: x + a, lambda a: a + x, lambda a: x == a, lambda a: x.__setitem__(slice(None), a),
             lambda a: x.__iadd__(a), lambda a: ours.maximum(x, a), lambda a: x[a],
             lambda a: ours.nn.Linear(1, len(a)).load_state_dict({"weight": a[:, None], "bias": a}),
             lambda a: x.to(a.dtype), lambda a: ours.zeros(2, dtype=a.dtype)]  # fmt: skip
    for door in doors:
        with pytest.raises(TypeError):
            door(values)
    with pytest.raises(TypeError, match="can't convert np"):
        torch.from_numpy(values)
    with pytest.raises(DtypeError, match=r"from_numpy: can't convert np.ndarray of type .* use|convert it"):
        ours.from_numpy(values)
    assert x.tolist() == [1] * len(values)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "c8", "c16", "i2", "u4", "i8"])
def test_the_byte_order_of_another_machine(dtype):
    """Copies are converted; where the memory itself was promised, it is refused, as by PyTorch."""
    values = np.arange(6).reshape(2, 3).astype(np.dtype(dtype).newbyteorder())
    native = values.astype(dtype)
    x = ours.ones(2, 3, dtype=native.dtype)
    for found in (
        ours.tensor(values),
        ours.as_tensor(values),
        ours.tensor(list(values)),
        x * values,
        values * x,
    ):
        assert found.dtype == native.dtype and found.array.dtype.isnative
        np.testing.assert_array_equal(found.numpy(), native)
    assert ours.tensor(native, dtype=values.dtype).array.dtype.isnative
    for t in (torch, ours):
        with pytest.raises((ValueError, TypeError), match="byte order different from the native byte order"):
            t.from_numpy(values)
    layer = ours.nn.Module()
    layer.register_buffer("values", ours.zeros(2, 3, dtype=native.dtype))
    layer.load_state_dict({"values": values}, assign=True)
    assert layer.values.array.dtype.isnative and layer.values.tolist() == native.tolist()


def test_a_field_of_records_is_no_tensor_but_can_be_copied():
    records = np.array([(1.0, 2), (3.0, 4)], [("a", "f4"), ("b", "i2")])
    for t in (torch, ours):
        with pytest.raises(ValueError, match="strides not a multiple of the element byte size"):
            t.from_numpy(records["a"])
    for found in (ours.tensor(records["a"]), ours.as_tensor(records["a"]), ours.zeros(2) + records["a"]):
        assert found.tolist() == [1, 3] and found.stride() == (1,)


# ------------------------------------------------------------------- memory: shared, read-only, reversed


def test_read_only_memory_is_never_written():
    """Whatever changes in place refuses, by name, and nothing is changed; PyTorch warns and writes."""
    values = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    values.flags.writeable = False
    before = values.copy()
    x = ours.from_numpy(values)
    p = ours.nn.Parameter(x)
    p.grad = ours.ones(2, 3)
    changes = [
        lambda: x.add_(1), lambda: x.mul_(2.0), lambda: x.zero_(), lambda: x.fill_(1), lambda: x.exp_(),
        lambda: x.__setitem__(0, 1.0), lambda: x.__setitem__((0, 0), 1.0), lambda: x.__setitem__([0], x[:1]),
        lambda: x.__iadd__(1), lambda: x.copy_(ours.zeros(2, 3)), lambda: x[0].add_(1), lambda: x.t().sub_(1),
        lambda: x.view(-1).mul_(0), lambda: x.diagonal().fill_(1), lambda: x.masked_fill_(x > 0, 0),
        lambda: x.clamp_(0, 1), lambda: x.index_fill_(0, ours.tensor([0]), 1.0), lambda: x.normal_(),
        lambda: x.uniform_(), lambda: ours.nn.init.ones_(x), lambda: ours.nn.init.normal_(x),
        lambda: x.relu_(), lambda: ours.nn.functional.relu(x, inplace=True),
        lambda: ours.nn.functional.dropout(x, inplace=True),
        lambda: np.add(x.numpy(), 1, out=x.numpy()), lambda: np.asarray(x).__setitem__(0, 1),
        lambda: ours.optim.SGD([p], lr=1.0).step(), lambda: ours.optim.Adam([p]).step(),
        lambda: x.expand(1, 2, 3).add_(1), lambda: x.bernoulli_(0.5), lambda: x.random_(3),
    ]  # fmt: skip
    for change in changes:
        with pytest.raises((ValueError, RuntimeError)):
            change()
        np.testing.assert_array_equal(values, before)
    y = (x * 2).relu_() + x.clone().add_(1)
    assert y[1, 2] == 16 and x.clone().numpy().flags.writeable and ours.tensor(values).numpy().flags.writeable


def reversals():
    base = np.arange(24.0).reshape(2, 3, 4)
    return {
        "reversed": base[..., ::-1],
        "reversed rows": base[:, ::-1],
        "all reversed": base[::-1, ::-1, ::-1],
        "every second, backwards": base[..., ::-2],
        "transposed, reversed": base.transpose(2, 0, 1)[::-1],
        "expanded": np.broadcast_to(base[:1], (2, 3, 4)),
        "Fortran's": np.asfortranarray(base),
    }


@pytest.mark.parametrize("name", reversals())
def test_negative_and_other_strides_are_taken_as_they_are(name):
    """PyTorch refuses negative ones. Values and gradients are those of a copy."""
    values = reversals()[name]
    assert np.may_share_memory(ours.from_numpy(values).numpy(), values)
    assert ours.from_numpy(values).stride() == tuple(s // 8 for s in values.strides)

    def run(t, make):
        x = make(values).requires_grad_()
        w = t.arange(float(values.shape[-1] * 2), dtype=t.float64).reshape(2, -1)
        parts = [
            x.sum(0), x.softmax(-1), x.reshape(-1), x.flatten(1), x.view_as(x), x.transpose(0, 2), x[:, 1:],
            x @ w.T, t.nn.functional.max_pool1d(x, 2), x.max(1).values, x.cumsum(1), x.sort(-1).values,
            x.diagonal(0, 0, 1), x.flip(0), t.cat([x, x]), x.roll(1, 0), x.unfold(1, 2, 1), x.var(1),
            x[..., ::2], x.contiguous(), x.select(0, 1),
            t.nn.functional.conv1d(x, t.ones(1, x.shape[1], 2, dtype=t.float64)), x.norm(), x * x[:1],
        ]  # fmt: skip
        total = sum((part * part).sum() for part in parts)
        total.backward()
        return [part.detach().numpy() for part in parts] + [x.grad.numpy()]

    expected = run(torch, lambda a: torch.from_numpy(a.copy()))
    for e, f in zip(expected, run(ours, ours.from_numpy)):
        np.testing.assert_allclose(f, e, rtol=1e-12, atol=1e-12)


def test_changes_through_a_reversed_tensor_are_seen_in_the_array():
    values = np.arange(4.0)
    x = ours.from_numpy(values[::-1])
    x[0] = 100
    x[1:3].mul_(-1)
    x += 0.5
    np.testing.assert_array_equal(values, [0.5, -0.5, -1.5, 100.5])


@pytest.mark.parametrize("shape", [(), (0,), (0, 3), (3, 0, 2)])
def test_empty_and_0d_arrays(shape):
    values = np.ones(shape)
    for maker in ("from_numpy", "as_tensor", "tensor"):
        expected, found = getattr(torch, maker)(values), getattr(ours, maker)(values)
        assert found.shape == tuple(expected.shape) and found.dtype == ours.float64
        assert found.numpy().shape == shape and found.sum().item() == expected.sum().item()
        if shape == ():
            found.fill_(3)
            expected.fill_(3)
            assert (values == 3).item() == (maker != "tensor")
            values.fill(1)
    for t in (torch, ours):
        with pytest.raises(TypeError):
            t.from_numpy(np.float64(1))


# --------------------------------------------------------------------------- a tensor seen from NumPy


def test_asarray_shares_and_array_copies():
    x = ours.arange(3.0)
    assert np.asarray(x) is x.numpy() or np.may_share_memory(np.asarray(x), x.numpy())
    np.asarray(x)[0] = 7
    assert x[0] == 7
    np.array(x)[0] = 8
    assert x[0] == 7
    assert np.may_share_memory(np.asarray(x, dtype=np.float32), x.numpy())
    assert not np.may_share_memory(np.asarray(x, dtype=np.float64), x.numpy())
    assert np.may_share_memory(np.asarray(x, copy=False), x.numpy())
    assert not np.may_share_memory(np.asarray(x, copy=True), x.numpy())
    with pytest.raises(ValueError, match="copy"):
        np.asarray(x, dtype=np.float64, copy=False)
    assert np.from_dlpack(x).tolist() == [7, 1, 2]


def test_a_capsule_of_dlpack_is_taken_once():
    x = ours.tensor([1.0, 2.0])
    capsule = x.__dlpack__()
    ours.from_dlpack(capsule)[0] = 7.0
    assert x.tolist() == [7, 2]
    with pytest.raises(RuntimeError, match="from_dlpack: expected a capsule that was not taken"):
        ours.from_dlpack(capsule)


def test_a_variable_is_not_handed_out_unseen():
    x = ours.ones(2, requires_grad=True)
    for take in (
        np.asarray,
        np.array,
        np.from_dlpack,
        lambda v: v.numpy(),
        np.exp,
        lambda v: np.add(v, 1, out=None),
    ):
        with pytest.raises(RuntimeError):
            take(x)
    assert np.asarray(x.detach()).tolist() == [1, 1]


def test_a_ufunc_writes_into_a_tensor_that_it_is_given():
    """And what needed the old values says so in the backward pass."""
    x, out = ours.arange(3.0), ours.zeros(3)
    assert np.multiply(x, 2, out=out) is out
    assert out.tolist() == [0, 2, 4]
    a = np.ones(3, np.float32)
    a += x
    assert a.tolist() == [1, 2, 3]
    w = ours.ones(3, requires_grad=True)
    y = (w * out).sum()
    np.negative(x, out=out)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    with pytest.raises(RuntimeError, match="requires grad"):
        np.add(x, 1, out=w)
    assert w.tolist() == [1, 1, 1]


def test_what_has_an_array_becomes_a_tensor():
    class Series:
        def __array__(self, dtype=None, copy=None):
            return np.array([1 / 3, 2 / 3], dtype=dtype)

    for maker in (ours.tensor, ours.as_tensor):
        assert maker(Series()).dtype == ours.float64
        assert maker([Series(), Series()]).shape == (2, 2)
        assert maker(torch.tensor([1 / 3], dtype=torch.float64)).numpy()[0] == 1 / 3

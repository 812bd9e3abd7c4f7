"""Whatever the caller lets NumPy say about floating-point errors, every operation computes the same, and the
caller's settings stay: each row of the table, at ordinary and at extreme values."""

from __future__ import annotations

import threading
import zlib

import numpy as np
import pytest

import cnn_physics77
import cnn_physics77 as torch
from cnn_physics77.core.backend import fp_errors
from cnn_physics77.core.errors import DtypeError, ShapeError
from cnn_physics77.core.kernels.runtime.blas import blas
from cnn_physics77.core.kernels.runtime.parallel import parallel_for
from cnn_physics77.core.kernels.runtime.scratch import arena
from cnn_physics77.core.operations import inplace
from cnn_physics77.core.operations.base import operation
from cnn_physics77.testing.table import Constant, Row, all_rows
from tests.ctrl_c import interrupted

ROWS = list(all_rows())
EXTREMES = (0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0)


def ordinary(array):
    return array


def extreme(array):
    """The same shape, with what leaves the range of the dtype in all directions."""
    largest, smallest = np.finfo(array.dtype).max, np.finfo(array.dtype).smallest_subnormal
    values = np.array(
        [*EXTREMES, largest, -largest, smallest, 1e3 * smallest, largest**0.75], array.real.dtype
    )
    taken = np.random.default_rng(array.size).choice(values, array.shape)
    return np.asarray(taken).astype(array.dtype)


@np.errstate(all="ignore")
def tensors(sample, dtype, change):
    """The sample's arguments, floating arrays as variables of the dtype with changed values."""
    variables = []

    def leaf(value):
        constant = isinstance(value, Constant)
        value = value.array if constant else value
        if not isinstance(value, np.ndarray):
            return value
        if value.dtype.kind not in "fc":
            return cnn_physics77.from_numpy(value.copy())
        if value.dtype.kind == "f":
            value = value.astype(dtype)
        tensor = cnn_physics77.from_numpy(np.array(value if constant else change(value)))
        if not constant:
            variables.append(tensor.requires_grad_(True))
        return tensor

    return *sample.convert(leaf), variables


def flat(value) -> list:
    if isinstance(value, (tuple, list)):
        return [leaf for v in value for leaf in flat(v)]
    return [value]


def results(row: Row, sample, dtype, change) -> list:
    """The values, the gradients and the second gradients; or the error that the operation raises."""
    args, kwargs, variables = tensors(sample, dtype, change)
    try:
        outputs = flat(row.ours()(*args, **kwargs))
    except (ValueError, TypeError, RuntimeError, IndexError) as error:
        return [type(error)]
    found = list(outputs)
    for _ in range(row.order):
        outputs = [y for y in outputs if isinstance(y, cnn_physics77.Tensor) and y.requires_grad]
        if not outputs:
            break
        outputs = cnn_physics77.autograd.grad(
            outputs,
            variables,
            [cnn_physics77.ones_like(y) for y in outputs],
            create_graph=True,
            allow_unused=True,
            materialize_grads=True,
        )
        found += outputs
    return found


def equal(a, b) -> bool:
    if isinstance(a, cnn_physics77.Tensor):
        a, b = a.detach().numpy(), b.detach().numpy()
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("change", [ordinary, extreme])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_values_do_not_depend_on_the_callers_error_state(row, change):
    for dtype in (np.float32, np.float16):
        for sample in row.samples(np.random.default_rng(zlib.crc32(row.name.encode()))):
            cnn_physics77.manual_seed(0)
            usual = results(row, sample, dtype, change)
            cnn_physics77.manual_seed(0)
            with np.errstate(all="raise"):
                wary = results(row, sample, dtype, change)
                assert set(np.geterr().values()) == {"raise"}
            assert len(usual) == len(wary)
            for a, b in zip(usual, wary):
                assert equal(a, b), f"{row.name} at {sample} in {np.dtype(dtype)}"


LARGE, SMALL = 3e38, 1e-45
NUMBERS = [0.0, -0.0, np.inf, -np.inf, np.nan, LARGE, -LARGE, SMALL, 1e-30, 1.0]


def numbers(**more):
    return cnn_physics77.tensor(NUMBERS, **more)


IN_PLACE = {
    "mul_": lambda: numbers().mul_(numbers()),
    "div_": lambda: numbers().div_(0),
    "exp_": lambda: numbers().exp_(),
    "float_power_": lambda: numbers().float_power_(2),
    "square_, recorded": lambda: (numbers(requires_grad=True) * 1).square_(),
    "addcdiv_": lambda: numbers().addcdiv_(numbers(), numbers().flip(0)),
    "copy_": lambda: numbers().half().copy_(numbers()),
    "x[0] =": lambda: numbers().__setitem__(0, 1e-300),
    "fill_": lambda: numbers().fill_(1e-300),
}

OTHERS = {
    "tensor": lambda: cnn_physics77.tensor([1e300, 1e-300, 70000.0], dtype=cnn_physics77.float16),
    "full": lambda: cnn_physics77.full((2,), 1e-300),
    "arange": lambda: cnn_physics77.arange(0, 1e39, 1e38),
    "linspace": lambda: cnn_physics77.linspace(1e-44, 3e38, 3),
    "logspace": lambda: cnn_physics77.logspace(0, 300, 3),
    "half": lambda: numbers().half(),
    "long of finite ones": lambda: cnn_physics77.tensor([1e30]).to(cnn_physics77.float16),
    "comparison with a number": lambda: numbers() > 1e300,
    "in": lambda: 1e300 in numbers(),
    "repr": lambda: repr(numbers()),
    "uniform_": lambda: numbers().uniform_(0, 1e-40, generator=seeded()),
    "normal_": lambda: numbers().normal_(0, 1e-30, generator=seeded()),
    "exponential_": lambda: numbers().half().exponential_(1e-9, generator=seeded()),
    "init.normal_": lambda: cnn_physics77.nn.init.normal_(numbers().half(), 0, 1e-9, generator=seeded()),
    "init.trunc_normal_": lambda: cnn_physics77.nn.init.trunc_normal_(
        numbers().half(), 0, 1e-9, generator=seeded()
    ),
    "running statistics": lambda: normalised(),
    "clip_grad_norm_": lambda: clipped(1e-30),
    "clip_grad_norm_ of large ones": lambda: clipped(LARGE),
    "linear layer": lambda: cnn_physics77.nn.Linear(2, 2)(numbers().reshape(5, 2)).sum().backward(),
}


def seeded():
    return cnn_physics77.Generator().manual_seed(67)


def normalised():
    layer = cnn_physics77.nn.BatchNorm1d(2)
    layer(numbers().reshape(5, 2)).sum().backward()
    return layer.running_mean, layer.running_var


def clipped(gradient):
    p = cnn_physics77.nn.Parameter(cnn_physics77.ones(3))
    p.grad = cnn_physics77.full((3,), gradient)
    total = cnn_physics77.nn.utils.clip_grad_norm_([p], 1e-20)
    return total, p.grad


def stepped(kind, gradient, settings):
    small, large = (cnn_physics77.nn.Parameter(cnn_physics77.full((n,), 0.5)) for n in (3, 70_000))
    optimizer = getattr(cnn_physics77.optim, kind)([small, large], **settings)
    for _ in range(2):
        for p in (small, large):
            p.grad = cnn_physics77.full(p.shape, gradient)
        optimizer.step()
    return small, large


STEPS = [
    ("SGD", {"lr": 1e-30, "momentum": 0.9, "weight_decay": 1e-30}),
    ("Adam", {"lr": 1e-3}),
    ("Adam", {"lr": 1e-3, "amsgrad": True, "weight_decay": 1e-30}),
    ("AdamW", {"lr": 1e-3}),
]

CALLS = {
    **IN_PLACE,
    **OTHERS,
    **{
        f"{kind} {settings} {gradient}": lambda kind=kind, gradient=gradient, settings=settings: stepped(
            kind, gradient, settings
        )
        for kind, settings in STEPS
        for gradient in (1e-45, 1e-30, LARGE, np.inf, 0.0)
    },
}


@pytest.mark.parametrize("call", CALLS)
def test_whatever_else_computes_does_not_depend_on_it_either(call):
    cnn_physics77.manual_seed(67)
    usual = flat(CALLS[call]())
    cnn_physics77.manual_seed(67)
    with np.errstate(all="raise"):
        wary = flat(CALLS[call]())
        assert set(np.geterr().values()) == {"raise"}
    for a, b in zip(usual, wary, strict=True):
        assert equal(a, b)


def test_a_caller_whose_state_is_a_call_is_not_called():
    called = []
    with np.errstate(all="call", call=lambda *what: called.append(what)):
        x = numbers(requires_grad=True)
        (cnn_physics77.exp(x) * x / 0).sum().backward()
        assert np.geterrcall() is not None
        np.float32(1) / np.float32(0)
    assert len(called) == 1


def test_an_operation_that_raises_leaves_the_callers_state():
    with np.errstate(all="raise"):
        for call in (
            lambda: cnn_physics77.ones(2) + cnn_physics77.ones(3),
            lambda: cnn_physics77.exp("x"),
            lambda: cnn_physics77.nn.functional.layer_norm(cnn_physics77.ones(3), (2,)),
        ):
            with pytest.raises((RuntimeError, TypeError)):
                call()
        assert set(np.geterr().values()) == {"raise"}


def test_a_hook_that_raises_leaves_the_callers_state():
    x = cnn_physics77.ones(2, requires_grad=True)
    y = x * 2
    y.register_hook(lambda g: 1 / 0)
    with np.errstate(all="raise"):
        with pytest.raises(ZeroDivisionError):
            y.sum().backward()
        assert set(np.geterr().values()) == {"raise"}


def test_without_numpys_context_variable(monkeypatch):
    """Another NumPy may keep its state elsewhere: then NumPy's own functions set it."""
    monkeypatch.setattr(fp_errors, "copy_context", dict)
    state, silence, enter, restore, call = fp_errors._state()
    assert state() is not silence
    with np.errstate(all="raise"):
        before = state()
        enter()
        assert set(np.geterr().values()) == {"ignore"}
        restore(before)
        assert set(np.geterr().values()) == {"raise"}
        assert call(np.log, np.zeros(1))[0] == -np.inf
        assert set(np.geterr().values()) == {"raise"}


def test_two_threads_that_compute_at_once_are_both_silent():
    x = torch.full((100_000,), 1e38)
    barrier, wrong = threading.Barrier(2), []

    def work():
        barrier.wait()
        with np.errstate(all="raise"):
            for _ in range(200):
                try:
                    x * x
                except FloatingPointError as error:
                    wrong.append(error)
            wrong.extend(value for value in np.geterr().values() if value != "raise")

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_context_in_use_is_no_obstacle():
    """As while another thread computes: the same values, the same errors."""

    def compute():
        with np.errstate(all="raise"):  # in this context: the state that the operations find
            with pytest.raises(ShapeError):
                torch.ones(2) + torch.ones(3)
            with pytest.raises(DtypeError):
                torch.sign(torch.ones(2, dtype=torch.complex64))
            return torch.zeros(1).log() + torch.ones(1)

    with pytest.raises(RuntimeError):
        fp_errors.call_ufunc(lambda: fp_errors.call_ufunc(np.add, 1, 1))
    assert fp_errors.call_ufunc(compute).item() == -np.inf


@pytest.mark.parametrize(
    "compute",
    [
        lambda x: x.exp(),
        lambda x: x * x,
        lambda x: x.sum(),
        lambda x: x.mul_(2.0),
        lambda x: torch.nn.functional.softmax(x, 0),
        lambda x: parallel_for(lambda block: None, 3, microseconds=1.0),
        lambda x: parallel_for(lambda block: None, 3, microseconds=1e6),
    ],
    ids=["unary", "binary", "operation", "in place", "kernel", "loop", "loop on threads"],
)
def test_ctrl_c_wherever_it_comes_leaves_nothing_behind(compute, monkeypatch):
    """CPython raises KeyboardInterrupt where a function is entered, or has been left: at each of these places
    once."""
    enter = fp_errors.enter_silence
    for module in (fp_errors, operation, inplace):  # profilers see Python's calls
        monkeypatch.setattr(module, "enter_silence", lambda: enter())
    x = torch.ones(3)
    compute(x)
    threads, places = blas.threads, 0

    def interrupt(frame, event, argument):
        nonlocal countdown
        if event in ("call", "c_return", "return"):
            countdown -= 1
            if countdown == 0:
                raise KeyboardInterrupt

    with np.errstate(all="raise"):
        while True:
            countdown = places = places + 1
            interrupted(lambda: compute(x), interrupt)
            assert set(np.geterr().values()) == {"raise"}, f"place {places}"
            assert arena.frame is None and not blas._holders, f"place {places}"
            if countdown > 0:
                break
    assert places > 5
    blas.in_one_thread(lambda: None)
    assert blas.threads == threads and not blas._held

"""Lanes in processes: equal values, and nothing that hangs or stays behind."""

import gc
import itertools
import os
import platform
import signal
import subprocess
import sys
import textwrap
import threading
import time

import numpy as np
import pytest

import cnn_physics77 as torch
from cnn_physics77 import nn
from cnn_physics77.compile.capture.trace import bounds
from cnn_physics77.compile.replay.captured import Captured
from cnn_physics77.compile.replay.processes import LanedProgram, worker
from cnn_physics77.compile.schedule.dealing import cuts
from cnn_physics77.core.operations.base.operation import OPERATIONS, operation
from cnn_physics77.nn import functional as F

pytestmark = pytest.mark.skipif(
    os.name != "posix" or platform.machine() not in ("x86_64", "AMD64"),
    reason="lanes in processes need Linux or macOS on x86",
)


def network(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.BatchNorm2d(6),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(6 * 14 * 14, 30),
        nn.Tanh(),
        nn.Linear(30, 10),
    ).to(dtype)


def training(model, optimizer):
    def step(x, y):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


PRODUCTS = [
    (7, 512, 10),
    (1, 784, 512),
    (40, 33, 50),
    (64, 120, 84),
    (512, 7, 784),
    (30, 3000, 31),
    (2, 9000, 2),
]


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64])
def test_a_cut_product_has_the_bits_of_the_whole(dtype):
    generator = np.random.default_rng(3)
    pairs = []
    for m, k, n in PRODUCTS:
        numbers = generator.standard_normal((m * k + k * n) * 2).astype(np.float64).view(np.complex128)
        numbers = numbers.astype(dtype) if dtype == np.complex64 else numbers.real.astype(dtype)
        a, b = torch.from_numpy(numbers[: m * k].reshape(m, k)), torch.from_numpy(numbers[m * k :])
        pairs += [(a, b.reshape(k, n)), (a, b.reshape(n, k).mT), (a.reshape(k, m).mT, b.reshape(k, n))]

    def products(*factors):
        return [a @ b for a, b in zip(factors[::2], factors[1::2], strict=True)]

    step = torch.compile(products, fullgraph=True, lanes="processes")
    factors = [factor for pair in pairs for factor in pair]
    for _ in range(4):
        found = step(*factors)
    calls = [
        piece.step for piece in step.program.pieces if getattr(piece.step, "function", None) is np.matmul
    ]
    assert len(calls) > len(pairs)  # some were cut
    for one, expected in zip(found, products(*factors), strict=True):
        np.testing.assert_array_equal(one.numpy(), expected.numpy())


def test_a_cut_sum_has_the_bits_of_the_whole():
    """In whatever order the axes lie. Where one element of an axis is left, NumPy adds along another axis."""

    @operation(name="added")
    def added(x, axis):
        return np.add.reduce(x, axis=axis)

    generator = np.random.default_rng(4)
    numbers = [
        np.ascontiguousarray(generator.standard_normal(shape).transpose(order)).transpose(np.argsort(order))
        for shape in itertools.product((5, 40), (2, 3, 8), (2, 17))
        for order in itertools.permutations(range(3))
    ]
    tensors = [torch.from_numpy(x) for x in numbers]

    def sums(*tensors):
        return [added(x, axis=axis) for x in tensors for axis in (0, 1, 2, (0, 1), (0, 2), (1, 2))]

    try:
        step = torch.compile(sums, fullgraph=True)
        for _ in range(2):
            step(*tensors)
    finally:
        del OPERATIONS["added"]
    arrays, cut = iter(np.repeat(np.arange(len(numbers)), 6)), 0
    for call in step.program.steps:
        (given,) = call.arguments
        x = numbers[next(arrays)]
        assert x.shape == given.shape and x.strides == given.strides
        whole = np.add.reduce(x, **call.options)
        for first, second in cuts(call):
            parts = np.empty_like(whole)
            for half in (first, second):
                source, out = half.arguments[0], half.out
                offset = source.offset - given.offset
                part = np.ndarray(source.shape, x.dtype, x.base, offset, source.strides)
                place = np.ndarray(out.shape, x.dtype, parts, out.offset - call.out.offset, out.strides)
                np.add.reduce(part, **call.options, out=place)
            np.testing.assert_array_equal(parts, whole)
            cut += 1
    assert cut > len(numbers)


def batches(count, dtype=np.float64, sizes=(32,)):
    generator = np.random.default_rng(1)
    for number in range(count):
        n = sizes[number % len(sizes)]
        x = generator.standard_normal((n, 1, 28, 28)).astype(dtype)
        yield torch.from_numpy(x), torch.from_numpy(generator.integers(0, 10, n))


def prepared(lanes="processes", dtype=torch.float64, calls=4):
    """A step that runs in two processes, its model, and its optimizer."""
    model = network(dtype)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    step = torch.compile(training(model, optimizer), lanes=lanes)
    for x, y in batches(calls, np.dtype(str(dtype).rpartition(".")[2])):
        step(x, y)
    assert isinstance(step.program, LanedProgram)
    return step, model, optimizer


def run(lanes, optimizer_name, dtype, sizes):
    model = network(dtype)
    options = {"momentum": 0.9} if optimizer_name == "SGD" else {}
    optimizer = getattr(torch.optim, optimizer_name)(model.parameters(), lr=1e-2, **options)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    step = training(model, optimizer)
    if lanes:
        step = torch.compile(step, lanes=lanes)
    torch.manual_seed(3)
    losses = []
    for x, y in batches(12, np.dtype(str(dtype).rpartition(".")[2]), sizes):
        losses.append(step(x, y))
        scheduler.step()
    if lanes:
        assert all(isinstance(captured.program, LanedProgram) for captured in step.captures())
    state = [value.detach().numpy().copy() for value in model.state_dict().values()]
    return [loss.item() for loss in losses], state + [p.grad.numpy().copy() for p in model.parameters()]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("optimizer", ["Adam", "SGD"])
def test_two_processes_compute_what_one_call_does(optimizer, dtype):
    tolerance = 1e-11 if dtype == torch.float64 else 1e-3  # twelve steps of training
    losses, arrays = run(None, optimizer, dtype, (32, 32, 32, 17))
    found_losses, found = run("processes", optimizer, dtype, (32, 32, 32, 17))
    np.testing.assert_allclose(found_losses, losses, rtol=tolerance)
    for a, b in zip(found, arrays, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)  # values of the order of 0.1 to 1


def test_a_lane_writes_no_memory_of_temporaries_that_the_other_one_wrote_before():
    step, _, _ = prepared()
    written = {}  # by buffer and lane: the first and the last byte
    for piece in step.program.pieces:
        for operand in piece.step.writes:
            start = step.program.start_of(operand.buffer)
            if start is not None:
                low, high = (start + place for place in bounds(operand))
                first, last = written.get((operand.buffer, piece.lane), (low, high))
                written[operand.buffer, piece.lane] = min(low, first), max(high, last)
    assert {lane for _, lane in written} == {0, 1}
    for (buffer, lane), (low, high) in written.items():
        for (other, other_lane), (other_low, other_high) in written.items():
            apart = high <= other_low or other_high <= low
            assert apart or lane == other_lane or buffer is other


def in_place(y):
    np.subtract(y, y[:1], out=y)


def shifted(y):
    np.add(y[1:], y[:-1], out=y[1:])


def reversed_(y):
    y[...] = y[::-1]


@pytest.mark.parametrize("change", [in_place, shifted, reversed_])
@pytest.mark.parametrize("shape", [(400_000,), (20, 20_000)])
def test_a_call_that_overwrites_what_it_reads_is_no_two_calls(change, shape):
    @operation(name="overwrites")
    def overwrite(x):
        y = np.sin(x)
        change(y)
        return y

    try:
        step = torch.compile(lambda x: overwrite(x) * 1, fullgraph=True, lanes="processes")
        for seed in range(4):
            x = np.random.default_rng(seed).standard_normal(shape)
            np.testing.assert_array_equal(step(torch.from_numpy(x)).array, overwrite.forward(x))
        assert isinstance(step.program, LanedProgram)
    finally:
        del OPERATIONS["overwrites"]


def test_tensors_stay_the_users_own():
    step, model, optimizer = prepared()
    weight = model[0].weight
    twin = network()
    twin.load_state_dict(model.state_dict())
    other = torch.optim.Adam(twin.parameters(), lr=1e-2)
    other.load_state_dict(optimizer.state_dict())
    eager = training(twin, other)
    for number, (x, y) in enumerate(batches(6)):
        torch.manual_seed(number)
        step(x, y)
        torch.manual_seed(number)
        eager(x, y)
        with torch.no_grad():  # what others do between replays is seen, and seen by others
            weight.mul_(0.9)
            twin[0].weight.mul_(0.9)
    assert model[0].weight is weight
    for a, b in zip(model.state_dict().values(), twin.state_dict().values(), strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9, atol=1e-10)


def test_what_the_caller_keeps_does_not_change():
    step, model, _ = prepared()
    ((x, y),) = batches(1)
    loss, gradient = step(x, y), model[0].weight.grad
    kept = loss.item(), gradient.numpy().copy()
    for _ in range(3):
        step(x, y)
    assert loss.item() == kept[0]
    np.testing.assert_array_equal(gradient.numpy(), kept[1])
    assert model[0].weight.grad is not gradient


def test_a_value_that_decides_gives_the_run_up_without_a_trace():
    torch.manual_seed(0)
    weight = torch.randn(300, 300, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)

    def step(x):
        optimizer.zero_grad()
        y = torch.tanh(x @ weight)
        loss = (y * y).mean()
        if loss > 0.9:
            loss = loss * 2
        loss.backward()
        optimizer.step()
        return loss

    compiled = torch.compile(step, lanes="processes")
    small, large = torch.randn(64, 300, dtype=torch.float64) * 1e-2, torch.ones(64, 300, dtype=torch.float64)
    for _ in range(4):
        compiled(small)
    assert isinstance(compiled.program, LanedProgram)
    before = weight.detach().numpy().copy()
    found = compiled(large * 50)
    after = weight.detach().numpy().copy()
    with torch.no_grad():
        weight.copy_(torch.from_numpy(before))
    expected = step(large * 50)
    np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-12)
    np.testing.assert_allclose(after, weight.detach().numpy(), rtol=1e-12, atol=1e-14)


def test_a_guard_that_fails_while_lanes_are_compared_repeats_no_step():
    weight = torch.full((300, 300), 1.0, dtype=torch.float64, requires_grad=True)
    calls = torch.zeros(1)

    def step(x):
        with torch.no_grad():
            calls.add_(1)
            if weight.sum() > 4.5 * weight.numel() / 9:  # true until the third call halves the weight again
                weight.mul_(0.8)
            else:
                weight.mul_(0.9)
        return torch.tanh(x @ weight.detach()).sum()

    compiled = torch.compile(step, lanes="processes")
    x = torch.ones(64, 300, dtype=torch.float64)
    expected, factor = [], 1.0
    for _ in range(8):
        factor *= 0.8 if factor > 0.5 else 0.9
        expected.append(factor)
    for number, factor in enumerate(expected, 1):
        compiled(x)
        assert calls.item() == number
        assert weight[0, 0].item() == pytest.approx(factor)


@pytest.fixture
def no_callbacks():
    """Hypothesis has one of the garbage collector, in which a KeyboardInterrupt would be lost."""
    callbacks = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks.extend(callbacks)


@pytest.mark.usefixtures("no_callbacks")
def test_interrupted_at_random_moments_it_neither_hangs_nor_computes_wrongly():
    step, model, optimizer = prepared()
    ((x, y),) = batches(1)
    generator = np.random.default_rng(0)
    interrupted = 0

    def interrupt(*_):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        for _ in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, float(generator.uniform(1e-4, 2e-2)))
                step(x, y)
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                interrupted += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert interrupted > 10
    twin = network()
    twin.load_state_dict(model.state_dict())
    other = torch.optim.Adam(twin.parameters(), lr=1e-2)
    other.load_state_dict(optimizer.state_dict())
    for number in range(3):
        torch.manual_seed(number)
        found = step(x, y)
        torch.manual_seed(number)
        expected = training(twin, other)(x, y)
        np.testing.assert_allclose(found.item(), expected.item(), rtol=1e-10)
    assert not worker().turn.is_taken


def test_a_process_that_has_ended_is_replaced():
    step, _, _ = prepared()
    ((x, y),) = batches(1)
    process = worker().process
    process.kill()
    process.wait()
    for _ in range(4):
        assert np.isfinite(step(x, y).item())
    assert isinstance(step.program, LanedProgram) and worker().process is not process


def test_another_thread_computes_meanwhile():
    step, _, _ = prepared()
    other, _, _ = prepared()
    ((x, y),) = batches(1)
    failed = []

    def work(function):
        try:
            for _ in range(20):
                assert np.isfinite(function(x, y).item())
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(function,)) for function in (step, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed and not any(thread.is_alive() for thread in threads)


SCRIPT = """
import sys, time
import numpy as np
import cnn_physics77 as torch
from cnn_physics77.compile.schedule.dealing import cuts
from cnn_physics77.compile.replay.processes import worker
torch.manual_seed(0)
weight = torch.randn(400, 400, requires_grad=True)
optimizer = torch.optim.SGD([weight], lr=0.1)
@torch.compile(lanes="processes")
def step(x):
    optimizer.zero_grad()
    loss = torch.tanh(x @ weight).mean()
    loss.backward()
    optimizer.step()
    return loss
x = torch.randn(128, 400)
for _ in range(5):
    step(x)
print(worker().process.pid, flush=True)
{ending}
"""


def ends_within(pid: int, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with open(f"/proc/{pid}/stat") as file:
                if file.read().rpartition(")")[2].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
@pytest.mark.parametrize("ending", ["time.sleep(60)", "while True: step(x)"])
def test_a_killed_parent_leaves_no_process(ending):
    script = textwrap.dedent(SCRIPT.format(ending=ending))
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        time.sleep(0.2)
        parent.kill()
        parent.wait()
    assert ends_within(child, 2)


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_the_process_ends_with_the_program():
    script = textwrap.dedent(SCRIPT.format(ending=""))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == ""
    assert ends_within(int(done.stdout), 2)


@pytest.mark.skipif(sys.platform != "linux", reason="maps are read from /proc")
def test_dropped_programs_give_their_memory_back():
    def maps():
        with open(f"/proc/{worker().process.pid}/maps") as file:
            return sum("cnn_physics77" in line for line in file)

    step, _, _ = prepared()
    held = maps()
    for _ in range(3):
        step.reset()
        ((x, y),) = batches(1)
        for _ in range(4):
            step(x, y)
        time.sleep(0.6)  # the process reads what it is told when it is idle
    assert maps() <= held + 6  # a program is forgotten when the next one comes


def test_lanes_that_there_are_not():
    with pytest.raises(ValueError, match="expected lanes 'threads', 'processes', 'auto' or 1, found 'three'"):
        torch.compile(lambda x: x, lanes="three")


@pytest.mark.parametrize("in_place", [False, True])
def test_lanes_of_a_module(in_place):
    def compiled(model, lanes):
        if not in_place:
            return torch.compile(model, lanes=lanes)
        model.compile(lanes=lanes)
        return model

    with pytest.raises(ValueError, match="expected lanes 'threads', 'processes', 'auto' or 1, found 'three'"):
        compiled(nn.Linear(2, 2), "three")
    x, eager = next(batches(1))[0], network().eval()
    for lanes in (1, "processes"):
        model = compiled(network().eval(), lanes)
        with torch.no_grad():
            for _ in range(4):
                y = model(x)
            np.testing.assert_allclose(y.numpy(), eager(x).numpy(), rtol=1e-12, atol=1e-14)
        program = model.forward.program
        assert program.lanes == 1 and isinstance(program, LanedProgram) == (lanes == "processes")


def test_short_programs_stay_in_one_process():
    compiled = torch.compile(lambda x: x * 2 + 1, lanes="processes")
    for _ in range(4):
        compiled(torch.ones(3))
    assert not isinstance(compiled.program, LanedProgram)


@pytest.mark.parametrize("faster", ["threads", "processes"])
def test_the_faster_lanes_are_chosen(monkeypatch, faster):
    def seconds(self, given):
        of_threads = not isinstance(self.program, LanedProgram)
        measured(self, given)
        return 1e-3 if of_threads == (faster == "threads") else 2e-3

    measured = Captured.seconds
    monkeypatch.setattr(Captured, "seconds", seconds)
    expected_losses, expected = run(None, "Adam", torch.float64, (32,))
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)
    step = torch.compile(training(model, optimizer), lanes="auto", fullgraph=True)
    torch.manual_seed(3)
    losses = []
    for x, y in batches(12):
        losses.append(step(x, y).item())
        scheduler.step()
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-11)
    for found, value in zip([*model.state_dict().values(), *(p.grad for p in model.parameters())], expected):
        np.testing.assert_allclose(found.detach().numpy(), value, rtol=1e-9, atol=1e-11)
    assert isinstance(step.program, LanedProgram) == (faster == "processes")
    said = "threads 1 ms, processes 2 ms" if faster == "threads" else "threads 2 ms, processes 1 ms"
    assert f"lanes: {faster} ({said})" in str(step.program).splitlines()[0]


def test_without_lanes_one_thread_makes_all_calls():
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    step = torch.compile(training(model, optimizer), lanes=1, fullgraph=True)
    for x, y in batches(4):
        step(x, y)
    assert step.program.lanes == 1 and "parallel_for(" not in step.program.source


def test_two_kinds_of_batches_both_settle_where_threads_are_faster(monkeypatch):
    """The tensors lie in shared memory since the first kind was measured, and stay there."""
    monkeypatch.setattr(
        Captured, "seconds", lambda self, given: 2.0 if isinstance(self.program, LanedProgram) else 1.0
    )
    model = network()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    step = torch.compile(training(model, optimizer), lanes="auto", fullgraph=True)
    for x, y in batches(16, sizes=(32, 17)):
        step(x, y)
    assert len(step.captures()) == 3  # the second kind was captured before its tensors moved
    assert sum(captured.holds() and captured.proved for captured in step.captures()) == 2


def test_a_kind_of_batches_captured_before_the_memory_of_an_optimizer_moved():
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-2)
    step = torch.compile(training(model, optimizer), lanes="processes", fullgraph=True)
    for x, y in batches(6, sizes=(32,)):
        step(x, y)
    next(model.parameters()).requires_grad_(False)  # so the optimizer packs its parameters anew
    for size in (32, 17, 32, 17, 32, 17, 32, 17, 17):
        ((x, y),) = batches(1, sizes=(size,))
        step(x, y)
    assert sum(captured.holds() and captured.proved for captured in step.captures()) == 2

"""Both ways to execute a backward pass give the same bits, and Fast writes only where nobody else can see."""

import sys
import threading
import zlib
from itertools import count

import numpy as np
import pytest

import cnn_physics77 as ours
import cnn_physics77.nn.functional as F
from cnn_physics77.core.autograd import Fast, Plain, executed_by, execution, sequence
from cnn_physics77.testing.table import Constant, all_rows

ROWS = [row for row in all_rows() if row.order >= 1]


def outputs_of(value) -> list:
    if isinstance(value, (tuple, list)):
        return [tensor for item in value for tensor in outputs_of(item)]
    return [value] if isinstance(value, ours.Tensor) and value.requires_grad else []


def variables_and_call(row, sample):
    """The sample's tensors, each used twice, so that gradients meet; and the outputs."""
    variables: list = []

    def leaf(value):
        constant = isinstance(value, Constant)
        value = value.array if constant else value
        if not isinstance(value, np.ndarray):
            return value
        tensor = ours.from_numpy(value.copy())
        if constant or value.dtype.kind not in "fc":
            return tensor
        variables.append(tensor.requires_grad_())
        return tensor * 1.0

    args, kwargs = sample.convert(leaf)
    ours.manual_seed(0)
    return variables, outputs_of(row.ours()(*args, **kwargs))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_derivative_gives_the_same_bits_however_it_is_executed(row):
    """Three passes over one graph: what Fast wrote into by mistake would change the third."""
    rng = np.random.default_rng(zlib.crc32(row.name.encode()))
    for sample in row.samples(rng):
        variables, outputs = variables_and_call(row, sample)
        if not outputs:
            continue
        roots = [*outputs, *variables, *outputs]
        given = [ours.from_numpy(np.asarray(rng.normal(size=y.shape), y.dtype)) for y in roots]
        untouched = [g.numpy().copy() for g in given]
        passes = []
        for kind in (Plain, Fast, Plain):
            for variable in variables:
                variable.grad = None
            with executed_by(kind):
                ours.autograd.backward(roots, given, retain_graph=True)
            passes.append([variable.grad.numpy(force=True).tobytes() for variable in variables])
        assert passes[0] == passes[1] == passes[2], sample
        for gradient, before in zip(given, untouched):
            np.testing.assert_array_equal(gradient.numpy(), before)


def residual_network(seed: int):
    rng = np.random.default_rng(seed)
    shapes = [(8, 3, 3, 3), (8,), (8, 8, 3, 3), (8,), (8, 8, 3, 3), (8,), (8,), (10, 8), (10,)]
    weights = [ours.tensor(rng.normal(size=s).astype(np.float32) / 3, requires_grad=True) for s in shapes]
    c, b, c1, b1, c2, gamma, beta, w, bias = weights
    h = F.conv2d(ours.tensor(rng.normal(size=(4, 3, 32, 32)).astype(np.float32)), c, b, padding=1)
    for _ in range(2):
        inner = F.relu(F.batch_norm(F.conv2d(h, c1, b1, padding=1), None, None, gamma, beta, training=True))
        h = F.relu(F.conv2d(inner, c2, padding=1) + h)
    y = F.linear(h.mean((2, 3)) + F.max_pool2d(h, 32).flatten(1), w, bias)
    return weights, F.cross_entropy(y, ours.tensor(rng.integers(0, 10, 4)))


@pytest.mark.parametrize("seed", range(3))
def test_a_residual_network_gives_the_same_bits_with_one_thread_and_two(seed):
    found = []
    before = ours.get_num_threads()
    try:
        for threads in (1, 2):
            ours.set_num_threads(threads)
            for kind in (Plain, Fast):
                weights, loss = residual_network(seed)
                with executed_by(kind):
                    loss.backward()
                found.append([weight.grad.numpy().tobytes() for weight in weights])
    finally:
        ours.set_num_threads(before)
    assert found[0] == found[1] == found[2] == found[3]


@pytest.mark.parametrize("seed", range(20))
def test_random_graphs_give_the_same_bits(seed):
    rng = np.random.default_rng(seed)
    leaves = [ours.tensor(rng.normal(size=(3, 4)), requires_grad=True) for _ in range(3)]
    found: list = list(leaves)
    for _ in range(30):
        a, b = (found[i] for i in rng.integers(0, len(found), 2))
        made = [
            lambda a=a, b=b: a + b,
            lambda a=a, b=b: a * b.tanh(),
            lambda a=a, b=b: a - b.flip(0),
            lambda a=a: a.t().t(),
            lambda a=a, b=b: ours.cat([a[:1], b[1:]]),
            lambda a=a: a.mean(0).expand(3, 4),
            lambda a=a: sum(a.unbind(0)).expand(3, 4) / 3,
        ]
        found.append(made[rng.integers(len(made))]())
    loss = sum((tensor.sin() * tensor).sum() for tensor in found[-5:])
    passes = []
    for kind in (Plain, Fast, Plain):
        with executed_by(kind):
            gradients = ours.autograd.grad(loss, leaves, retain_graph=True, materialize_grads=True)
        passes.append([gradient.numpy().tobytes() for gradient in gradients])
    assert passes[0] == passes[1] == passes[2]


# ------------------------------------------------------------------------------------- who can see the memory


class Source:
    """A node whose derivative returned ``results`` for ``incoming``, with ``saved`` kept."""

    class op:
        pure = True

    def __init__(self, saved=(), incoming=None, results=()):
        self.saved = saved
        self.incoming = incoming if incoming is not None else ours.zeros(3)
        self.results = results

    def __iter__(self):
        return iter((self, self.incoming, self.results))


def test_a_result_in_memory_of_its_own_is_fresh():
    result = ours.ones(3)
    assert execution.is_fresh(result, Source((ours.ones(3), (2, "sum")), ours.ones(3), [result, None]))


def test_what_the_derivative_was_given_is_not_fresh():
    memory = np.ones(8, np.float32)
    result = ours.from_numpy(memory[:4])
    overlapping = ours.from_numpy(memory[2:6])
    for source in (
        Source(incoming=overlapping, results=[result]),
        Source(incoming=[None, overlapping], results=[result]),  # of a node of several outputs
        Source(saved=(None, overlapping), results=[result]),
        Source(saved=((1, overlapping),), results=[result]),
        Source(saved=({}, memory), results=[result]),  # a parameter
        Source(results=[result, overlapping]),
        Source(results=[result, result]),
    ):
        assert not execution.is_fresh(result, source)
    assert execution.is_fresh(result, Source(incoming=ours.from_numpy(memory[4:]), results=[result]))


@pytest.mark.parametrize(
    "array",
    [np.broadcast_to(np.float32(1), (2, 3)), np.ones((4, 4))[::2], np.ndarray((2, 2), float, bytes(64))],
    ids=["repeats", "has holes", "read-only"],
)
def test_memory_that_cannot_take_a_sum_is_not_fresh(array):
    result = ours.from_numpy(array)
    assert not execution.is_fresh(result, Source(results=[result]))


def test_what_a_users_function_or_the_caller_gave_is_not_fresh():
    result = ours.ones(3)
    source = Source(results=[result])
    source.op = object()  # says nothing of being pure
    assert not execution.is_fresh(result, source)
    assert not execution.is_fresh(result, None)


def test_plain_keeps_nothing_without_a_copy():
    delivered = []
    x = ours.ones(3, requires_grad=True)
    for kind in (Plain, Fast):
        with executed_by(kind):
            ((x * 2.0) * 3.0).sum().backward(inputs=[x])
        delivered.append(x.grad.numpy().copy())
    np.testing.assert_array_equal(delivered, [[6, 6, 6], [12, 12, 12]])


# ------------------------------------------------------------------------------------------- several threads


def test_no_gradient_is_lost_between_threads():
    threads, steps = 4, 20
    weight = ours.zeros(100_000, requires_grad=True)
    barrier = threading.Barrier(threads)

    def work():
        barrier.wait()
        for _ in range(steps):
            weight.sum().backward()

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    np.testing.assert_array_equal(weight.grad.numpy(), threads * steps)


def test_sequence_numbers_are_unique_between_threads():
    found: list = [[] for _ in range(4)]
    barrier = threading.Barrier(4)

    def work(mine):
        barrier.wait()
        mine.extend(sequence.next() for _ in range(5000))

    workers = [threading.Thread(target=work, args=(mine,)) for mine in found]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len({number for mine in found for number in mine}) == 4 * 5000
    assert all(mine == sorted(mine) for mine in found)


@pytest.mark.parametrize("create_graph", [False, True])
def test_no_gradient_is_lost_to_a_signal_handler(create_graph):
    """That runs backward itself, into the same leaf: at each call in turn, where Python lets handlers in."""

    def interrupted_at(number: int) -> bool:
        weight = ours.ones(3, dtype=np.float64, requires_grad=True)
        loss, other, calls = (weight * 3.0).sum(), (weight * 2.0).sum(), count()

        def handler(frame, event, argument):
            if next(calls) == number:
                other.backward(create_graph=create_graph)

        before = sys.getprofile()
        sys.setprofile(handler)
        try:
            loss.backward(create_graph=create_graph)
        finally:
            sys.setprofile(before)
        came = next(calls) > number
        assert weight.grad.tolist() == [5.0 if came else 3.0] * 3, number
        return came

    assert all(interrupted_at(number) for number in range(50))
    assert not all(interrupted_at(number) for number in range(50, 5000))

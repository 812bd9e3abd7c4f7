"""Generators shared by threads, a thread's own default generator, and positions in a stream."""

import copy
import itertools
import pickle
import threading
import time

import numpy as np
import pytest

from cnn_physics77.core import random
from cnn_physics77.core.random import Generator, default_generator, numpy_generator, seed_thread


def in_thread(function):
    """The function's value, or the error it raised, in a new thread."""
    found = []

    def run():
        try:
            found.append(function())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return found[0]


def test_threads_that_share_a_generator_get_every_number_once():
    count, draws, size = 4, 60, 5000
    generator = Generator().manual_seed(3)
    start = threading.Barrier(count)
    drawn = [[] for _ in range(count)]

    def draw(mine):
        start.wait()
        for _ in range(draws):
            mine.append(generator.numpy.random(size))

    threads = [threading.Thread(target=draw, args=(mine,)) for mine in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = Generator().manual_seed(3).numpy.random((count * draws, size))
    found = np.array(list(itertools.chain(*drawn)))
    np.testing.assert_array_equal(found[np.argsort(found[:, 0])], expected[np.argsort(expected[:, 0])])


def test_a_position_taken_while_another_thread_draws_lies_between_two_draws():
    size, draws = 20_000, 150
    generator = Generator().manual_seed(3)
    heads = set(Generator().manual_seed(3).numpy.random((draws + 1, size))[:, 0])
    done = threading.Event()

    def draw():
        for _ in range(draws):
            generator.numpy.random(size)
        done.set()

    thread = threading.Thread(target=draw)
    thread.start()
    positions = []
    while not done.is_set():
        positions.append(generator.clone_state())
        time.sleep(1e-4)  # lets the other thread have the lock, which is not fair
    thread.join()
    assert positions and all(position.numpy.random() in heads for position in positions)


def test_seed_and_stream_belong_together_in_every_thread():
    generator = Generator().manual_seed(0)
    first = {seed: Generator().manual_seed(seed).position() for seed in range(8)}
    done = threading.Event()

    def seed_again():
        for i in range(4000):
            generator.manual_seed(i % 8)
        done.set()

    thread = threading.Thread(target=seed_again)
    thread.start()
    while not done.is_set():
        position = generator.position()
        assert position == first[position.seed]
    thread.join()


def test_a_threads_own_default_generator():
    random.manual_seed(1)
    state, position = random.get_rng_state(), default_generator.position()

    def work():
        generator = seed_thread(7)
        assert random.initial_seed() == 7 == default_generator.initial_seed()
        expected = Generator().manual_seed(7).numpy.random(4)
        assert numpy_generator(None) is generator.numpy is default_generator.numpy
        np.testing.assert_array_equal(numpy_generator(default_generator).random(4), expected)
        assert random.manual_seed(8) is default_generator
        assert generator.initial_seed() == 8
        random.set_rng_state(state)
        assert generator.position() == position
        random.seed()
        generator.numpy.random(3)
        return copy.deepcopy(default_generator).position() == generator.position()

    assert in_thread(work) is True
    assert default_generator.position() == position and random.initial_seed() == 1
    assert in_thread(random.initial_seed) == 1  # other threads share the default generator, as ever
    in_thread(lambda: random.manual_seed(2))
    assert random.initial_seed() == 2


@pytest.mark.parametrize("generator", [Generator().manual_seed(5), default_generator])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda g: pickle.loads(pickle.dumps(g)), Generator.clone_state]
)
def test_copies_go_on_from_the_same_position_independently(generator, copied):
    generator.numpy.standard_normal(3)  # holds the fourth number back
    other = copied(generator)
    assert type(other) is Generator and other.initial_seed() == generator.initial_seed()
    for _ in range(2):
        np.testing.assert_array_equal(other.numpy.standard_normal(3), generator.numpy.standard_normal(3))
    assert other.numpy is not generator.numpy


def _states():
    good = Generator().manual_seed(5).get_state()
    unseeded, too_far = good.clone(), good.clone()
    unseeded[12] = 0
    too_far[17] = 3  # the next word is number 768
    return [None, {}, good.float(), good[:-1], unseeded, too_far]


@pytest.mark.parametrize("state", _states(), ids=lambda s: getattr(s, "type", lambda: str(s))())
def test_another_state_is_refused_and_changes_nothing(state):
    generator = Generator().manual_seed(5)
    before = generator.position()
    with pytest.raises((TypeError, ValueError), match=r"set_state: .*expected"):
        generator.set_state(state)
    assert generator.position() == before

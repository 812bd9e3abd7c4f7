"""Random number generators. Two runs with the same seed are equal, and equal to PyTorch's
(:mod:`cnn_physics77.core.random.numbers`).

Threads may share a generator. Every draw holds the lock of its stream, so no number is used twice, but which
thread gets which number depends on timing. A thread that must be reproducible needs its own generator;
:func:`seed_thread` gives it its own default generator, as the workers of a data loader have.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np

from cnn_physics77.core.backend.device import CPU, check_device, device
from cnn_physics77.core.random.numbers import Numbers
from cnn_physics77.core.tensor import Tensor, from_array

DEFAULT_SEED = 67280421310721  # PyTorch's; runs that set no seed are equal too


drawing: ContextVar[Callable[[np.random.Generator], Any] | None] = ContextVar("drawing", default=None)
"""What is given in the place of NumPy's generator while a transform such as ``vmap`` runs."""


class Position(NamedTuple):
    """A place in the stream of a seed: what the Mersenne Twister holds, and the normal number held back."""

    seed: int
    key: bytes
    next: int
    second: float | None

    def numbers(self) -> Numbers:
        """What follows from here."""
        bits = np.random.MT19937(0)
        key = np.frombuffer(self.key, np.uint32)
        bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": self.next}}
        numbers = Numbers(bits)
        numbers.second = self.second
        return numbers


def _position(seed: int, numbers: Numbers) -> Position:
    bits = numbers.bit_generator
    with bits.lock:  # not in the middle of another thread's draw
        state: Any = bits.state["state"]
        return Position(seed, state["key"].tobytes(), state["pos"], numbers.second)


class _Stream:
    """The numbers that begin with a seed.

    A process that was forked goes on with a copy: the parent's lock is held for ever there if another thread
    was drawing.
    """

    def __init__(self, seed: int, numbers: Numbers) -> None:
        self.seed = seed
        self._of_process = {os.getpid(): numbers}

    @property
    def numbers(self) -> Numbers:
        process = os.getpid()
        return self._of_process.get(process) or self._of_process.setdefault(process, self._copy())

    def _copy(self) -> Numbers:
        held = list(self._of_process.values())[-1]
        state: Any = held.bit_generator.state["state"]  # without the lock
        return Position(self.seed, state["key"].tobytes(), state["pos"], held.second).numbers()


# PyTorch's layout of a state. Its twister has `left` words, and the next is number `next`; a normal number
# may be held back.
_LAYOUT = np.dtype(
    [
        ("seed", "<u8"),
        ("left", "<i4"),
        ("seeded", "<i4"),
        ("next", "<u8"),
        ("key", "<u8", 624),
        ("normal", "<f8", 3),
        ("held", "<i4"),
        ("unused", "<i4", 3),
    ]
)


class Generator:
    """A stream of random numbers, for example for ``rand(3, generator=g)``.

    A copy or a pickle has the same position in the same stream, and continues independently.

    >>> g = Generator().manual_seed(67)
    >>> g.initial_seed()
    67
    """

    # One attribute, so that a thread that reads it while another thread sets a seed gets a matching pair.
    _stream: _Stream

    def __init__(self, device="cpu"):
        check_device("Generator", device)
        self.manual_seed(DEFAULT_SEED)

    @property
    def numpy(self) -> Numbers:
        """The current :class:`numpy.random.Generator`; :meth:`manual_seed`, :meth:`set_state` replace it."""
        numbers, source = self._stream.numbers, drawing.get()
        return numbers if source is None else source(numbers)

    @property
    def device(self) -> device:
        """``"cpu"``."""
        return CPU

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of the seed; returns the generator.

        Raises:
            ValueError: the seed does not fit 64 bits.
        """
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: expected a seed of 64 bits, -2**63 <= seed < 2**64, found {seed}")
        seed %= 2**64
        self._stream = _Stream(seed, Numbers.of_seed(seed))
        return self

    def initial_seed(self) -> int:
        """The seed that the stream started with."""
        return self._stream.seed

    def seed(self) -> int:
        """Start a stream from a seed of the operating system; returns the seed."""
        seed = secrets.randbits(64)
        self.manual_seed(seed)
        return seed

    def position(self) -> Position:
        """The position in the stream; two of them compare."""
        stream = self._stream
        return _position(stream.seed, stream.numbers)

    def go_to(self, position: Position) -> Generator:
        """Continue from a position; returns the generator."""
        self._stream = _Stream(position.seed, position.numbers())
        return self

    def get_state(self) -> Tensor:
        """The position in the stream, for :meth:`set_state`: bytes in PyTorch's layout, uint8, (5056,)."""
        seed, key, following, second = self.position()
        state = np.zeros((), _LAYOUT)
        state["seed"], state["left"], state["seeded"], state["next"] = seed, 625 - following, 1, following
        state["key"] = np.frombuffer(key, np.uint32)
        if second is not None:
            state["normal"][1], state["held"] = second, 1
        return from_array(np.frombuffer(state.tobytes(), np.uint8).copy())

    def set_state(self, new_state: Tensor) -> Generator:
        """Continue from the position that :meth:`get_state` gave, here or in PyTorch; returns the generator.

        Raises:
            TypeError: not a tensor of bytes.
            ValueError: the bytes are no state of a generator.
        """
        if not isinstance(new_state, Tensor) or new_state.array.dtype != np.uint8:
            raise TypeError(
                f"set_state: expected RNG state to be a torch.ByteTensor, found "
                f"{getattr(new_state, 'dtype', type(new_state).__name__)}"
            )
        data = new_state.array.tobytes()
        if len(data) != _LAYOUT.itemsize:
            raise ValueError(
                f"set_state: RNG state is wrong size: expected the {_LAYOUT.itemsize} bytes of get_state(), "
                f"found {len(data)}"
            )
        state = np.frombuffer(data, _LAYOUT)[0]
        left, following = int(state["left"]), int(state["next"])
        if not (state["seeded"] == 1 and 1 <= left <= 624 and following <= 624):
            raise ValueError("set_state: invalid RNG state: expected what get_state() gave, found others")
        second = float(state["normal"][1]) if state["held"] else None
        key = state["key"].astype(np.uint32).tobytes()
        return self.go_to(Position(int(state["seed"]), key, 624 if left == 1 else following, second))

    def clone_state(self) -> Generator:
        """Another generator at the same position of the same stream."""
        return Generator().go_to(self.position())

    def __reduce__(self):
        return _at, tuple(self.position())

    def __repr__(self) -> str:
        return f"Generator(seed={self.initial_seed()})"


def _at(*position: Any) -> Generator:
    return Generator().go_to(Position(*position))


class _Local(threading.local):
    generator: Generator | None = None


_local = _Local()


class _DefaultGenerator(Generator):
    """One stream for all threads, except those that have called :func:`seed_thread`."""

    _shared: _Stream

    @property
    def _stream(self):
        own = _local.generator
        return self._shared if own is None else own._stream

    @_stream.setter
    def _stream(self, stream):
        if _local.generator is None:
            self._shared = stream
        else:
            _local.generator._stream = stream


default_generator: Generator = _DefaultGenerator()
"""The generator that is used when none is given."""


def seed_thread(seed: int) -> Generator:
    """Give the calling thread its own default generator, started with the seed; returns it.

    From now on, everything in this thread that draws from :data:`default_generator`, sets its seed or reads
    its state uses that stream. Other threads are not affected.

    Raises:
        ValueError: the seed does not fit 64 bits.

    >>> import threading
    >>> seeds = []
    >>> def work():
    ...     _ = seed_thread(7)
    ...     seeds.append(default_generator.initial_seed())
    >>> thread = threading.Thread(target=work)
    >>> thread.start(), thread.join()
    (None, None)
    >>> seeds, default_generator.initial_seed() == 7
    ([7], False)
    """
    generator = Generator().manual_seed(seed)
    _local.generator = generator
    return generator


def numpy_generator(generator) -> np.random.Generator:
    """NumPy's generator for an argument ``generator``: a :class:`Generator`, NumPy's, or None (the default).

    Raises:
        TypeError: anything else.

    >>> numpy_generator(None) is default_generator.numpy
    True
    """
    if isinstance(generator, np.random.Generator):
        return generator
    if generator is None:
        return default_generator.numpy
    if isinstance(generator, Generator):
        return generator.numpy
    raise TypeError(f"generator: expected a Generator or None, found {type(generator).__name__}")


def manual_seed(seed: int) -> Generator:
    """Seed the default generator; returns it.

    >>> import cnn_physics77 as torch
    >>> _ = torch.manual_seed(67)
    >>> a = torch.rand(2)
    >>> _ = torch.manual_seed(67)
    >>> torch.equal(a, torch.rand(2))
    True
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the default generator from the operating system; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator started with."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The position of the default generator in its stream, for :func:`set_rng_state`: bytes, (5056,)."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Set the default generator to a position that :func:`get_rng_state` returned, here or in PyTorch."""
    default_generator.set_state(new_state)

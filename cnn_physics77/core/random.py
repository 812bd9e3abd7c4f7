"""Random number generators. Two runs with the same seed on the same machine are equal bit for bit.

The numbers are those of :class:`numpy.random.Generator` with PCG64 (M. E. O'Neill, *PCG*, HMC-CS-2014-0905),
not PyTorch's.

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
from typing import Any

import numpy as np

from cnn_physics77.core.backend.device import check_device

DEFAULT_SEED = 67280421310721  # PyTorch's; runs that set no seed are equal too


drawing: ContextVar[Callable[[np.random.Generator], Any] | None] = ContextVar("drawing", default=None)
"""What is given in the place of NumPy's generator while a transform such as ``vmap`` runs."""


class _Stream:
    """The numbers that begin with a seed.

    A process that was forked goes on with a copy: the parent's lock is held for ever there if another thread
    was drawing.
    """

    def __init__(self, seed: int, bits: np.random.BitGenerator) -> None:
        self.seed = seed
        self._of_process = {os.getpid(): np.random.Generator(bits)}

    @property
    def numbers(self) -> np.random.Generator:
        process = os.getpid()
        return self._of_process.get(process) or self._of_process.setdefault(process, self._copy())

    def _copy(self) -> np.random.Generator:
        state: Any = list(self._of_process.values())[-1].bit_generator.state
        bits = np.random.PCG64(0)
        bits.state = state
        return np.random.Generator(bits)


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
    def numpy(self) -> np.random.Generator:
        """The current :class:`numpy.random.Generator`; :meth:`manual_seed`, :meth:`set_state` replace it."""
        numbers, source = self._stream.numbers, drawing.get()
        return numbers if source is None else source(numbers)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of the seed; returns the generator.

        Raises:
            ValueError: the seed does not fit 64 bits.
        """
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: expected a seed of 64 bits, -2**63 <= seed < 2**64, found {seed}")
        seed %= 2**64
        self._stream = _Stream(seed, np.random.PCG64(seed))
        return self

    def initial_seed(self) -> int:
        """The seed that the stream started with."""
        return self._stream.seed

    def seed(self) -> int:
        """Start a stream from a seed of the operating system; returns the seed."""
        seed = secrets.randbits(64)
        self.manual_seed(seed)
        return seed

    def get_state(self) -> dict:
        """The position in the stream, for :meth:`set_state`."""
        stream = self._stream
        bits = stream.numbers.bit_generator
        with bits.lock:  # not in the middle of another thread's draw
            return {"seed": stream.seed, **bits.state}

    def set_state(self, new_state: dict) -> Generator:
        """Continue from the position that :meth:`get_state` returned; returns the generator.

        Raises:
            ValueError: not a result of :meth:`get_state`.
        """
        if not isinstance(new_state, dict) or "seed" not in new_state:
            raise ValueError(f"set_state: expected what get_state() gave, found {type(new_state).__name__}")
        state: Any = dict(new_state)
        seed = state.pop("seed")
        bits = np.random.PCG64(0)
        try:
            bits.state = state
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"set_state: expected what get_state() gave, found another state ({error!r})"
            ) from None
        self._stream = _Stream(seed, bits)
        return self

    def clone_state(self) -> Generator:
        """Another generator at the same position of the same stream."""
        return Generator().set_state(self.get_state())

    def __reduce__(self):
        return _at, (self.get_state(),)

    def __repr__(self) -> str:
        return f"Generator(seed={self.initial_seed()})"


def _at(state: dict) -> Generator:
    return Generator().set_state(state)


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


def get_rng_state() -> dict:
    """The position of the default generator in its stream, for :func:`set_rng_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: dict) -> None:
    """Set the default generator to a position that :func:`get_rng_state` returned."""
    default_generator.set_state(new_state)


__all__ = [
    "Generator",
    "default_generator",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "seed",
    "set_rng_state",
]

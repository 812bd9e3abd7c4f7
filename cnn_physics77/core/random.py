"""Random numbers from explicit generators: two runs with the same seed on the same machine are equal bit for
bit.

The numbers are those of :class:`numpy.random.Generator` on PCG64 (M. E. O'Neill, *PCG*, HMC-CS-2014-0905),
not PyTorch's.
"""

from __future__ import annotations

import secrets

import numpy as np

from cnn_physics77.core.backend.device import check_device


class Generator:
    """A stream of random numbers, to be given to whatever draws: ``rand(3, generator=g)``.

    Attributes:
        numpy: the :class:`numpy.random.Generator` behind it.

    >>> g = Generator().manual_seed(67)
    >>> g.initial_seed()
    67
    """

    def __init__(self, device="cpu"):
        check_device("Generator", device)
        self.manual_seed(DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Begin the stream that belongs to the seed; returns the generator.

        Raises:
            ValueError: the seed does not fit 64 bits.
        """
        seed = int(seed)
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: expected a seed of 64 bits, -2**63 <= seed < 2**64, found {seed}")
        self._seed = seed % 2**64
        self.numpy = np.random.Generator(np.random.PCG64(self._seed))
        return self

    def initial_seed(self) -> int:
        """The seed that the stream began with."""
        return self._seed

    def seed(self) -> int:
        """Begin a stream from a seed that the operating system gives; returns the seed."""
        self.manual_seed(secrets.randbits(64))
        return self._seed

    def get_state(self) -> dict:
        """Where the stream stands: for :meth:`set_state`."""
        return {"seed": self._seed, **self.numpy.bit_generator.state}

    def set_state(self, new_state: dict) -> Generator:
        """Continue from where the stream stood; returns the generator.

        Raises:
            ValueError: not what :meth:`get_state` gives.
        """
        if not isinstance(new_state, dict) or "seed" not in new_state:
            raise ValueError(f"set_state: expected what get_state() gave, found {type(new_state).__name__}")
        state = dict(new_state)
        self._seed = state.pop("seed")
        self.numpy.bit_generator.state = state
        return self

    def clone_state(self) -> Generator:
        """Another generator that stands at the same place of the same stream."""
        return Generator().set_state(self.get_state())

    def __repr__(self) -> str:
        return f"Generator(seed={self._seed})"


DEFAULT_SEED = 67280421310721  # as PyTorch: what is never seeded is the same in every run all the same

default_generator = Generator()
"""What draws when no generator is given."""


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
    """The seed that the default generator began with."""
    return default_generator.initial_seed()


def get_rng_state() -> dict:
    """Where the default generator stands: for :func:`set_rng_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: dict) -> None:
    """Let the default generator continue from where it stood when :func:`get_rng_state` was called."""
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

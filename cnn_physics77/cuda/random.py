"""``torch.cuda.random``: the random numbers of CUDA devices, of which there are none."""

from __future__ import annotations

from typing import Any

from cnn_physics77 import _lacking

NO_DEVICE = (
    "expected a CUDA device, found none (not compiled with CUDA enabled); ask torch.cuda.is_available() first"
)


def manual_seed(seed: int) -> None:
    """Nothing: there is no device to seed."""


manual_seed_all = manual_seed


def seed() -> None:
    """Nothing: there is no device to seed."""


seed_all = seed


def get_rng_state_all() -> list:
    """The states of the generators of all devices: none."""
    return []


def set_rng_state(new_state: Any, device: Any = None) -> None:
    """Nothing: there is no device."""


def set_rng_state_all(new_states: Any) -> None:
    """Nothing: there is no device."""


_NEED_DEVICE = _lacking.refuse(globals(), "get_rng_state initial_seed", AssertionError, NO_DEVICE)

__all__ = [
    "get_rng_state_all",
    "manual_seed",
    "manual_seed_all",
    "seed",
    "seed_all",
    "set_rng_state",
    "set_rng_state_all",
    *_NEED_DEVICE,
]

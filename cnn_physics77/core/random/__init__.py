"""Random numbers: PyTorch's streams (:mod:`numbers`), and the generators that draw from them."""

from cnn_physics77.core.random.generator import (
    Generator,
    default_generator,
    drawing,
    get_rng_state,
    initial_seed,
    manual_seed,
    numpy_generator,
    seed,
    seed_thread,
    set_rng_state,
)

__all__ = [
    "Generator",
    "default_generator",
    "drawing",
    "get_rng_state",
    "initial_seed",
    "manual_seed",
    "numpy_generator",
    "seed",
    "seed_thread",
    "set_rng_state",
]

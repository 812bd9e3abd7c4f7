"""``torch.mps``: Apple's devices, of which there is none."""


def is_available() -> bool:
    """Whether there is a device: no."""
    return False


def device_count() -> int:
    """The number of devices: 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no device to seed."""


__all__ = [
    "device_count",
    "is_available",
    "manual_seed",
]

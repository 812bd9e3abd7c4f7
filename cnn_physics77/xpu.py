"""``torch.xpu``: Intel's GPUs, of which there is none."""


def is_available() -> bool:
    """Whether there is a device: no."""
    return False


def device_count() -> int:
    """The number of devices: 0."""
    return 0


def manual_seed(seed: int) -> None:
    """Nothing: there is no device to seed."""


manual_seed_all = manual_seed


def empty_cache() -> None:
    """Nothing: there is no memory of a device."""


__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all"]

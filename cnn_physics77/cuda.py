"""``torch.cuda``, as far as scripts ask whether there is any: there is none."""


def is_available() -> bool:
    """Whether there is a CUDA device: no.

    >>> is_available()
    False
    """
    return False


def device_count() -> int:
    """The number of CUDA devices: 0."""
    return 0


def manual_seed_all(seed: int) -> None:
    """Nothing: there is no device to seed."""


manual_seed = manual_seed_all

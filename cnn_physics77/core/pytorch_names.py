"""Names of modules: what PyTorch calls those of this package."""

from __future__ import annotations

PACKAGES = {
    "torch": "cnn_physics77",
    "torchvision": "cnn_physics77.vision",
    "functorch": "cnn_physics77.functorch",
}
"""PyTorch's packages, and ours."""


def ours(name: str) -> str | None:
    """Our name of a module of PyTorch, ``torch.nn`` for example; None for another library's.

    >>> ours("torch.nn"), ours("torchvision"), ours("torchtext")
    ('cnn_physics77.nn', 'cnn_physics77.vision', None)
    """
    package, dot, rest = name.partition(".")
    return PACKAGES[package] + dot + rest if package in PACKAGES else None


def theirs(name: str) -> str:
    """PyTorch's name of something of ours.

    >>> theirs("cnn_physics77.nn.LSTM"), theirs("cnn_physics77.vision.models"), theirs("torch.nested")
    ('torch.nn.LSTM', 'torchvision.models', 'torch.nested')
    """
    for package, own in reversed(PACKAGES.items()):
        if name == own or name.startswith(own + "."):
            return package + name.removeprefix(own)
    return name


__all__ = ["PACKAGES", "ours", "theirs"]

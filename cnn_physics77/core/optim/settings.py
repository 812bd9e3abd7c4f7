"""Checks of the optimizers' settings."""

from __future__ import annotations


def check_not_negative(optimizer: str, **settings: float) -> None:
    """Raise ValueError, in PyTorch's words, for a setting below 0, or an lr of several elements."""
    if getattr(settings.get("lr"), "ndim", 0) and settings["lr"].numel() != 1:  # type: ignore[attr-defined]
        raise ValueError(f"{optimizer}: Tensor lr must be 1-element")
    names = {
        "lr": "learning rate",
        "eps": "epsilon value",
        "momentum": "momentum value",
        "weight_decay": "weight_decay value",
    }
    for name, value in settings.items():
        if not value >= 0:
            raise ValueError(
                f"{optimizer}: Invalid {names.get(name, name + ' value')}: {value}; expected at least 0"
            )


def check_betas(optimizer: str, betas: tuple[float, float]) -> tuple[float, float]:
    """Return the two betas as floats; raise ValueError, in PyTorch's words, unless they lie in [0, 1)."""
    for i, beta in enumerate(betas):
        if not 0 <= beta < 1:
            raise ValueError(
                f"{optimizer}: Invalid beta parameter at index {i}: {beta}; expected 0 <= beta < 1"
            )
    return float(betas[0]), float(betas[1])


def check_tensor_settings(optimizer: str, lr, betas, foreach: bool | None, capturable: bool) -> None:
    """Raise ValueError, in PyTorch's words, for combinations of tensors that it refuses."""
    tensors = [hasattr(beta, "numel") for beta in betas]
    if tensors[0] != tensors[1]:
        raise ValueError(f"{optimizer}: betas must be either both floats or both Tensors")
    if not foreach or capturable:
        return
    if hasattr(lr, "numel"):
        raise ValueError(
            f"{optimizer}: lr as a Tensor is not supported for capturable=False and foreach=True"
        )
    if tensors[0]:
        raise ValueError(
            f"{optimizer}: betas[0] as a Tensor is not supported for capturable=False and foreach=True"
        )


def refuse_differentiable(optimizer: str, differentiable: bool) -> None:
    """Raise ValueError for ``differentiable=True``."""
    if differentiable:
        raise ValueError(
            f"{optimizer}: expected differentiable=False, found True: steps are made in place and are not "
            "recorded; write the step with tensor operations to differentiate it"
        )


def check_fused(fused: bool | None, foreach: bool | None) -> None:
    """Raise RuntimeError, in PyTorch's words, if both are True."""
    if fused and foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together. Set one of them.")

"""``torch.autograd.gradcheck``: derivatives against finite differences."""

from cnn_physics77.testing.gradcheck import gradcheck, gradgradcheck

__all__ = ["gradcheck", "gradgradcheck"]

"""``torch.utils.tensorboard``: files for TensorBoard, which need its package only when they are made."""

from cnn_physics77.utils.tensorboard.writer import SummaryWriter

__all__ = ["SummaryWriter"]

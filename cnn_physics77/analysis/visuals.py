"""Every plot: functions from logs (or plain figures) to a matplotlib Figure, and `save` for PNG and SVG."""

from cnn_physics77.analysis.bars import memory_bars, speed_bars
from cnn_physics77.analysis.confusion import confusion_matrices
from cnn_physics77.analysis.curves import gradient_norms, layer_gradient_norms, step_losses, training_curves
from cnn_physics77.analysis.frontier import efficiency_frontier
from cnn_physics77.analysis.speed import OperationCost, SpeedCase, roofline, speed_ratios
from cnn_physics77.analysis.style import save

__all__ = [
    "OperationCost",
    "SpeedCase",
    "confusion_matrices",
    "efficiency_frontier",
    "gradient_norms",
    "layer_gradient_norms",
    "memory_bars",
    "roofline",
    "save",
    "speed_bars",
    "speed_ratios",
    "step_losses",
    "training_curves",
]

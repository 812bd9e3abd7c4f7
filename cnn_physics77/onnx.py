"""``torch.onnx``: there is no ONNX here; importing works, using raises."""

from cnn_physics77 import _lacking


def is_in_onnx_export() -> bool:
    """Whether a model is being exported: no."""
    return False


__all__ = [
    "is_in_onnx_export",
]

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "ExportOptions ONNXProgram dynamo_export export register_custom_op_symbolic",
    "a model cannot be exported; save its state_dict by torch.save or core.checkpoint.save_safetensors",
)

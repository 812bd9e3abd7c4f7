"""``torch.quantization``: numbers are not quantized; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "DeQuantStub QConfig QuantStub QuantWrapper convert default_dynamic_qconfig default_qconfig "
    "fuse_modules get_default_qconfig prepare prepare_qat quantize quantize_dynamic quantize_qat",
    "no quantized numbers; use float32, or float16 to save memory",
)

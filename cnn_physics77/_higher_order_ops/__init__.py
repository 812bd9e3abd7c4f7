"""``torch._higher_order_ops``: functions of functions, in part."""

from cnn_physics77._higher_order_ops.associative_scan import associative_scan

__all__ = ["associative_scan"]

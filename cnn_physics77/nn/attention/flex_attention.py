"""``torch.nn.attention.flex_attention``: attention by compiled functions; importing works, using raises."""

from cnn_physics77 import _lacking

__getattr__, __dir__ = _lacking.attributes(
    globals(),
    "AuxOutput AuxRequest BlockMask _DEFAULT_SPARSE_BLOCK_SIZE create_block_mask create_mask flex_attention",
    "no kernel is compiled; use torch.nn.functional.scaled_dot_product_attention with attn_mask",
)

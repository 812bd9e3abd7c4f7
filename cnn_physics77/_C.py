"""``torch._C``: PyTorch's machine code. There is none here; libraries ask for some names on the way."""


def _log_api_usage_once(event: str) -> None:
    """Nothing: no use is counted."""

"""The look of every table."""

from rich import box
from rich.table import Table


def new_table(title: str, caption: str | None = None) -> Table:
    """A table without columns; narrow, as terminals have 80 columns."""
    return Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )

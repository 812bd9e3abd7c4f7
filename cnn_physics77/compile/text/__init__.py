"""A program as text.

:mod:`.source` is the function that runs. :mod:`.naming` gives its memory names, :mod:`.listing` is the table
that ``print`` shows, and :mod:`.standalone` the module that :meth:`~..replay.program.Program.save` writes.
"""

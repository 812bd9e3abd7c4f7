"""Replay: the steps as a Python function, and all that makes it stand for the call.

A :class:`~.program.Program` is the function, on memory of its own. A :class:`~.processes.LanedProgram` runs
half of it in a second process (:mod:`.lane`), on memory that both see (:mod:`.shared`). A
:class:`~.captured.Captured` call has a program, the :mod:`.guards` that say whether it holds (with
:mod:`.gradients` that were there before the call), and does what the call does besides. One that is
:mod:`.differentiable` runs the backward part when it is asked for.
"""

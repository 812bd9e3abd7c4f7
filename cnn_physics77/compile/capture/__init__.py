"""Capture: a call runs as always, and every NumPy call that it makes is noted.

:func:`.recorded.call_and_record` makes the call. Meanwhile :mod:`.seams` taps the framework, so that all
tensors hold arrays of :mod:`.traced`, which append what is done with them to a :mod:`.trace`.
:mod:`.backward` adds the backward pass from results that can be differentiated. :mod:`.tree` flattens
arguments and results, :mod:`.environment` knows the variables that the function reads. A
:class:`~.recorded.Recording` comes out.
"""

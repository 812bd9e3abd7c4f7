"""Ctrl-C at every place at which Python runs the handler of a signal.

These are the places of which a profiler is told, and an error that it raises comes from there: after a call
of a function in C, and where a function of Python is entered or a generator goes on.
"""

import gc
import sys


class CtrlC:
    """Notes the places in files of some names, and raises KeyboardInterrupt when one of them is met."""

    def __init__(self, files, place=None):
        self.files, self.place = files, place
        self.places = {}

    def __call__(self, frame, event, argument):
        caller = frame.f_back if event == "call" else frame
        if event not in ("call", "c_return") or not caller.f_code.co_filename.endswith(self.files):
            return
        place = event, caller.f_code.co_name, caller.f_lineno, getattr(argument, "__name__", "")
        self.places[place] = None
        if place == self.place:
            raise KeyboardInterrupt


def interrupted(function, profiler):
    """The KeyboardInterrupt that a profiler raises, kept: its reference to what was at work must not matter.

    The collector waits: when it runs depends on what was run before, and its callbacks would be places.
    """
    try:
        gc.disable()
        sys.setprofile(profiler)
        function()
    except KeyboardInterrupt as error:
        return error
    finally:
        sys.setprofile(None)
        gc.enable()


def places_of(function, files):
    """All that a call meets."""
    ctrl_c = CtrlC(files)
    assert interrupted(function, ctrl_c) is None
    return list(ctrl_c.places)

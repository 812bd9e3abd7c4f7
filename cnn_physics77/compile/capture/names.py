"""The names by which code reads variables and attributes."""

from __future__ import annotations

import dis
import re
from functools import lru_cache
from importlib.util import resolve_name
from types import CodeType

_READ_BY_TEXT = {"getattr": 2, "hasattr": 2, "attrgetter": 1}  # and which argument is the text
_READ_AS_A_WHOLE = {"vars", "dir", "__dict__", "asdict", "astuple"}
_READ_BY_SOURCE = {"globals", "eval", "exec"}
_CATCH = {"AttributeError", "Exception", "BaseException", "suppress"}
_once = lru_cache(maxsize=4096)  # to disassemble takes most of the time


def codes_in(code: CodeType) -> list[CodeType]:
    """A code, and those of the functions inside of it."""
    inside = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [code, *(each for one in inside for each in codes_in(one))]


def names_in(code: CodeType) -> frozenset[str]:
    """The names of variables that code reads."""
    return frozenset(name for each in codes_in(code) for name in each.co_names)


@_once
def globals_in(code: CodeType) -> frozenset[str]:
    """The names of variables of its module, or builtins, that code reads."""
    loads = ("LOAD_GLOBAL", "LOAD_NAME")
    instructions = (i for each in codes_in(code) for i in dis.get_instructions(each))
    return frozenset(i.argval for i in instructions if i.opname in loads)


@_once
def texts_in(code: CodeType, source: bool) -> frozenset[str]:
    """The names by which code may ask for attributes that are not there, as ``hasattr`` does; with
    ``source`` also those in the texts of code that evaluates texts."""
    names = names_in(code)
    caught = frozenset(names if names & _CATCH else ())
    evaluates = source and not names.isdisjoint(_READ_BY_SOURCE)
    if not evaluates and names.isdisjoint(_READ_BY_TEXT.keys() | _READ_AS_A_WHOLE):
        return caught
    constants = [constant for each in codes_in(code) for constant in each.co_consts]
    constants += [item for constant in constants if isinstance(constant, tuple) for item in constant]
    texts = [text for text in constants if isinstance(text, str)]
    if evaluates:
        return caught.union(*(re.findall(r"[^\W\d]\w*", text) for text in texts))
    return caught | frozenset(filter(str.isidentifier, (word for text in texts for word in text.split("."))))


def line_of(code: CodeType, name: str) -> int:
    """The line of code that reads a variable or an attribute; the first line if none does."""
    line = code.co_firstlineno
    for one in dis.get_instructions(code):
        line = one.positions.lineno or line if one.positions else line
        if one.argval == name:
            return line
    return code.co_firstlineno


@_once
def imports_in(code: CodeType, package: str | None) -> frozenset[str]:
    """The names of modules that code imports where it runs."""
    found = set()
    for each in codes_in(code):
        instructions = list(dis.get_instructions(each))
        for place, one in enumerate(instructions):
            if one.opname == "IMPORT_NAME":
                level = instructions[place - 2].argval  # before the names that are imported from it
                found.add(resolve_name("." * level + one.argval, package) if level else one.argval)
    return frozenset(found)


@_once
def computes_names(code: CodeType) -> bool:
    """Whether code reads attributes by names that it does not say, as ``getattr(x, prefix + "y")`` does."""
    names = set(code.co_names)
    if names & _READ_AS_A_WHOLE:
        return True
    if names.isdisjoint(_READ_BY_TEXT):
        return False
    instructions = list(dis.get_instructions(code))
    return any(
        one.opname in ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_ATTR", "LOAD_METHOD")
        and one.argval in _READ_BY_TEXT
        and not _is_constant(instructions[place + 1 :], _READ_BY_TEXT[one.argval])
        for place, one in enumerate(instructions)
    )


def _is_constant(instructions: list[dis.Instruction], argument: int) -> bool:
    """Whether an argument of the function that has been pushed onto Python's stack is a constant."""
    depth, maker = 0, ""  # the number of arguments there, and what made this one
    for one in instructions:
        if one.is_jump_target and depth == argument:  # one of several
            maker = ""
        if one.opname.startswith(("PRECALL", "CALL")) and depth - (one.arg or 0) <= 0:
            return maker == "LOAD_CONST"
        depth += dis.stack_effect(one.opcode, one.arg, jump=False)
        if depth < 0:  # it is not called here
            return False
        if depth == argument:
            maker = one.opname
    return False

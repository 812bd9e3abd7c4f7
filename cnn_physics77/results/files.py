"""Logs and reports as files: JSON, checked against their schemas when read and when written.

Each run is kept twice: `<run_id>.json`, complete, and `<run_id>.txt` for the eye. Files are written
atomically: under another name first, then renamed, so that a file is whole or absent.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from . import records, speed
from .records import RunLog, RunSchema
from .speed import ProfileReport, SpeedReport, SpeedSchema
from .text import to_text

_RUN: TypeAdapter[RunLog] = TypeAdapter(RunSchema)
_SPEED: TypeAdapter[SpeedReport] = TypeAdapter(SpeedSchema)
_PROFILE: TypeAdapter[ProfileReport] = TypeAdapter(ProfileReport)


class LogError(ValueError):
    """A file is not a log, is damaged, or follows another version of the schema."""


# --------------------------------------------------------------------------- records to JSON and back


def to_json(record: RunLog | SpeedReport | ProfileReport) -> str:
    """A log or report as JSON text, one field per line."""
    adapters: dict[type, TypeAdapter[Any]] = {RunLog: _RUN, SpeedReport: _SPEED, ProfileReport: _PROFILE}
    content = adapters[type(record)].dump_python(record, mode="json", warnings=False)
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"


def from_json(text: str, where: str = "log") -> RunLog:
    """Read a log; the inverse of `to_json`.

    Args:
        text: what `to_json` wrote.
        where: name of the file, for errors.
    Raises:
        LogError: naming file, field, what was expected and what was found.

    >>> from cnn_physics77.results import example_log
    >>> log = example_log()
    >>> from_json(to_json(log)) == log
    True
    """
    return _read(_RUN, text, where, records.SCHEMA, records.VERSION)


def validate(log: RunLog) -> None:
    """Raise LogError unless the log follows the schema.

    >>> from cnn_physics77.results import example_log
    >>> validate(example_log())
    """
    from_json(to_json(log), f"log {log.run_id}")


def _read(adapter: TypeAdapter[Any], text: str, where: str, schema: str, version: int) -> Any:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise LogError(f"{where}: not JSON ({error}); the file is damaged or not a log") from None
    found = content.get("schema") if isinstance(content, dict) else None
    if found != schema:
        raise LogError(f"{where}: schema: expected {schema!r}, found {found!r}; the file is something else")
    if content.get("version") != version:
        raise LogError(
            f"{where}: version: expected {version}, found {content.get('version')!r}; read the file with the "
            "release that wrote it, or run again"
        )
    if "\\ud" in text:  # half a surrogate pair, from bytes of a file name: more than strict JSON allows
        text = json.dumps(content, ensure_ascii=False).encode(errors="replace").decode()
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        raise LogError(f"{where}: {_message(error)}") from None


def _message(error: ValidationError) -> str:
    """The first thing that is wrong, in one line, and how many more there are."""
    first, *more = error.errors(include_url=False)
    kind = first["type"]
    place = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in first["loc"]).lstrip(".")
    if kind == "value_error":  # our own checks say everything
        text = first["msg"].removeprefix("Value error, ")
    elif kind == "missing":
        text = f"{place}: field is missing"
    elif kind == "unexpected_keyword_argument":
        text = f"{place}: unknown field"
    else:
        text = f"{place}: {first['msg'].replace('Input should be', 'expected')}, found {first['input']!r:.60}"
    return f"{text} (and {len(more)} more errors)" if more else text


# --------------------------------------------------------------------------- files


def write_atomically(path: Path, content: str | bytes) -> None:
    """Write a file so that at every moment `path` is what it was or the whole new one.

    Text is written as UTF-8; what has no place there (bytes of a file name on the command line) is escaped.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode(errors="backslashreplace") if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp gives the owner alone
        os.replace(temporary, path)
    except BaseException as error:
        Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:  # a write names none
            error.filename, error.filename2 = str(path), None
        raise


def write_log(log: RunLog, folder: str | os.PathLike[str]) -> Path:
    """Validate and write `<run_id>.json` and `<run_id>.txt` in `folder`; return the JSON's path."""
    text = to_json(log)
    from_json(text, f"log {log.run_id}")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{log.run_id}.json"
    write_atomically(path, text)
    write_atomically(path.with_suffix(".txt"), to_text(log))
    return path


def read_text(path: Path) -> str:
    """A file's text; raises LogError where it is not UTF-8, and OSError."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LogError(f"{path}: not UTF-8 text ({error.reason}); the file is damaged or not a log") from None


def read_log(path: str | os.PathLike[str]) -> RunLog:
    """Read and validate one JSON log; raises LogError (damaged, other schema) or OSError."""
    return from_json(read_text(Path(path)), str(path))


def read_logs(folder: str | os.PathLike[str], group: str | None = None) -> list[RunLog]:
    """All logs of a folder in the order of their names, or those of one group; raises as `read_log` does."""
    logs = [read_log(path) for path in sorted(Path(folder).glob("*.json"))]
    return [log for log in logs if group is None or log.group == group]


def write_report(report: SpeedReport | ProfileReport, path: str | os.PathLike[str]) -> Path:
    """Validate and write a report as JSON; return its path."""
    path, text = Path(path), to_json(report)
    if isinstance(report, SpeedReport):
        _read(_SPEED, text, str(path), speed.SPEED_SCHEMA, speed.VERSION)
    else:
        _read(_PROFILE, text, str(path), speed.PROFILE_SCHEMA, speed.VERSION)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    return path


def read_speed(path: str | os.PathLike[str]) -> SpeedReport:
    """Read and validate a file of the speed suite; raises LogError (damaged, other schema) or OSError."""
    return _read(_SPEED, read_text(Path(path)), str(path), speed.SPEED_SCHEMA, speed.VERSION)


def read_profile(path: str | os.PathLike[str]) -> ProfileReport:
    """Read and validate a profile; raises LogError (damaged, other schema) or OSError."""
    return _read(_PROFILE, read_text(Path(path)), str(path), speed.PROFILE_SCHEMA, speed.VERSION)

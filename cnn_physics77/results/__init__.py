"""What runs leave behind: the schemas of logs and reports, their files, and a log as text."""

from .example import example_log
from .files import (
    LogError,
    from_json,
    read_log,
    read_logs,
    read_profile,
    read_speed,
    read_text,
    to_json,
    validate,
    write_atomically,
    write_log,
    write_report,
)
from .records import (
    FRAMEWORKS,
    OURS,
    REFERENCE,
    Architecture,
    Config,
    DataRecord,
    Disturbance,
    Environment,
    EpochRecord,
    MemoryRecord,
    ParameterShape,
    ProofRecord,
    RunLog,
    StepRecords,
)
from .speed import REFERENCES, CaseRecord, OperationRecord, ProfileReport, SpeedReport
from .text import to_text

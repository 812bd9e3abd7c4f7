"""What the check of one entry of a database found."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from cnn_physics77.testing.conformance.departures import reason_for
from cnn_physics77.testing.conformance.measure import Departure, Errors
from cnn_physics77.testing.conformance.seam import Absent

TOLERANCES = {"value": 1e-9, "gradient": 1e-8, "second gradient": 1e-7}

KEPT = 4
"""Failures of one kind that are kept with their text."""


@dataclass
class Result:
    """The check of one entry.

    Attributes:
        name: the entry's.
        samples: how many were run.
        failures: by kind ("value", "gradient", "wrong call", "signature", ...), what departs.
        counts: how many failures there are of each kind.
        departures: the stated departures that were found, and how often.
        skipped: what could not be carried over, and how often.
        absent: why this package lacks the entry; "" if it has it.
        errors: by kind, median and worst error in units in the last place.
    """

    name: str
    samples: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    departures: dict[str, int] = field(default_factory=dict)
    skipped: dict[str, int] = field(default_factory=dict)
    absent: str = ""
    errors: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def passes(self) -> bool:
        """Whether this package has the entry, and nothing departs but what is stated."""
        return not self.absent and not self.failures

    def fail(self, kind: str, text: str) -> None:
        """Count a failure, and keep the text of the first ones. One that is stated only counts as such."""
        if reason := reason_for(self.name, kind, text):
            self.departures[reason] = self.departures.get(reason, 0) + 1
            return
        self.counts[kind] = self.counts.get(kind, 0) + 1
        kept = self.failures.setdefault(kind, [])
        if len(kept) < KEPT:
            kept.append(" ".join(text.split())[:300])

    def skip(self, reason: str) -> None:
        """Count a sample that cannot be carried over."""
        self.skipped[reason] = self.skipped.get(reason, 0) + 1

    def keep_errors(self, errors: dict[str, Errors]) -> None:
        """Keep the summaries."""
        for kind, found in errors.items():
            if (summary := found.summary) is not None:
                self.errors[kind] = summary

    @contextmanager
    def expecting(self, kind: str, where: str) -> Iterator[None]:
        """What is raised inside is a failure of this kind; what is absent is a sample that is skipped."""
        try:
            yield
        except Absent as reason:
            self.skip(str(reason))
        except Departure as what:
            self.fail(kind, f"{where}: {what}")
        except Exception as error:
            self.fail(kind, f"{where}: raises {type(error).__name__}: {error}")


def portion(samples: list[Any], number: int | None) -> list[tuple[int, Any]]:
    """The samples with their numbers: all, or every tenth from a first one that ``number`` decides."""
    numbered = list(enumerate(samples))
    if number is None:
        return numbered
    return numbered[number % 10 :: 10] or numbered[-1:]

"""What ``train.check`` tells."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """Something that is probably a mistake: what was seen, why it matters, what to write."""

    saw: str
    why: str
    instead: str

    def __str__(self) -> str:
        return f"{self.saw}\n    why it matters: {self.why}\n    instead: {self.instead}"


class Check:
    """What ``train.check`` found, and what it found well; ``print`` shows both."""

    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.well: list[str] = []

    def add(self, outcome: Finding | str) -> None:
        """A mistake, or a line about what was found well."""
        if isinstance(outcome, Finding):
            self.findings.append(outcome)
        else:
            self.well.append(outcome)

    @property
    def ok(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def __repr__(self) -> str:
        lines = [f"✗ {finding}" for finding in self.findings] + [f"✓ {text}" for text in self.well]
        return "\n".join(lines)

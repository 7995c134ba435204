"""What became of many tries: refused, accepted, and faults, by kind."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Tally:
    """Counts by kind; a fault has a line that says how to see it again."""

    refused: Counter[str] = field(default_factory=Counter)
    accepted: Counter[str] = field(default_factory=Counter)
    faults: dict[str, list[str]] = field(default_factory=dict)

    def add_fault(self, kind: str, line: str) -> None:
        self.faults.setdefault(kind, []).append(line)

    def rows(self) -> list[list[str]]:
        """One row for each kind, and the sum: kind, tried, refused, accepted, faults."""
        kinds = list(dict.fromkeys([*self.refused, *self.accepted, *self.faults]))
        numbers = [
            (self.refused[kind], self.accepted[kind], len(self.faults.get(kind, ())))
            for kind in sorted(kinds)
        ]
        numbers.append(tuple(map(sum, zip(*numbers, strict=True))) or (0, 0, 0))
        return [
            [kind, *(f"{n:,}" for n in (sum(three), *three))]
            for kind, three in zip([*sorted(kinds), "all"], numbers, strict=True)
        ]

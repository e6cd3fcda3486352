"""What a section of the benchmark finds: rows of figures, and targets that are met or missed."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Spread:
    """Several measurements of one thing."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def shown(self, digits: int = 2) -> str:
        """The median, and from where to where it went."""
        low, high = min(self.values), max(self.values)
        if len(self.values) == 1:
            return f"{low:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({low:,.{digits}f} to {high:,.{digits}f})"


@dataclass(frozen=True, slots=True)
class Target:
    """A promise about speed, and how it came out."""

    what: str
    wanted: str
    measured: str
    met: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One table with its targets."""

    name: str
    title: str
    rows: Sequence[Mapping[str, str]]
    targets: Sequence[Target] = ()
    note: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """The unrounded ones, for those who compare runs."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def print_section(console: Console, section: Section) -> None:
    """The table, its note, and its targets."""
    table = Table(title=section.title, title_justify="left", caption=section.note or None)
    table.caption_justify = "left"
    for number, column in enumerate(section.rows[0]):
        table.add_column(column, justify="right" if number else "left")
    for row in section.rows:
        table.add_row(*row.values())
    console.print(table)
    for target in section.targets:
        said = "[green]pass[/green]" if target.met else "[bold red]MISS[/bold red]"
        console.print(f"  {said}  {target.what}: {target.measured}, wanted {target.wanted}")
    console.print()


def at_most(what: str, measured: float, limit: float, unit: str = "") -> Target:
    """A target that a figure stays under."""
    return Target(what, f"at most {limit:g}{unit}", f"{measured:.3g}{unit}", measured <= limit)


def at_least(what: str, measured: float, limit: float, unit: str = "") -> Target:
    """A target that a figure reaches."""
    return Target(what, f"at least {limit:g}{unit}", f"{measured:.3g}{unit}", measured >= limit)

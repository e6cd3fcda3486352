"""What the user sees: figures while it runs, and the table at the end."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.demo.events import ONCE
from deploy.local.demo.figures import Figures
from deploy.local.demo.oracle import Verdict

PLAIN_EVERY = 3.0
MOST_EXAMPLES = 5
UNKNOWN_MEANS = (
    "`unknown` means: the request had perhaps left when the process was killed, nobody can say whether it was "
    "applied, and a second time would do harm. So it is not sent again: a person looks in Foundry, and "
    "publishes the record again only if it was not."
)


class Screen:
    """A live table on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._said_at = 0.0

    @contextmanager
    def live(self) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=4, transient=True) as self._live:
            yield
        self._live = None

    def say(self, sentence: str) -> None:
        self.console.print(Text(sentence), soft_wrap=True)

    def show(self, now: Figures) -> None:
        if self._live is not None:
            self._live.update(_moving(now))
        elif time.monotonic() - self._said_at >= PLAIN_EVERY:
            self._said_at = time.monotonic()
            self.say(
                f"{now.seconds:5.0f} s  published {now.published}  applied {now.effects}  dead-lettered {now.letters}"
                f"  in flight {now.in_flight}  lag {now.lag}  gate {now.gate}  service {now.service}"
            )

    def conclude(self, verdict: Verdict) -> None:
        """The table, and what it means."""
        self.console.print(_final(verdict))
        if verdict.lettered["unknown"]:
            truth = f"In truth {verdict.unknown_applied} of these {verdict.lettered['unknown']} took effect."
            self.say(f"{UNKNOWN_MEANS} {truth}")
        for name, examples in verdict.faults.items():
            for example in examples[:MOST_EXAMPLES]:
                self.console.print(Text(f"{name}: {example}", style="red"), soft_wrap=True)


def _moving(now: Figures) -> Table:
    table = Table(title=now.phase, title_justify="left", box=None, header_style="dim")
    cells = {
        "seconds": f"{now.seconds:.0f}",
        "published": f"{now.published}",
        "applied": f"{now.effects}",
        "dead-lettered": f"{now.letters}",
        "in flight": f"{now.in_flight}",
        "lag": f"{now.lag}",
        "gate": now.gate,
        "service": now.service,
    }
    for name in cells:
        table.add_column(name, justify="right", min_width=8)
    table.add_row(*cells.values())
    return table


def _final(verdict: Verdict) -> Table:
    table = Table(
        title="What came of them, by the broker and Foundry's own log", title_justify="left"
    )
    table.add_column("what")
    table.add_column("count", justify="right")
    table.add_column("meaning", overflow="fold")
    rows = [
        ("published", verdict.published, "acknowledged by the broker"),
        ("applied", verdict.applied, "each action of theirs is in Foundry's log"),
        ("applied already", verdict.already, "created an object that was there: nothing to do"),
        ("ignored", verdict.ignored, "by a rule of the contract"),
        ("dead-lettered", verdict.lettered.total(), _reasons(verdict)),
    ]
    for name, count, meaning in rows:
        table.add_row(name, f"{count}", meaning)
    table.add_section()
    _add_repeats(table, verdict)
    table.add_section()
    for name, examples in verdict.faults.items():
        style = "bold red" if examples else "green"
        table.add_row(Text(name, style), Text(f"{len(examples)}", style), "must be 0")
    return table


def _reasons(verdict: Verdict) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in verdict.lettered.most_common())


def _add_repeats(table: Table, verdict: Verdict) -> None:
    harmless = sum(count for kind, count in verdict.repeated.items() if kind not in ONCE)
    age = f", the oldest {verdict.oldest_repeat:.1f} s before the kill" if harmless else ""
    table.add_row(
        "applied twice, harmless", f"{harmless}", f"`safe` actions sent again after the kill{age}"
    )
    if verdict.letters_twice:
        table.add_row(
            "letters twice", f"{verdict.letters_twice}", "with equal coordinates, after the kill"
        )

"""What the user sees: a table that moves while scenarios play, and what came of them at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from deploy.local.chaos.phases import PHASES
from deploy.local.chaos.run import Result
from deploy.local.chaos.stage import Stage

PLAIN_EVERY = 5.0
MOST_EXAMPLES = 4
COLUMNS = ("scenario", "seconds", "published", "applied", "letters", "again", "verdict")


class Screen:
    """A live table on a terminal, a line now and then elsewhere."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self._results: list[Result] = []
        self._said_at = 0.0
        self._began = time.monotonic()

    @contextmanager
    def live(self) -> Iterator[None]:
        if not self.console.is_terminal:
            yield
            return
        with Live(console=self.console, refresh_per_second=4, transient=True) as self._live:
            yield
        self._live = None

    def say(self, sentence: str, style: str = "") -> None:
        self.console.print(Text(sentence, style), soft_wrap=True)

    def begin(self) -> None:
        """The next scenario begins."""
        self._began = time.monotonic()

    def show(self, name: str, stage: Stage) -> None:
        """The scenario that is playing, as it stands."""
        seconds = time.monotonic() - self._began
        seen = stage.seen
        if self._live is not None:
            table = _table(self._results)
            table.add_row(
                Text(name, "bold"),
                f"{seconds:.0f}",
                f"{len(seen.published)}",
                f"{len(seen.applied)}",
                "",
                f"{len(seen.effects) - len(seen.applied)}",
                f"{stage.doing}, {stage.behind} behind, {stage.foundry.in_flight} requests in flight",
            )
            self._live.update(table)
        elif time.monotonic() - self._said_at >= PLAIN_EVERY:
            self._said_at = time.monotonic()
            self.say(
                f"{name:9} {seconds:4.0f} s  {stage.doing}  published {len(seen.published)}"
                f"  applied {len(seen.applied)}  behind {stage.behind}  in flight {stage.foundry.in_flight}"
            )

    def end(self, result: Result) -> None:
        """One scenario has been judged."""
        self._results.append(result)
        if self._live is not None:
            self._live.update(_table(self._results))
        else:
            self.say(f"{_named(result):9} {_verdict(result)}")

    def conclude(self) -> None:
        """The table of all, and what broke a promise."""
        self.console.print(_table(self._results))
        for result in self._results:
            self._tell(result)

    def _tell(self, result: Result) -> None:
        kills = [each for each in result.disturbances if each.phases]
        if kills:
            phases: Counter[str] = sum((Counter(each.phases) for each in kills), Counter())
            told = ", ".join(f"{name} {phases[name]}" for name in PHASES)
            self.say(f"{_named(result)}: {len(kills)} kills and stops; records by phase: {told}")
        if result.hits:
            told = ", ".join(f"{name} {count}" for name, count in result.hits.items())
            self.say(f"{_named(result)}: hit at: {told}")
        for each in result.notes:
            self.say(f"{_named(result)}: {each}", "yellow")
        for name, examples in result.verdict.faults.items():
            for example in examples[:MOST_EXAMPLES]:
                self.say(f"{_named(result)}: {name}: {example}", "red")
        if not result.verdict.kept:
            self.say(f"{_named(result)}: seed {result.seed}, logs in {result.logs}", "red")


def _named(result: Result) -> str:
    name = result.scenario.name
    return name if result.defect is None else f"{name} with {result.defect.name}"


def _verdict(result: Result) -> str:
    broken = [f"{name} {len(found)}" for name, found in result.verdict.faults.items() if found]
    return ", ".join(broken) or "kept"


def _table(results: Sequence[Result]) -> Table:
    table = Table(title="By the broker and Foundry's own log", title_justify="left")
    for name in COLUMNS:
        justify = "left" if name in {"scenario", "letters", "verdict"} else "right"
        table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]  # one of its words
    for result in results:
        verdict = result.verdict
        table.add_row(
            _named(result),
            f"{result.seconds:.0f}",
            f"{verdict.published}",
            f"{verdict.applied}",
            ", ".join(f"{reason} {count}" for reason, count in verdict.letters.most_common()),
            ", ".join(f"{kind} {count}" for kind, count in verdict.repeated.most_common()),
            Text(_verdict(result), "green" if verdict.kept else "bold red"),
        )
    return table

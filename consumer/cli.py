"""The commands: thin, and quick to show their help, as each imports what it needs only when it runs."""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

import click

from consumer.errors import ConsumerError, ContractError, SettingsError

if TYPE_CHECKING:  # `--help` must not wait for pydantic
    from consumer.settings import Settings

DONE, NO, WRONG = 0, 1, 2
"""Exit codes: done; it ran, but the answer is no; wrong usage or wrong settings."""

_LONGEST_LINE = 4000
F = TypeVar("F", bound=Callable[..., Any])
_Level = Literal["ok", "warn", "fail", "skip"]
_STYLES: dict[_Level, str] = {"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"}


def _config_option(command: F) -> F:
    return click.option(
        "--config",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The TOML file with the settings (default: consumer.toml, if it exists). Environment variables override it.",
    )(command)


def _json_option(command: F) -> F:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")(
        command
    )


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="foundry-consumer", prog_name="foundry-consumer")
def main() -> None:
    """Turn Kafka events into Palantir Foundry ontology actions, and lose none.

    Exit codes: 0 done; 1 it ran, but the answer is no; 2 wrong usage or wrong settings.
    """


@main.command()
@_config_option
@click.option(
    "--until-end",
    is_flag=True,
    help="Settle everything up to the end offsets seen at the start, commit, and exit with 0.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="With --until-end: exit with 1 if that takes longer.",
)
def run(*, config: Path | None, until_end: bool, timeout: float | None) -> None:
    """Consume until stopped.

    SIGTERM or SIGINT stops gracefully, a second one at once.
    """
    if timeout is not None and not until_end:
        raise click.UsageError("--timeout needs --until-end")
    if timeout is not None and math.isnan(timeout):
        raise click.UsageError("--timeout must be a number of seconds")
    with _refusals(), _nothing_begun():
        from consumer.app.service import run as run_app

        settings = _settings(config)
        complete = run_app(settings, until_end=until_end, timeout=timeout)
    sys.exit(DONE if complete else NO)


@main.command()
@_config_option
@_json_option
def check(*, config: Path | None, as_json: bool) -> None:
    """Check settings, contracts and every example, offline."""
    with _refusals():
        from consumer.check import check as look, check_settings, failed

        settings = _settings(config, offline=True)
        findings = look(settings.consumer.contracts, settings.topics, settings.dead_letters.topic)
        rows = [_fields(finding) for finding in (*check_settings(settings), *findings)]
        _print(rows, as_json=as_json)
        sys.exit(NO if failed(findings) else DONE)


@main.command()
@_config_option
@_json_option
def doctor(*, config: Path | None, as_json: bool) -> None:
    """Check Kafka and Foundry step by step; nothing is applied or written.

    Each step says what works, what does not and why, and what to do.
    """
    with _refusals():
        from consumer.app.diagnosis import diagnose
        from consumer.doctor import Finding

        def tell(finding: Finding) -> None:
            if as_json:
                _print([_fields(finding)], as_json=True)

        findings = diagnose(_settings(config), tell)
        if not as_json:
            _print([_fields(finding) for finding in findings], as_json=False)
        sys.exit(NO if any(finding.level == "fail" for finding in findings) else DONE)


@main.group()
def contracts() -> None:
    """Show publishers what is consumed."""


@contracts.command("ls")
@_config_option
@_json_option
def contracts_ls(*, config: Path | None, as_json: bool) -> None:
    """List topics, event types and the actions that they become."""
    with _refusals():
        from consumer.contracts import load
        from consumer.docs import rows

        settings = _settings(config, offline=True)
        found = rows(load(settings.consumer.contracts, settings.topics))
        _print([_fields(row) for row in found], as_json=as_json)


@contracts.command("schema")
@click.argument("event_type", metavar="TYPE")
@_config_option
def contracts_schema(*, event_type: str, config: Path | None) -> None:
    """Print the JSON Schema of the event type TYPE."""
    with _refusals():
        import json

        from consumer.contracts import load
        from consumer.docs import schema

        settings = _settings(config, offline=True)
        found = schema(load(settings.consumer.contracts, settings.topics), event_type)
        with _written():
            click.echo(json.dumps(found, indent=2))


def _settings(config: Path | None, *, offline: bool = False) -> Settings:
    from consumer.settings import load_settings

    return load_settings(config, offline=offline)


@contextmanager
def _refusals() -> Iterator[None]:
    """Report a refusal and its remedy. A traceback would add nothing, and could show a secret."""
    try:
        yield
    except (SettingsError, ContractError) as error:
        _refuse(error, WRONG)
    except ConsumerError as error:
        _refuse(error, NO)


@contextmanager
def _nothing_begun() -> Iterator[None]:
    """Until the service handles signals itself, SIGTERM and SIGINT end the process with success: nothing has begun.

    By default the first process of a container ignores them: it would run on, and be killed when its grace ends.
    """
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda *_: os._exit(DONE)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _refuse(error: ConsumerError, code: int) -> NoReturn:
    from consumer.telemetry.log import escaped

    for line in str(error).split("\n"):
        click.echo(f"error: {escaped(line, _LONGEST_LINE)}", err=True)
    sys.exit(code)


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a dataclass, in order."""
    from dataclasses import asdict

    return asdict(value)


def _print(rows: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    with _written():
        if as_json:
            import json

            for row in rows:
                click.echo(json.dumps(row))
            return
        _table(rows)


@contextmanager
def _written() -> Iterator[None]:
    """Report that standard output cannot be written, say for a full disk; but not that its reader has gone."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        click.echo(f"error: standard output cannot be written: {error.strerror}", err=True)
        # The interpreter would try to flush the buffer again at its end, and change the exit code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NO)


def _table(rows: Sequence[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    terminal = sys.stdout.isatty()
    # A file or a pipe gets whole lines, not cut at 80 columns.
    console = Console(width=None if terminal else 240)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[0] if rows else ():
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        style = _STYLES.get(row.get("level", "ok"), "")
        # Text, not markup: values may come from files and from answers.
        cells = [
            Text(_cell(value), style=style if name == "level" else "")
            for name, value in row.items()
        ]
        table.add_row(*cells)
    console.print(table)


def _cell(value: Any) -> str:
    from consumer.telemetry.log import escaped

    if value is None:
        return "-"
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return "\n".join(escaped(line, _LONGEST_LINE) for line in text.split("\n"))

"""The README is true: what it names exists, what it lists is complete, what it shows works."""

from __future__ import annotations

import importlib
import importlib.util
import re
import shlex
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import click
import pytest
from pydantic import ByteSize, SecretStr

from consumer.admin.server import AdminConfig, Surface, application
from consumer.check import check
from consumer.cli import DONE, NO, WRONG, main as cli
from consumer.errors import GateReason, Reason
from consumer.kafka.letter_headers import OWN, TRACE
from consumer.settings import load_settings
from consumer.settings.rules import variable
from consumer.settings.sections import SECTIONS, Section
from consumer.telemetry.names import COUNTERS, GAUGES, HISTOGRAMS, full_name
from tests.admin.asking import KeepingOperator
from tests.docs.pages import PAGES, ROOT, Page, bare

README = Page("README.md")
PROGRAM = "foundry-consumer"
BY_MODULE = ("python -m ", ".venv/bin/python -m ", "env/bin/python -m ")


@pytest.mark.parametrize("path", PAGES)
def test_every_relative_link_resolves(path: str) -> None:
    page = Page(path)

    for link in page.links:
        target, _, anchor = link.partition("#")
        if target.startswith("https:"):
            continue
        found = Path(ROOT, path).parent.joinpath(target).resolve() if target else Path(ROOT, path)
        assert found.exists(), f"{path}: {link}"
        if anchor:
            other = Page(str(found.relative_to(ROOT)))
            assert anchor in other.anchors, f"{path}: no heading for {link}"


# Commands


def targets() -> dict[str, str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z-]+):.*## (.*)$", makefile, re.MULTILINE))


def refuse_unknown(words: list[str], command: click.Command) -> None:
    """Follow the words down the tree of commands; each option must be one of the last command's."""
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        assert found is not None, f"no command {words[0]!r}"
        command, words = found, words[1:]
    options = {name for parameter in command.params for name in parameter.opts} | {"--help"}
    for word in words:
        assert not word.startswith("--") or word in options, f"no option {word!r}"


def refuse_unknown_module(words: list[str]) -> None:
    name = words[0]
    assert importlib.util.find_spec(name) is not None, f"no module {name!r}"
    if name == "consumer":
        refuse_unknown(words[1:], cli)
    elif len(words) > 1:
        refuse_unknown(words[1:], importlib.import_module(f"{name}.__main__").main)


@pytest.mark.parametrize("path", PAGES)
def test_every_command_that_is_shown_exists(path: str) -> None:
    for command in Page(path).commands():
        line = command.removeprefix("env/bin/")
        prefix = next((prefix for prefix in BY_MODULE if line.startswith(prefix)), None)
        if line.startswith("make "):
            assert shlex.split(line)[1] in targets(), command
        elif line.startswith(f"{PROGRAM} "):
            refuse_unknown(shlex.split(line)[1:], cli)
        elif prefix is not None:
            refuse_unknown_module(shlex.split(line.removeprefix(prefix)))


def test_the_first_screen_has_both_commands() -> None:
    assert {"make demo", "make test"} <= set(README.commands())


def leaves(group: click.Group, before: str) -> Iterator[str]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{before} {name}")
        else:
            yield f"{before} {name}"


def test_the_table_of_commands_is_complete() -> None:
    assert {bare(row[0]) for row in README.table("command")} == set(leaves(cli, PROGRAM))


def test_the_table_of_exit_codes_is_complete() -> None:
    assert [row[0] for row in README.table("exit code")] == [str(n) for n in (DONE, NO, WRONG)]


def test_the_table_of_make_targets_is_complete() -> None:
    found = {bare(row[0]).removeprefix("make ") for row in README.table("target")}

    assert found == set(targets())


# Tables


def default_of(section: type[Section], key: str) -> str | None:
    """The default as the table writes it; None: it is said in words."""
    value = section.model_fields[key].default
    if key in section.required:
        return "required"
    if (section.name, key) == ("log", "format"):
        return None
    if value is None:
        return "not set"
    if isinstance(value, ByteSize):
        return value.human_readable().replace(".0", "")
    if isinstance(value, tuple):
        return ", ".join(value) or "empty"
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_the_table_of_settings_is_the_codes() -> None:
    wanted = {
        f"{section.name}.{key}": (default_of(section, key), variable(section, key))
        for section in SECTIONS
        for key in section.model_fields
    }

    rows = {
        bare(row[0]): (bare(row[1]), bare(row[2]))
        for row in README.table("key", "default", "variable")
    }

    assert list(rows) == list(wanted)
    for key, (default, name) in wanted.items():
        said, named = rows[key]
        assert named == name, key
        assert default is None or said.removesuffix(", or the file") == default, key


def test_the_table_of_reasons_is_the_codes() -> None:
    assert [bare(row[0]) for row in README.table("reason")] == list(get_args(Reason))


def test_the_table_of_letter_headers_is_the_codes() -> None:
    assert {bare(row[0]) for row in README.table("header")} == OWN | {TRACE}


def test_the_table_of_metrics_is_the_codes() -> None:
    wanted = [
        (full_name(name), ", ".join(metric.labels) or "none", bare(metric.meaning))
        for table in (COUNTERS, GAUGES, HISTOGRAMS)
        for name, metric in table.items()
    ]

    rows = README.table("metric", "labels", "means")

    assert [(bare(name), bare(labels), bare(means)) for name, labels, means in rows] == wanted


def test_the_table_of_paths_is_what_is_served() -> None:
    surface = Surface(dict, dict, lambda accept: (b"", ""), dict, KeepingOperator())
    app = application(AdminConfig("127.0.0.1", 0, None, ()), surface, time.monotonic)
    served = {
        f"{route.method} {route.resource.canonical}"
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD"
    }

    assert {bare(row[0]).removesuffix("?offset=") for row in README.table("path")} == served


def test_the_table_of_gates_is_the_codes() -> None:
    assert [bare(row[0]) for row in README.table("gate")] == list(get_args(GateReason))


# Your own contracts in five minutes


@pytest.fixture
def parcels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that the reader is told to write, and the secret, in a folder of their own."""
    for name, text in README.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (tmp_path / "client-secret").write_text("consumer-secret", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    for section in SECTIONS:
        for key in section.model_fields:
            monkeypatch.delenv(variable(section, key), raising=False)
    return tmp_path


def test_the_settings_of_the_five_minutes_are_right(parcels: Path) -> None:
    settings = load_settings()

    assert settings.file == Path("consumer.toml")
    assert settings.consumer.contracts == "contracts"
    assert not settings.warnings


def test_the_contracts_of_the_five_minutes_pass_their_check(parcels: Path) -> None:
    findings = check(load_settings().consumer.contracts)

    assert {finding.level for finding in findings} == {"ok"}
    assert len(findings) == 4
    for finding in findings:
        assert any(
            finding.where in line and line.startswith("ok") for line in README.text.splitlines()
        ), f"the README does not show {finding.where!r}"


def test_the_ontology_of_the_five_minutes_has_the_action_with_its_parameters(parcels: Path) -> None:
    ontology = tomllib.loads((parcels / "ontology.toml").read_text(encoding="utf-8"))
    example = parcels / "contracts/examples/shipping.parcels/delivered.json"

    (parameters,) = [given["parameters"] for given in ontology["actionTypes"].values()]
    assert set(ontology["actionTypes"]) == {"record-delivery"}
    assert all(f'"{name}"' in example.read_text(encoding="utf-8") for name in parameters)
    compile((parcels / "publish.py").read_text(encoding="utf-8"), "publish.py", "exec")


def test_a_secret_has_no_default() -> None:
    """A default would stand in the table above."""
    for section in SECTIONS:
        for key in section.secret_keys:
            assert not isinstance(section.model_fields[key].default, SecretStr)

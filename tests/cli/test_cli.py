"""The command line: exit codes, what is said where, and that nothing of a later version shows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.calling import CANARY, ROOT, clean_environment, invoke, process


def test_help_names_the_commands_that_there_are_and_no_others() -> None:
    result = invoke("--help")

    assert result.exit_code == 0
    assert re.findall(r"^  (\w+)  ", result.output, re.MULTILINE) == [
        "check",
        "contracts",
        "doctor",
        "run",
    ]
    assert "asyncapi" not in invoke("contracts", "--help").output


def test_help_waits_for_nothing_that_is_slow_to_import() -> None:
    program = "import sys; sys.argv[1:] = ['--help']; from consumer.__main__ import main"
    slow = ("pydantic", "aiohttp", "aiokafka", "rich", "opentelemetry", "asyncio")

    result = subprocess.run(  # noqa: S603 - our own program
        [
            sys.executable,
            "-c",
            f"{program}\ntry: main()\nfinally: print([m for m in {slow} if m in sys.modules])",
        ],
        env=clean_environment() | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )

    assert "Commands:" in result.stdout
    assert result.stdout.endswith("[]\n")


def test_the_version_is_the_packages() -> None:
    assert re.fullmatch(r"foundry-consumer, version \d+\.\d+\.\d+\n", invoke("--version").output)


@pytest.mark.parametrize(
    "arguments",
    [
        ("runn",),
        ("run", "--until-never"),
        ("run", "--timeout", "3"),
        ("run", "--until-end", "--timeout", "0"),
        ("run", "--until-end", "--timeout", "nan"),
        ("contracts", "schema"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    result = invoke(*arguments)

    assert result.exit_code == 2
    assert result.stderr.startswith("Usage: ")


@pytest.mark.parametrize("command", ["run", "doctor"])
def test_wrong_settings_are_exit_code_2_with_every_fault_on_a_line(command: str) -> None:
    Path("consumer.toml").write_text(
        f'[kafka]\ngruop_id = "g"\n[foundry]\nclient_secret = "{CANARY}"\nbatch_size = 99\n'
    )

    result = process(command)

    assert result.returncode == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert all(line.startswith("error: ") for line in lines)
    assert any("kafka.gruop_id" in line and "did you mean group_id" in line for line in lines)
    assert any("foundry.batch_size = 99 (consumer.toml)" in line for line in lines)
    assert any("FOUNDRY_ONTOLOGY" in line for line in lines)
    assert CANARY not in result.stderr
    assert "Traceback" not in result.stderr


def test_a_file_that_is_not_there_is_exit_code_2() -> None:
    result = invoke("check", "--config", "nowhere.toml")

    assert result.exit_code == 2
    assert "nowhere.toml" in result.stderr

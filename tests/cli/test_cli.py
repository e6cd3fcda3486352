"""The command line: exit codes, what is said where, and that nothing of a later version shows."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import consumer
from consumer.cli import main
from deploy.local.foundry import DEFAULT_CLIENT, serve

ROOT = Path(consumer.__file__).parent.parent
CANARY = "canary-s3cr3t"
CONTRACTS = '''
from __future__ import annotations

from consumer.contracts import Action, Contract, Event


class Paid(Event):
    """An invoice was paid."""

    invoice: str


class MarkPaid(Action, api_name="mark-paid"):
    """Mark an invoice as paid."""

    invoice: str


invoices = Contract("invoices", sources=["/billing"])


@invoices.on("paid.v1", Paid, order_by="invoice", repeat="safe")
def paid(event: Paid) -> MarkPaid:
    return MarkPaid(invoice=event.invoice)
'''


def clean_environment() -> dict[str, str]:
    ours = ("KAFKA_", "FOUNDRY_", "CONSUMER_")
    return {k: v for k, v in os.environ.items() if not k.upper().startswith(ours)}


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in os.environ.keys() - clean_environment().keys():
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path[:])


def contracts_named(name: str, text: str = CONTRACTS) -> None:
    """A contracts package in the working directory; each test names its own, for imports are kept."""
    Path(name).mkdir()
    Path(name, "__init__.py").write_text(text)
    Path("consumer.toml").write_text(f'[consumer]\ncontracts = "{name}"\n')


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def process(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-m", "consumer", *arguments],
        env=clean_environment() | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )


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

    result = subprocess.run(  # noqa: S603 -- our own program
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
        ("contracts", "schema"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert invoke(*arguments).exit_code == 2


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


def test_the_working_directory_is_importable() -> None:
    contracts_named("of_this_directory")

    result = process("contracts", "ls", "--json")

    assert result.returncode == 0, result.stderr
    (row,) = map(json.loads, result.stdout.splitlines())
    assert (row["topic"], row["type"], row["actions"]) == ("invoices", "paid.v1", ["mark-paid"])


def test_contracts_need_no_connection_settings() -> None:
    contracts_named("unconnected")

    assert invoke("check").exit_code == 0
    assert invoke("contracts", "schema", "paid.v1").exit_code == 0


def test_a_section_that_is_begun_is_checked_offline_as_well() -> None:
    contracts_named("half_connected")
    with Path("consumer.toml").open("a") as file:
        file.write('[kafka]\ngroup_id = "g"\n')

    result = invoke("check")

    assert result.exit_code == 2
    assert "KAFKA_BOOTSTRAP_SERVERS" in result.stderr
    assert "FOUNDRY" not in result.stderr


def test_a_table_is_printed_whole_where_nobody_looks() -> None:
    contracts_named("tabular")

    result = invoke("contracts", "ls")

    assert result.output.splitlines()[0].split()[:3] == ["topic", "type", "model"]
    assert "invoices  paid.v1  Paid" in result.output
    assert "…" not in result.output


def test_the_schema_is_json() -> None:
    contracts_named("schematic")

    result = invoke("contracts", "schema", "paid.v1")

    assert json.loads(result.output)["properties"]["invoice"]["type"] == "string"


def test_an_unknown_event_type_is_answered_with_those_there_are() -> None:
    contracts_named("unknowing")

    result = invoke("contracts", "schema", "paid.v9")

    assert result.exit_code == 2
    assert "paid.v1" in result.stderr


def test_a_check_that_finds_a_fault_is_exit_code_1_and_names_file_and_field() -> None:
    contracts_named("faulty")
    example = Path("faulty/examples/invoices/paid.json")
    example.parent.mkdir(parents=True)
    example.write_text(
        json.dumps(
            {
                "record": {
                    "headers": {
                        "ce_specversion": "1.0",
                        "ce_id": "1",
                        "ce_source": "/billing",
                        "ce_type": "paid.v1",
                        "content-type": "application/json",
                    },
                    "value": {"invoice": "I-1"},
                },
                "expect": {"actions": [{"action": "mark-paid", "parameters": {"invoice": "I-2"}}]},
            }
        )
    )

    result = invoke("check", "--json")
    failed = [r for r in map(json.loads, result.output.splitlines()) if r["level"] == "fail"]

    assert result.exit_code == 1
    assert [row["where"] for row in failed] == ["faulty/examples/invoices/paid.json"]
    assert "invoice" in failed[0]["what"]


def test_contracts_that_do_not_import_are_no_traceback() -> None:
    contracts_named("broken", "import no_such_module\n")

    listed, checked = process("contracts", "ls"), process("check")

    assert (listed.returncode, checked.returncode) == (2, 1)
    assert "broken/__init__.py:1" in listed.stderr
    assert "Traceback" not in listed.stderr + checked.stderr


def test_a_bug_is_exit_code_1_without_the_words_of_the_error() -> None:
    """A foreign error may quote an event or a secret: it is named by class and place."""
    contracts_named(
        "unwritable",
        CONTRACTS.replace("    invoice: str", "    invoice: Annotated[str, Odd]", 1).replace(
            "from consumer",
            f"""
from typing import Annotated


class Odd:
    @classmethod
    def __get_pydantic_json_schema__(cls, *_):
        raise LookupError("{CANARY}")


from consumer""",
            1,
        ),
    )

    result = process("contracts", "schema", "paid.v1")

    assert result.returncode == 1
    assert "LookupError" in result.stderr
    assert "unwritable/__init__.py" in result.stderr
    assert CANARY not in result.stderr


def test_the_shipped_contracts_pass_their_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    result = invoke("check", "--json")

    assert result.exit_code == 0
    assert len(result.output.splitlines()) > 20


def doctor_settings(url: str, secret: str) -> None:
    Path("consumer.toml").write_text(
        f"""
        [kafka]
        bootstrap_servers = "localhost:1"
        group_id = "g"
        [foundry]
        hostname = "{url}"
        ontology = "fieldwork"
        client_id = "{DEFAULT_CLIENT[0]}"
        client_secret = "{secret}"
        """
    )


async def test_the_doctor_prints_a_line_for_each_step_and_exits_with_its_answer() -> None:
    environment = {"PYTHONPATH": str(ROOT), "CONSUMER_CONTRACTS": "schemas"}
    answers: list[tuple[int, list[dict[str, str]]]] = []
    async with serve() as foundry:
        for secret in (DEFAULT_CLIENT[1], CANARY):
            doctor_settings(foundry.url, secret)
            child = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "consumer", "doctor", "--json"),
                env=clean_environment() | environment,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, errors = await child.communicate()
            assert CANARY.encode() not in output + errors
            lines = [json.loads(line) for line in output.splitlines()]
            answers.append((child.returncode or 0, lines))

    (well, good), (ill, bad) = answers
    assert {line["step"] for line in good} >= {"settings", "foundry.host", "action create-ticket"}
    assert [line["level"] for line in bad if line["step"] == "foundry.token"] == ["fail"]
    assert (well, ill) == (1, 1)
    assert {line["step"] for line in good if line["level"] == "fail"} == {"kafka.brokers"}

"""What `check`, `contracts` and `doctor` print, and exit with."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from deploy.local.foundry import DEFAULT_CLIENT, serve
from tests.cli.calling import (
    CANARY,
    CONTRACTS,
    ROOT,
    SCRIPT,
    clean_environment,
    contracts_named,
    invoke,
    process,
)

CONNECTED = {
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
    "KAFKA_GROUP_ID": "g",
    "FOUNDRY_HOSTNAME": "http://127.0.0.1:9",
    "FOUNDRY_ONTOLOGY": "o",
    "FOUNDRY_CLIENT_ID": "c",
    "FOUNDRY_CLIENT_SECRET": CANARY,
}


def test_the_working_directory_is_importable() -> None:
    contracts_named("of_this_directory")

    # By the installed command: `python -m` would make it importable by itself.
    result = process("contracts", "ls", "--json", command=SCRIPT)

    assert result.returncode == 0, result.stderr
    (row,) = map(json.loads, result.stdout.splitlines())
    assert (row["topic"], row["type"], row["actions"]) == ("invoices", "paid.v1", ["mark-paid"])


def test_contracts_need_no_connection_settings() -> None:
    contracts_named("unconnected")

    assert invoke("check").exit_code == 0
    assert invoke("contracts", "schema", "paid.v1").exit_code == 0


def test_what_was_not_checked_is_said_and_where_it_was_looked_for() -> None:
    contracts_named("unset")
    file = Path("consumer.toml").absolute()

    begun = invoke("check", "--json")
    file.unlink()
    none_at_all = invoke("check", "--json")

    (row,) = (r for r in map(json.loads, begun.output.splitlines()) if r["level"] == "skip")
    assert row["where"] == "settings"
    assert "kafka and foundry: not checked" in row["what"]
    assert f"not in {file}" in row["what"]
    assert f"(no {file}; no variable)" in none_at_all.output


def test_a_secret_that_everybody_can_read_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    contracts_named("readable")
    for name, value in CONNECTED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("FOUNDRY_CLIENT_SECRET")
    monkeypatch.setenv("FOUNDRY_CLIENT_SECRET_FILE", "secret")
    Path("secret").write_text(CANARY)

    Path("secret").chmod(0o644)
    open_to_all = invoke("check")
    Path("secret").chmod(0o600)
    private = invoke("check")

    assert open_to_all.exit_code == private.exit_code == 0
    assert "can be read by every user" in open_to_all.output
    assert "chmod 600" in open_to_all.output
    assert "settings" not in private.output


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


@pytest.mark.parametrize("letters", ["invoices", "{topic}"])
def test_letters_that_would_be_consumed_again_are_refused(
    letters: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each would become a letter again: one bad record spends the whole budget, and the gate closes for all."""
    contracts_named(f"circular_{len(letters)}")
    for name, value in CONNECTED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CONSUMER_DEAD_LETTERS_TOPIC", letters)

    checked, ran = invoke("check"), invoke("run")

    assert (checked.exit_code, ran.exit_code) == (1, 2)
    for said in (checked.stdout, ran.stderr):
        assert "letters would be written to invoices" in said
        assert f"dead_letters.topic = '{letters}'" in said


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

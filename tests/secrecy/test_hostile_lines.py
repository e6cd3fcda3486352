"""Whatever a publisher writes, a line of the log stays one, a terminal is left alone, a letter keeps its headers."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

import pytest
from hypothesis import given, strategies as st

from consumer.errors import Reason, Unavailable
from consumer.kafka.letter_headers import OWN, letter_headers
from consumer.model import Letter, Partition, PlainRecord
from consumer.outcomes import Answer
from consumer.telemetry import Sums, Telemetry
from tests.cli.calling import CONTRACTS, contracts_named, invoke
from tests.secrecy.hostile import TEXTS, TOO_LONG, hostile_texts
from tests.stages.helpdesk import binary, prepare, record
from tests.telemetry.values import Lines, logged

Form = Literal["json", "console"]
FOREIGN = logging.getLogger("library.conn")
forms = st.sampled_from(get_args(Form))
values = st.none() | st.binary(max_size=30) | hostile_texts.map(str.encode)


def lines_of(form: Form, lines: Lines) -> list[str]:
    """Each as it is on the stream; not as `splitlines` sees them, which breaks at more than line feeds."""
    assert lines.text.endswith("\n")
    found = lines.text[:-1].split("\n")
    for line in found:
        assert line.isprintable()
        if form == "json":
            assert isinstance(json.loads(line), dict)
            assert line.isascii()
    return found


@given(form=forms, text=hostile_texts, reason=st.sampled_from(get_args(Reason)))
def test_a_letter_is_one_line_whatever_its_record_is_called(
    form: Form, text: str, reason: Reason
) -> None:
    letter = Letter(
        PlainRecord("tickets", 3, 7), reason, text, "submit", event_id=text, event_type=text
    )
    with logged(form=form) as lines:
        Telemetry(Sums(), lambda: 0.0).lettered(letter)

    assert len(lines_of(form, lines)) == 1


@given(form=forms, text=hostile_texts)
def test_every_other_line_is_one_as_well(form: Form, text: str) -> None:
    answer = Answer(text, error_name=text, error_instance_id=text)
    watch = Telemetry(Sums(), lambda: 0.0)
    with logged(form=form) as lines:
        watch.gate_closed(text, text, answer, text)
        watch.held(Partition("tickets", 3), text)
        watch.noted(Partition("tickets", 3), text)
        watch.retried(text, answer, 0.1)
        FOREIGN.warning("said %s", text)
        FOREIGN.warning(text)

    assert len(lines_of(form, lines)) == 6


@given(text=hostile_texts)
def test_the_text_of_an_error_breaks_no_line(text: str) -> None:
    with logged() as lines:
        FOREIGN.error("failed", exc_info=Unavailable(text))
    with logged(form="console") as console:
        FOREIGN.error("failed", exc_info=Unavailable(text))

    assert len(lines_of("json", lines)) == 1
    assert len(lines_of("console", console)) == 2  # the error stands below, on a line of its own


def test_what_is_a_megabyte_long_is_cut() -> None:
    letter = Letter(
        PlainRecord("tickets", 3, 7), "invalid", TOO_LONG, "validate", event_id=TOO_LONG
    )
    with logged() as lines:
        Telemetry(Sums(), lambda: 0.0).lettered(letter)

    (line,) = lines_of("json", lines)
    assert len(line) < 2_000


@given(
    key=values,
    headers=st.lists(st.tuples(hostile_texts, values), max_size=5),
    detail=hostile_texts,
)
def test_a_letter_keeps_the_headers_of_its_record_as_they_were(
    key: bytes | None, headers: list[tuple[str, bytes | None]], detail: str
) -> None:
    original = PlainRecord("tickets", 3, 7, key=key, value=b"v", headers=headers)
    letter = Letter(original, "rejected", detail, "submit", event_id=detail, event_type=detail)

    written = letter_headers(letter, datetime.now(UTC))

    own = written[len(headers) :]
    assert written[: len(headers)] == headers
    assert {name for name, _ in own} <= OWN
    assert len({name for name, _ in own}) == len(own)
    assert dict(own)["dlq.detail"] == detail.encode()


HOSTILE_ATTRIBUTES = ("id", "source", "type", "subject", "time", "specversion")


@pytest.mark.parametrize("attribute", HOSTILE_ATTRIBUTES)
@pytest.mark.parametrize("text", [*TEXTS, TOO_LONG], ids=range(len(TEXTS) + 1))
def test_a_hostile_envelope_is_decided_and_told_in_one_line(attribute: str, text: str) -> None:
    found = prepare(record(headers=binary(**{attribute: text.encode()})))

    letter = Letter(
        record(),
        getattr(found, "reason", "internal"),
        getattr(found, "detail", ""),
        getattr(found, "stage", "none"),
        event_id=getattr(found, "event_id", None),
        event_type=getattr(found, "event_type", None),
    )
    with logged() as lines:
        Telemetry(Sums(), lambda: 0.0).lettered(letter)
    (line,) = lines_of("json", lines)
    assert len(line) < 3_000


# The commands ------------------------------------------------------------------------------------


def test_a_hostile_key_of_the_settings_moves_no_terminal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("consumer.toml").write_text('["\\u001b[31m\\u0085"]\n[kafka]\n"\\u001b[31m\\u2028" = 1\n')

    result = invoke("check")

    assert result.exit_code == 2
    assert all(line.isprintable() for line in result.output.split("\n"))


@pytest.mark.parametrize("command", [("contracts", "ls"), ("contracts", "ls", "--json")])
def test_a_hostile_name_in_a_table_moves_no_terminal(
    command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = f"hostile{len(command)}"
    contracts_named(name, CONTRACTS.replace("paid.v1", "paid\\x1b[31m\\x85.v1"))

    result = invoke(*command)

    assert result.exit_code == 0, result.output
    assert "paid" in result.output
    assert all(line.isprintable() for line in result.output.split("\n"))

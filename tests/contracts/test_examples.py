"""The examples beside the contracts hold, and one that does not is told by file and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from consumer.check import Finding, check, check_examples
from consumer.contracts import Contract, Contracts, Ignored, constant, ignore, load
from consumer.contracts.examples import difference, example_files, read_example
from consumer.errors import ContractError
from tests.contracts.domain import Close, Create, Opened

SHIPPED = load("schemas")
_NEEDED = {"accepted", "rejected"}


def shop(folder: Path) -> Contracts:
    """One topic with one type, its examples in `folder`."""
    contract = Contract("tickets", type_from=constant("opened"))

    @contract.on("opened", Opened, repeat="safe")
    def create(event: Opened) -> list[Create | Close] | Ignored:
        if event.title == "spam":
            return ignore("spam")
        return [Create(ticket_id=event.ticket_id), Close(ticket_id=event.ticket_id)]

    return Contracts({"prod.tickets": contract}, folder)


def write(folder: Path, content: Any, name: str = "examples/tickets/one.json") -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def run_one(folder: Path, expect: Any, **record: Any) -> Finding:
    write(folder, {"record": record or {"value": {"ticket_id": "T-1"}}, "expect": expect})
    return next(iter(check_examples(shop(folder))))


def actions(ticket_id: Any = "T-1") -> dict[str, Any]:
    parameters = {"ticket_id": ticket_id}
    return {
        "actions": [
            {"action": "create-ticket", "parameters": parameters},
            {"action": "close-ticket", "parameters": parameters},
        ]
    }


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=f"{path.parent.name}/{path.stem}")
        for path in example_files(SHIPPED.folder)
    ],
)
def test_a_shipped_example_holds(path: Path) -> None:
    where = str(path.relative_to(SHIPPED.folder.parent))

    (finding,) = (found for found in check_examples(SHIPPED) if found.where == where)

    assert finding == Finding("ok", where, "holds")


def test_nothing_is_wrong_with_the_shipped_contracts() -> None:
    """Among it: every event type has an accepted and a rejected example."""
    assert [finding for finding in check("schemas") if finding.level != "ok"] == []


def test_an_example_that_holds_is_ok(tmp_path: Path) -> None:
    finding = run_one(tmp_path, actions())

    assert finding == Finding("ok", f"{tmp_path.name}/examples/tickets/one.json", "holds")


@pytest.mark.parametrize(
    ("expect", "value", "says"),
    [
        (actions("T-2"), {}, 'expect.actions[0].parameters.ticket_id: expected "T-2", got "T-1"'),
        ({"actions": actions()["actions"][:1]}, {}, "expect.actions: expected 1 items, got 2"),
        (
            {"actions": actions()["actions"][::-1]},
            {},
            'expect.actions[0].action: expected "close-ticket", got "create-ticket"',
        ),
        (actions(), {"title": "spam"}, "expect.actions: it is ignored: spam"),
        (actions(), {"title": 7}, "expect.actions: it is rejected: invalid: title"),
        ({"ignored": "spam"}, {}, "expect.ignored: it is mapped to create-ticket, close-ticket"),
        ({"ignored": "ham"}, {"title": "spam"}, 'expect.ignored: expected "ham", got "spam"'),
        (
            {"reason": "invalid"},
            {},
            "expect.reason: expected invalid; it is mapped to create-ticket",
        ),
        (
            {"reason": "rejected"},
            {"title": 7},
            "expect.reason: expected rejected; it is rejected: invalid",
        ),
        (
            {"reason": "invalid", "detail": "tags"},
            {"title": 7},
            "expect.detail: 'tags' is not part of 'title",
        ),
    ],
)
def test_an_example_that_does_not_hold_says_field_and_both_values(
    tmp_path: Path, expect: Any, value: dict[str, Any], says: str
) -> None:
    finding = run_one(tmp_path, expect, value={"ticket_id": "T-1"} | value)

    assert finding.level == "fail"
    assert finding.where == f"{tmp_path.name}/examples/tickets/one.json"
    assert finding.what.startswith(says)
    assert finding.remedy


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "file: Invalid JSON"),
        ({"expect": {"ignored": "x"}}, "record: Field required"),
        ({"record": {"value": {}}}, "expect: Field required"),
        (
            {"record": {}, "expect": {"ignored": "x"}},
            "record: Value error, give one of value, value_text",
        ),
        (
            {"record": {"value": {}, "value_text": ""}, "expect": {"ignored": "x"}},
            "record: Value error, give one of value, value_text, value_base64, not 2",
        ),
        (
            {"record": {"value": {}, "offset": 1}, "expect": {"ignored": "x"}},
            "record.offset: Extra inputs are not permitted",
        ),
        (
            {"record": {"value_base64": "A"}, "expect": {"ignored": "x"}},
            "record.value_base64: Base64 decoding error",
        ),
        ({"record": {"value": {}}, "expect": {}}, "expect: give one of actions, ignored, reason"),
        (
            {"record": {"value": {}}, "expect": {"ignored": "x", "reason": "invalid"}},
            "expect: give one of actions, ignored, reason",
        ),
        (
            {"record": {"value": {}}, "expect": {"actions": []}},
            "expect.actions: Tuple should have at least 1",
        ),
        ({"record": {"value": {}}, "expect": {"reason": "bad"}}, "expect.reason: Input should be"),
        (
            {"record": {"value": {}}, "expect": {"actions": [{"action": "a"}]}},
            "expect.actions.0.parameters: Field required",
        ),
    ],
)
def test_a_file_that_is_no_example_says_which_field(
    tmp_path: Path, content: Any, says: str
) -> None:
    write(tmp_path, content)

    (finding, *_) = check_examples(shop(tmp_path))

    assert (finding.level, finding.what[: len(says)]) == ("fail", says)


def test_an_example_for_a_topic_without_contract_fails(tmp_path: Path) -> None:
    """It would never be run, and nobody would know."""
    content = {"record": {"value": {"ticket_id": "T-1"}}, "expect": actions()}
    write(tmp_path, content, "examples/tickts/one.json")
    write(tmp_path, content, "examples/tickets/deeper/one.json")
    write(tmp_path, content, "examples/one.json")

    findings = [found for found in check_examples(shop(tmp_path)) if found.level == "fail"]

    assert [found.what for found in findings] == [
        "no contract has the topic 'examples'",
        "no contract has the topic 'deeper'",
        "no contract has the topic 'tickts'",
    ]


@pytest.mark.parametrize(
    ("record", "value"),
    [
        ({"value": {"a": "ä"}}, b'{"a": "\\u00e4"}'),
        ({"value": None}, None),
        ({"value_text": "{"}, b"{"),
        ({"value_text": ""}, b""),
        ({"value_base64": "AP8="}, b"\x00\xff"),
    ],
)
def test_a_value_is_given_as_json_as_text_or_as_bytes(
    tmp_path: Path, record: dict[str, Any], value: bytes | None
) -> None:
    write(tmp_path, {"record": record, "expect": {"ignored": "x"}})

    example = read_example(tmp_path / "examples/tickets/one.json")

    assert example.on("prod.tickets").value == value


def test_key_and_headers_reach_the_record(tmp_path: Path) -> None:
    record = {"key": "ä", "headers": {"a": "1", "b": None}, "value": {}}
    write(tmp_path, {"record": record, "expect": {"ignored": "x"}})

    found = read_example(tmp_path / "examples/tickets/one.json").on("prod.tickets")

    assert (found.topic, found.key) == ("prod.tickets", "ä".encode())
    assert found.headers == (("a", b"1"), ("b", None))


def test_a_type_without_examples_is_warned_of(tmp_path: Path) -> None:
    none = list(check_examples(shop(tmp_path)))
    run_one(tmp_path, actions())
    accepted_only = list(check_examples(shop(tmp_path)))

    assert [(found.level, found.where) for found in none] == [("warn", "tickets opened")] * 2
    assert {found.what.split()[-1] for found in none} == _NEEDED
    assert [found.what for found in accepted_only] == [
        "holds",
        "no example of an event that is rejected",
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "says"),
    [
        ({"a": 1}, {"a": 1.0}, None),
        ({"a": [1, None]}, {"a": [1, None]}, None),
        ({"a": 1}, {"a": True}, "x.a: expected 1, got true"),
        ({"a": 0}, {"a": False}, "x.a: expected 0, got false"),
        ({"a": 1}, {"a": "1"}, 'x.a: expected 1, got "1"'),
        ({"a": None}, {}, "x.a: expected null, but it is missing"),
        ({}, {"a": None}, "x.a: got null, which was not expected"),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}, "x.a.b[1]: expected 2, got 3"),
        ([], {}, "x: expected [], got {}"),
    ],
)
def test_the_first_difference_is_named(expected: Any, actual: Any, says: str | None) -> None:
    assert difference(expected, actual, "x") == says


def test_an_unreadable_file_is_no_example(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="No such file"):
        read_example(tmp_path / "examples/tickets/none.json")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            '{"record": {"value": {"a": 12345678901234567890.12}}, "expect": {"ignored": "x"}}',
            "12345678901234567890.12 would be written as 1.2345678901234567e+19",
        ),
        (
            '{"record": {"value": {}, "headers": {"h": "1", "h": "2"}}, "expect": {"ignored": "x"}}',
            "'h' occurs twice",
        ),
    ],
)
def test_an_example_that_would_not_be_run_as_it_is_written_is_refused(
    tmp_path: Path, text: str, says: str
) -> None:
    """Its record is written anew from what was read."""
    write(tmp_path, text)

    with pytest.raises(ContractError) as refused:
        read_example(tmp_path / "examples/tickets/one.json")

    assert says in str(refused.value)
    assert "value_text" in str(refused.value)


def test_numbers_that_a_double_keeps_are_fine(tmp_path: Path) -> None:
    write(tmp_path, '{"record": {"value": {"a": [0.1, 1.10, 1e2]}}, "expect": {"ignored": "x"}}')

    assert read_example(tmp_path / "examples/tickets/one.json").record.value == {
        "a": [0.1, 1.1, 100.0]
    }

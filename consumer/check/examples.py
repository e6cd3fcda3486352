"""Runs each example through the pipeline, as if it were a record; offline, so that errors may be shown in full."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import assert_never

from consumer.check.closer import look
from consumer.check.findings import Finding
from consumer.contracts import Contract, Contracts
from consumer.contracts.examples import (
    Example,
    ExpectActions,
    ExpectIgnored,
    ExpectReason,
    difference,
    example_files,
    read_example,
)
from consumer.errors import ContractError, Rejected
from consumer.model import Ignored, Prepared
from consumer.pipeline import Prepare, make_prepare


def check_examples(contracts: Contracts) -> Iterator[Finding]:
    """A finding for each example, and for each event type that lacks one."""
    prepare = make_prepare(contracts.by_topic)
    names = {contract.topic: topic for topic, contract in contracts.by_topic.items()}
    accepted: set[tuple[str, str | None]] = set()
    rejected: set[tuple[str, str | None]] = set()
    for path in example_files(contracts.folder):
        where = str(path.relative_to(contracts.folder.parent))
        found, outcome = _run_file(path, where, names, contracts, prepare)
        yield from found
        if outcome is not None:
            seen = rejected if isinstance(outcome, Rejected) else accepted
            seen.add((path.parent.name, outcome.event_type))
    for contract in contracts.by_topic.values():
        yield from _unshown(contract, "accepted", accepted)
        yield from _unshown(contract, "rejected", rejected)


def _run_file(
    path: Path, where: str, names: Mapping[str, str], contracts: Contracts, prepare: Prepare
) -> tuple[Sequence[Finding], Prepared | Ignored | Rejected | None]:
    try:
        example = read_example(path)
    except ContractError as error:
        what = str(error).removeprefix(f"{path}: ")
        return [Finding("fail", where, what, "write it in the examples' format")], None
    topic = names.get(example.topic)
    if topic is None:
        known = ", ".join(sorted(names))
        what = f"no contract has the topic {example.topic!r}"
        return [Finding("fail", where, what, f"name the folder after one of: {known}")], None
    record = example.on(topic)
    outcome = prepare(record)
    seen = look(record, contracts.by_topic[topic], contracts.folder)
    fault = mismatch(example, outcome)
    if fault is None:
        return [Finding("ok", where, "holds"), *_unknown(where, seen.unknown)], outcome
    if seen.raised is not None:
        fault += f"; {seen.raised}"
    return [Finding("fail", where, fault, "fix the contract, or the example")], outcome


def _unknown(where: str, names: Sequence[tuple[str, str]]) -> Iterator[Finding]:
    for name, model in names:
        what = f"{name} is not a field of {model}: a mapping that reads it gets an unchecked value, or none"
        yield Finding("warn", where, what, f"add it to {model}, or remove it from the example")


def mismatch(example: Example, outcome: Prepared | Ignored | Rejected) -> str | None:
    """How the outcome differs from what the example expects: the field, and both values; None: it holds."""
    match example.expect:
        case ExpectActions(actions=actions):
            if not isinstance(outcome, Prepared):
                return f"expect.actions: {_got(outcome)}"
            return difference(
                [action.model_dump() for action in actions], _sent(outcome), "expect.actions"
            )
        case ExpectIgnored(ignored=why):
            if not isinstance(outcome, Ignored):
                return f"expect.ignored: {_got(outcome)}"
            return difference(why, outcome.why, "expect.ignored")
        case ExpectReason() as expected:
            return _reason_mismatch(expected, outcome)
    assert_never(example.expect)


def _reason_mismatch(expected: ExpectReason, outcome: Prepared | Ignored | Rejected) -> str | None:
    if not isinstance(outcome, Rejected) or outcome.reason != expected.reason:
        return f"expect.reason: expected {expected.reason}; {_got(outcome)}"
    if expected.detail not in outcome.detail:
        return f"expect.detail: {expected.detail!r} is not part of {outcome.detail!r}"
    return None


def _sent(prepared: Prepared) -> list[dict[str, object]]:
    return [
        {"action": call.action.name, "parameters": json.loads(call.parameters)}
        for call in prepared.calls
    ]


def _got(outcome: Prepared | Ignored | Rejected) -> str:
    match outcome:
        case Prepared():
            return f"it is mapped to {', '.join(call.action.name for call in outcome.calls)}"
        case Ignored():
            return f"it is ignored: {outcome.why}"
        case Rejected():
            return f"it is rejected: {outcome}"
    assert_never(outcome)


def _unshown(
    contract: Contract, kind: str, shown: set[tuple[str, str | None]]
) -> Iterator[Finding]:
    for event_type in contract.routes:
        if (contract.topic, event_type) not in shown:
            yield Finding(
                "warn",
                f"{contract.topic} {event_type}",
                f"no example of an event that is {kind}",
                f"add one under examples/{contract.topic}/",
            )

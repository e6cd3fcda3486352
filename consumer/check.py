"""What can be said of contracts offline: they import, every example holds, and how each action is sent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, assert_never

from consumer.contracts import Contract, Contracts, Route, load
from consumer.contracts.examples import (
    Example,
    ExpectActions,
    ExpectIgnored,
    ExpectReason,
    difference,
    example_files,
    read_example,
)
from consumer.contracts.type_from import CloudEvents
from consumer.contracts.zones import times_without_zone
from consumer.errors import ContractError, Rejected
from consumer.model import ActionType, Ignored, Prepared
from consumer.pipeline import Prepare, make_prepare
from consumer.settings import letters_come_back

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it stands, and what to do where it does not."""

    level: Level
    where: str
    what: str
    remedy: str = ""


def check(
    import_path: str,
    topic_names: Mapping[str, str] = MappingProxyType({}),
    letter_topic: str = "{topic}.dlq",
) -> Sequence[Finding]:
    """Everything that can be found out offline; `topic_names`: contract's topic -> its name here; `letter_topic`: the setting.

    Never raises for what the owners wrote: that is a finding with level "fail".
    """
    try:
        contracts = load(import_path, topic_names)
    except ContractError as error:
        return [Finding("fail", import_path, str(error), "correct it; nothing else was checked")]
    return [
        *_letters(letter_topic, contracts),
        *_contracts(contracts),
        *_action_types(contracts),
        *check_examples(contracts),
    ]


def failed(findings: Sequence[Finding]) -> bool:
    """True where the answer is no."""
    return any(finding.level == "fail" for finding in findings)


def _letters(template: str, contracts: Contracts) -> Iterator[Finding]:
    fault = letters_come_back(template, contracts.by_topic)
    if fault is not None:
        yield Finding("fail", f"{fault.key} = {fault.value}", fault.problem, fault.remedy)


def _contracts(contracts: Contracts) -> Iterator[Finding]:
    for topic, contract in contracts.by_topic.items():
        if contract.sources is None and isinstance(contract.type_from, CloudEvents):
            yield Finding(
                "warn",
                topic,
                "every source is allowed: sources is None",
                'name them: Contract(..., sources=["/one"])',
            )
        for route in contract.routes.values():
            yield from _route(topic, route)


def _route(topic: str, route: Route) -> Iterator[Finding]:
    where = f"{topic} {route.event_type}"
    sent = ", ".join(action.action_type.name for action in route.actions) or "nothing"
    yield Finding("ok", where, f"{route.model.__name__} -> {sent} (repeat: {route.repeat.value})")
    if not (route.model.__doc__ or "").strip():
        yield Finding(
            "warn",
            where,
            f"{route.model.__name__} has no docstring: its published schema has no description",
            "say in a sentence what happened",
        )
    for name in times_without_zone(route.model):
        yield Finding(
            "warn",
            where,
            f"{route.model.__name__}.{name} takes times without a zone, which nobody can place",
            "annotate it as pydantic.AwareDatetime",
        )


def _action_types(contracts: Contracts) -> Iterator[Finding]:
    by_name: dict[str, set[ActionType]] = defaultdict(set)
    for action in contracts.actions:
        by_name[action.action_type.name].add(action.action_type)
    for name, found in by_name.items():
        if len(found) > 1:
            batches = ", ".join(str(kind.batch) for kind in sorted(found, key=lambda it: it.batch))
            yield Finding(
                "fail",
                name,
                f"two classes have this API name, with batch={batches}",
                "keep one class: an action type is always batched, or never",
            )
            continue
        yield Finding("ok", name, _how_sent(found.pop()))


def _how_sent(kind: ActionType) -> str:
    if not kind.batched:
        return "sent with apply, always alone"
    return (
        f"sent with applyBatch, up to {kind.batch} at once: notifies nobody, and a refused batch "
        "repeats writeback webhooks (batch=1 on the class sends it alone)"
    )


def check_examples(contracts: Contracts) -> Iterator[Finding]:
    """Each example run through the pipeline, and the event types that lack one."""
    prepare = make_prepare(contracts.by_topic)
    names = {contract.topic: topic for topic, contract in contracts.by_topic.items()}
    accepted: set[tuple[str, str | None]] = set()
    rejected: set[tuple[str, str | None]] = set()
    for path in example_files(contracts.folder):
        where = str(path.relative_to(contracts.folder.parent))
        finding, outcome = _run_file(path, where, names, prepare)
        yield finding
        if outcome is not None:
            seen = rejected if isinstance(outcome, Rejected) else accepted
            seen.add((path.parent.name, outcome.event_type))
    for contract in contracts.by_topic.values():
        yield from _unshown(contract, "accepted", accepted)
        yield from _unshown(contract, "rejected", rejected)


def _run_file(
    path: Path, where: str, names: Mapping[str, str], prepare: Prepare
) -> tuple[Finding, Prepared | Ignored | Rejected | None]:
    try:
        example = read_example(path)
    except ContractError as error:
        what = str(error).removeprefix(f"{path}: ")
        return Finding("fail", where, what, "write it in the examples' format"), None
    if example.topic not in names:
        known = ", ".join(sorted(names))
        what = f"no contract has the topic {example.topic!r}"
        return Finding("fail", where, what, f"name the folder after one of: {known}"), None
    outcome = prepare(example.on(names[example.topic]))
    fault = mismatch(example, outcome)
    if fault is None:
        return Finding("ok", where, "holds"), outcome
    return Finding("fail", where, fault, "correct the contract, or the example"), outcome


def mismatch(example: Example, outcome: Prepared | Ignored | Rejected) -> str | None:
    """What is otherwise than the example expects: the field, and both values; None: it holds."""
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
        return f"expect.detail: {expected.detail!r} is no part of {outcome.detail!r}"
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
                f"no example of one that is {kind}",
                f"add one under examples/{contract.topic}/",
            )

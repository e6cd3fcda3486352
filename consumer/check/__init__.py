"""What can be checked of contracts offline: that they import, that every example holds, how each action is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from consumer.check.examples import check_examples
from consumer.check.findings import Finding, failed
from consumer.contracts import Contracts, Route, load
from consumer.contracts.type_from import CloudEvents
from consumer.contracts.zones import times_without_zone
from consumer.errors import ContractError
from consumer.model import ActionType
from consumer.settings import (
    CLOSE_TO_OTHERS,
    DEFAULT_FILE,
    Settings,
    letters_come_back,
    open_to_all,
)

__all__ = ["Finding", "check", "check_examples", "check_settings", "failed"]


def check(
    import_path: str,
    topic_names: Mapping[str, str] = MappingProxyType({}),
    letter_topic: str = "{topic}.dlq",
) -> Sequence[Finding]:
    """Everything that can be found out offline.

    `topic_names`: contract's topic -> its name here; `letter_topic`: the setting `dead_letters.topic`. Never raises
    for what the owners wrote: that is a finding of the level "fail".
    """
    try:
        contracts = load(import_path, topic_names)
    except ContractError as error:
        return [Finding("fail", import_path, str(error), "fix it; nothing else was checked")]
    return [
        *_letters(letter_topic, contracts),
        *_contracts(contracts),
        *_action_types(contracts),
        *check_examples(contracts),
    ]


def check_settings(settings: Settings) -> Sequence[Finding]:
    """Which settings are probably not what was meant, and which could not be checked."""
    found = [Finding("warn", "settings", advice) for advice in settings.warnings]
    found += [Finding("warn", "settings", what, CLOSE_TO_OTHERS) for what in open_to_all(settings)]
    unset = [each.name for each in (settings.kafka, settings.foundry) if not each.model_fields_set]
    if unset:
        given = (
            f"not in {settings.file.absolute()}"
            if settings.file
            else f"no {Path(DEFAULT_FILE).absolute()}"
        )
        what = f"{' and '.join(unset)}: not checked, as no key of it is set ({given}; no variable)"
        found.append(
            Finding(
                "skip", "settings", what, "`run` and `doctor` need these settings; see --config"
            )
        )
    return found


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
                'list the allowed ones: Contract(..., sources=["/one"])',
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
            "add one that says in a sentence what happened",
        )
    for name in times_without_zone(route.model):
        yield Finding(
            "warn",
            where,
            f"{route.model.__name__}.{name} accepts times without a zone, which are ambiguous",
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

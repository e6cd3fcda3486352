"""Actions: what a request body asks for, whether it is allowed, and the one transaction that it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deploy.local.foundry.effects import Effects, Origin
from deploy.local.foundry.objects import Locator, Objects, object_not_found
from deploy.local.foundry.ontology import ActionType
from deploy.local.foundry.rules import Edit, Occasion
from deploy.local.foundry.wire import (
    Refusal,
    Reply,
    decode,
    encode,
    fresh_rid,
    ok,
    only_fields,
    unprocessable,
)

BODY = frozenset({"parameters", "options"})
BATCH_BODY = frozenset({"requests", "options"})
OPTIONS = frozenset({"mode", "returnEdits"})
BATCH_OPTIONS = frozenset({"returnEdits"})
MODES = ("VALIDATE_AND_EXECUTE", "VALIDATE_ONLY")
RETURNS = ("NONE", "ALL", "ALL_V2_WITH_DELETIONS")
COUNTS = {
    "addedObjectCount": "addObject",
    "modifiedObjectsCount": "modifyObject",
    "deletedObjectsCount": "deleteObject",
    "addedLinksCount": "addLink",
    "deletedLinksCount": "deleteLink",
}


@dataclass(frozen=True, slots=True)
class Submission:
    """One request: actions of one type, to be applied together or not at all."""

    action: ActionType
    items: Sequence[Mapping[str, Any]]
    returns: str
    batched: bool = False
    validate_only: bool = False


def read_apply(action: ActionType, body: bytes) -> Submission:
    """Raises Refusal for a body that is not an apply request, or for options that exclude each other."""
    given = only_fields(decode(body), BODY)
    parameters = given.get("parameters")
    if not isinstance(parameters, dict):
        unprocessable()
    options = only_fields(given.get("options") or {}, OPTIONS)
    mode = _one_of(options.get("mode"), MODES)
    returns = _one_of(options.get("returnEdits"), RETURNS)
    if mode == "VALIDATE_ONLY" and returns != "NONE":
        raise Refusal(
            "INVALID_ARGUMENT",
            "InvalidApplyActionOptionCombination",
            {"invalidCombination": options},
        )
    return Submission(action, (parameters,), returns, validate_only=mode == "VALIDATE_ONLY")


def read_batch(action: ActionType, body: bytes, maximum: int) -> Submission:
    """Raises Refusal for a body that is not a batch, for an empty one and for one above `maximum`."""
    given = only_fields(decode(body), BATCH_BODY)
    requests = given.get("requests")
    if not isinstance(requests, list):
        unprocessable()
    options = only_fields(given.get("options") or {}, BATCH_OPTIONS)
    returns = _one_of(options.get("returnEdits"), RETURNS[:2])
    if not requests:
        raise Refusal("INVALID_ARGUMENT", "MissingBatchRequest", {})
    if len(requests) > maximum:
        raise Refusal(
            "INVALID_ARGUMENT",
            "BatchRequestSizeExceededLimit",
            {"maximumBatchSize": maximum, "providedBatchSize": len(requests)},
        )
    items = [_item(request) for request in requests]
    return Submission(action, items, returns, batched=True)


def _item(request: Any) -> dict[str, Any]:
    """Written out, not by `only_fields`: it runs for each action of a batch."""
    parameters = request.get("parameters") if type(request) is dict else None
    if type(parameters) is not dict or len(request) != 1:
        unprocessable()
    return parameters


def _one_of(value: Any, allowed: tuple[str, ...]) -> str:
    if value is None:
        return allowed[0]
    if value not in allowed:
        unprocessable()
    return str(value)


class Engine:
    """Applies submissions to the objects. Nothing here waits, so each call is one moment.

    Lean: nothing is validated or edited, actions are only counted.
    """

    def __init__(self, objects: Objects, effects: Effects) -> None:
        self._objects = objects
        self._effects = effects

    def examine(self, asked: Submission) -> Reply | None:
        """The answer, if it is one already before anything is executed.

        Raises:
            Refusal: a parameter is unknown, badly encoded, or refers to no object; a batch has an invalid item.
        """
        if self._effects.lean:
            return None
        for item in asked.items:
            bad = asked.action.refused(item)
            if bad:
                return self._invalid(asked, bad, None)
            self._require_references(asked.action, item)
        return self._validated(asked) if asked.validate_only else None

    def fail(self, asked: Submission, criterion: str) -> Reply:
        """The answer where a submission criterion is not satisfied. Raises Refusal for a batch."""
        return self._invalid(asked, frozenset(), criterion)

    def _invalid(self, asked: Submission, bad: frozenset[str], criterion: str | None) -> Reply:
        if asked.batched:
            raise Refusal(
                "INVALID_ARGUMENT", "ActionValidationFailed", {"actionType": asked.action.name}
            )
        return ok({"validation": asked.action.invalid(bad, criterion)})

    def _validated(self, asked: Submission) -> Reply:
        return Reply(200, b'{"validation":%b}' % asked.action.valid)

    def _require_references(self, action: ActionType, item: Mapping[str, Any]) -> None:
        for name, object_type in action.references:
            key = item.get(name)
            if key is not None and self._objects.get(object_type, key) is None:
                raise object_not_found(name)

    def versions(self, asked: Submission, user: str) -> dict[Locator, int]:
        """What the submission would touch: given to `execute` after a delay, it finds out who was faster."""
        return self._objects.versions(self._edits(asked, user))

    def execute(
        self,
        asked: Submission,
        origin: Origin,
        user: str,
        since: Mapping[Locator, int] | None = None,
    ) -> Reply:
        """All its actions take effect, or none.

        Raises:
            Refusal: objects exist, do not exist, are edited twice, or were changed meanwhile.
        """
        if since:
            self._objects.require_unchanged(since)
        edits: list[Edit] = []
        if not self._effects.lean:
            edits = self._edits(asked, user)
            self._objects.commit(edits)
        self._effects.record(
            asked.action, asked.items, origin, len(asked.items) if asked.batched else 0
        )
        return self._applied(asked, edits)

    def _edits(self, asked: Submission, user: str) -> list[Edit]:
        rules = asked.action.rules
        if not rules:
            return []
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        edits = []
        for item in asked.items:
            occasion = Occasion(now, user, self._objects.get)
            made = [rule(item, occasion) for rule in rules]
            edits += [edit for edit in made if edit.key is not None]
        return edits

    def _applied(self, asked: Submission, edits: list[Edit]) -> Reply:
        shown = b""
        if asked.returns != "NONE":
            shown = b'"edits":%b' % encode(_shown_edits(edits, asked.returns))
        if asked.batched:
            return Reply(200, b"{%b}" % shown)
        operation = fresh_rid("actions", "action").encode()
        tail = b"," + shown if shown else b""
        return Reply(
            200,
            b'{"operationId":"%b","validation":%b%b}' % (operation, asked.action.valid, tail),
        )


def _shown_edits(edits: list[Edit], returns: str) -> dict[str, Any]:
    """Deletions are counted always, and listed only where they were asked for."""
    with_deletions = returns == "ALL_V2_WITH_DELETIONS"
    listed = [e for e in edits if with_deletions or not e.kind.startswith("delete")]
    counts = {name: sum(edit.kind == kind for edit in edits) for name, kind in COUNTS.items()}
    return {"type": "edits", "edits": [_shown_edit(edit) for edit in listed], **counts}


def _shown_edit(edit: Edit) -> dict[str, Any]:
    if edit.linked is None:
        return {"type": edit.kind, "objectType": edit.object_type, "primaryKey": edit.key}
    other_type, other_key, link_type = edit.linked
    return {
        "type": edit.kind,
        "linkTypeApiNameAtoB": link_type,
        "linkTypeApiNameBtoA": link_type,
        "aSideObject": {"objectType": edit.object_type, "primaryKey": edit.key},
        "bSideObject": {"objectType": other_type, "primaryKey": other_key},
    }

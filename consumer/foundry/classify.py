"""HTTP answer -> outcome. Pure, and the only place where Foundry's answers are judged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from consumer.foundry.answers import (
    FoundryError,
    Reply,
    describe,
    describe_validation,
    read_error,
    read_object,
    retry_after,
    scope_name,
    whole_number,
)
from consumer.foundry.verdicts import (
    BY_CODE,
    BY_NAME,
    BY_STATUS,
    BY_STATUS_ALONE,
    CUT,
    FAILED,
    FORBIDDEN,
    LASTING,
    MISREAD,
    NOT_FOUNDRY,
    NOT_IN_FOUNDRYS_SHAPE,
    OVERLOADED,
    REDIRECTED,
    REFUSED,
    SCOPE,
    STRANGE,
    UNREADABLE,
    Kind,
    Rule,
)
from consumer.model import Repeat
from consumer.outcomes import (
    Answer,
    Applied,
    Conflicted,
    Outage,
    Outcome,
    Oversized,
    Refused,
    Unknown,
)


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent: to which endpoint, how many actions, and what a repeat of one would do."""

    batched: bool
    size: int
    repeat: Repeat


def classify(reply: Reply, sent: Sent, now: float) -> Outcome:
    """What became of the request with this answer. `now`: seconds since the epoch."""
    if reply.succeeded:
        return _succeeded(reply, sent)
    error = read_error(reply)
    return _outcome(reply, error, sent, now)


def _succeeded(reply: Reply, sent: Sent) -> Outcome:
    """2xx. A batch is atomic, so the status says it all; a single action's body may still say INVALID."""
    if not reply.json_typed:
        answer = Answer("not_json", "a success status, but the body is not JSON", reply.status)
        return _unknown(NOT_FOUNDRY, answer, answered=False)
    if sent.batched:
        return Applied()
    found = read_object(reply.body) if reply.complete else None
    validation = found.get("validation") if found is not None else None
    if found is None or not (validation is None or isinstance(validation, dict)):
        answer = Answer("unreadable", "a success status, but the body cannot be read", reply.status)
        return _unknown(FAILED, answer, answered=True)
    if validation is None or validation.get("result") == "VALID":
        return Applied()
    if validation.get("result") == "INVALID":
        name = "ActionValidationFailed"
        detail = describe_validation(validation)
        return Refused(Answer(name, detail, reply.status, "INVALID_ARGUMENT", name))
    answer = Answer(
        "unreadable", "the validation result is neither VALID nor INVALID", reply.status
    )
    return _unknown(FAILED, answer, answered=True)


def rule_of(reply: Reply, error: FoundryError | None) -> Rule:
    """The table's row for an answer that is not a success."""
    if reply.status < 400:  # noqa: PLR2004 - HTTP's own classes
        return REDIRECTED
    named = _named(error) if error is not None else None
    if found := named or BY_STATUS_ALONE.get(reply.status):
        return found
    if reply.status == 503:  # noqa: PLR2004 - the one status whose meaning depends on who sent it
        # A gateway that loses its upstream after passing on the request answers 503 too, with Retry-After.
        throttled = error is not None or reply.retry_hint
        return OVERLOADED if throttled else CUT
    return _unnamed(reply, error)


def _unnamed(reply: Reply, error: FoundryError | None) -> Rule:
    if error is None:
        return NOT_IN_FOUNDRYS_SHAPE.get(reply.status, CUT if reply.servers_fault else STRANGE)
    if (coded := BY_CODE.get(error.code or "")) is not None:
        return coded
    return FAILED if reply.servers_fault else BY_STATUS.get(reply.status, REFUSED)


def _named(error: FoundryError) -> Rule | None:
    return BY_NAME.get(error.name or "") or BY_NAME.get(error.local_name or "")


def answer_of(reply: Reply, error: FoundryError | None, now: float) -> Answer:
    """What is kept of an answer that is not a success."""
    waits = retry_after(reply, now)
    if error is None:
        kind = "" if reply.body else " with an empty body"
        detail = f"HTTP {reply.status}{kind}, not in Foundry's error format"
        return Answer(f"http_{reply.status}", detail, reply.status, retry_after=waits)
    known = _named(error) is not None
    return Answer(
        # Names that are not in the table would make the values of a metric's label unbounded.
        (error.local_name if known else None) or f"http_{reply.status}",
        describe(error),
        reply.status,
        error.code,
        error.name,
        error.instance_id,
        waits,
    )


def outage_of_read(reply: Reply, now: float) -> Outage:
    """What a failed read means. A read executes nothing, so every failure is an outage."""
    error = read_error(reply)
    if reply.succeeded:
        rule = LASTING if reply.json_typed else NOT_FOUNDRY
        return outage_of(
            rule,
            Answer("unreadable", "a success status, but the body cannot be read", reply.status),
            None,
        )
    rule = rule_of(reply, error)
    answer = answer_of(reply, error, now)
    if rule is FORBIDDEN:
        return outage_of(UNREADABLE, answer, error)
    if rule.kind in {Kind.OUTAGE, Kind.CUT, Kind.FAILED, Kind.GAVE_UP}:
        return outage_of(rule, answer, error)
    return outage_of(LASTING if rule.kind is Kind.CONFLICTED else MISREAD, answer, error)


def outage_of(rule: Rule, answer: Answer, error: FoundryError | None) -> Outage:
    """The outage that a row of the table describes."""
    remedy = rule.remedy
    if rule is SCOPE and error is not None and (scope := scope_name(error)) is not None:
        remedy = f"the token lacks the scope {scope}: {remedy}"
    return Outage(answer, rule.gate, rule.everywhere, remedy)


def _outcome(reply: Reply, error: FoundryError | None, sent: Sent, now: float) -> Outcome:
    rule = rule_of(reply, error)
    answer = answer_of(reply, error, now)
    match rule.kind:
        case Kind.REFUSED:
            return Refused(answer)
        case Kind.EXISTS:
            # A batch is atomic: nothing of it was applied, and it has to be split. A lone create was applied before.
            already = sent.size == 1 and sent.repeat is Repeat.CREATE
            return Applied(already=True) if already else Refused(answer)
        case Kind.CONFLICTED:
            return Conflicted(answer)
        case Kind.OVERSIZED:
            return Oversized(answer, _maximum(error, sent)) if sent.size > 1 else Refused(answer)
        case Kind.OUTAGE:
            return outage_of(rule, answer, error)
        case Kind.FAILED | Kind.CUT | Kind.GAVE_UP:
            return _open(rule, answer, reply)
        case unreachable:
            assert_never(unreachable)


def _open(rule: Rule, answer: Answer, reply: Reply) -> Outcome:
    if rule.kind is Kind.GAVE_UP and not reply.servers_fault:
        return Conflicted(answer)
    return _unknown(rule, answer, answered=rule.kind is not Kind.CUT)


def _unknown(rule: Rule, answer: Answer, *, answered: bool) -> Unknown:
    """The unknown outcome that a row describes; it may be a sign of an outage, too."""
    return Unknown(answer, answered, rule.gate, rule.everywhere, rule.remedy)


def _maximum(error: FoundryError | None, sent: Sent) -> int | None:
    named = whole_number(error.parameters.get("maximumBatchSize")) if error is not None else None
    return named if named is not None and 1 <= named < sent.size else None

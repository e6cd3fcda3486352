"""What excuses a repeat or a letter: a fault that met the record's request, or a disturbance while it was under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from deploy.local.chaos.case import LATE, Case
from deploy.local.chaos.evidence import Disturbance, Effect, Letter, Look, Published

Cause = Literal["fault"] | int


def excuse_of_repeat(case: Case, before: Effect, after: Effect) -> Cause | None:
    """A disturbance's number, or a fault; None: there was no cause to send it again."""
    cause = _disturbance(case, before, after)
    if cause is None and (
        before.request in case.troubled_requests
        or _next_action_failed(case, before, after)
        or _soon_after(case, case.evidence.stalls, before.time)
    ):
        return "fault"
    return cause


def _next_action_failed(case: Case, before: Effect, after: Effect) -> bool:
    """Whoever takes over a record whose next action outlasted the drain begins again with its first."""
    each = case.evidence.published[before.number]
    return each.steps > before.step + 1 and any(
        before.time <= request.began <= after.time for request in case.troubled[each.number]
    )


def _disturbance(case: Case, before: Effect, after: Effect) -> int | None:
    each = case.evidence.published[before.number]
    for index, disturbance in enumerate(case.evidence.disturbances):
        # What was on its way when the process died may take effect a little later.
        recent = disturbance.began - case.window() <= before.time <= case.over(disturbance)
        if disturbance.began > after.time or not recent:
            continue
        if each.number in disturbance.in_flight or not _stored(disturbance, each):
            return index
    return None


def _stored(disturbance: Disturbance, each: Published) -> bool:
    look = _look(disturbance, each)
    return look is not None and look.is_done(each.place.offset)


def _look(disturbance: Disturbance, each: Published) -> Look | None:
    return disturbance.stored.get((each.place.topic, each.place.partition))


def is_deserved(case: Case, each: Published, letter: Letter) -> bool:
    """A letter for the reason that was due, or one that faults account for."""
    if letter.reason in {each.expect, *case.evidence.rules.deserved.get(each.lane or "", ())}:
        return True
    if each.expect != "applied":
        return False
    if letter.reason == "unknown":
        return each.repeat == "never" and _may_be_unknown(case, each, letter)
    if letter.reason == "exhausted":
        failed = [r for r in case.troubled[each.number] if r.began <= letter.time]
        return len(failed) >= case.evidence.rules.attempts
    return False


def _may_be_unknown(case: Case, each: Published, letter: Letter) -> bool:
    """Its request was met by a fault or a closing connection, or a disturbance came while it was claimed or under way."""
    if any(request.began <= letter.time + LATE for request in case.troubled[each.number]):
        return True
    return _unseen(case, each, letter) or any(
        disturbance.began <= letter.time + LATE
        and (each.number in disturbance.in_flight or _claimed(disturbance, each))
        for disturbance in case.evidence.disturbances
    )


def _unseen(case: Case, each: Published, letter: Letter) -> bool:
    """Written to a connection that Foundry closed before it read, of which there is no trace; or read too late."""
    if _soon_after(case, case.evidence.stalls, letter.time):
        return True
    return not case.is_applied(each) and _soon_after(case, case.evidence.dropped, letter.time)


def _soon_after(case: Case, windows: Sequence[tuple[float, float]], time: float) -> bool:
    """What was sent by then has been given up by that time."""
    patience = case.evidence.rules.request_timeout + LATE
    return any(began - LATE <= time <= ended + patience for began, ended in windows)


def _claimed(disturbance: Disturbance, each: Published) -> bool:
    look = _look(disturbance, each)
    return look is not None and look.is_claimed(each.place.offset)

"""The laws that can be judged only when all is over. Those of a moment are judged by the fakes, then."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from consumer.dispatch import Dispatch
from consumer.model import Partition, Repeat
from tests.fakes.dead_letters import LetterBox
from tests.fakes.group import FakeGroup
from tests.fakes.log import Coordinate
from tests.fakes.marks import Marks
from tests.fakes.membership import Memberships
from tests.fakes.truth import Effect, Truth, name


def check(
    truth: Truth,
    memberships: Memberships,
    group: FakeGroup,
    box: LetterBox,
    *,
    never_only: bool = False,
) -> None:
    """All of them; `never_only` leaves out what is promised only while leases hold."""
    nothing_is_lost(truth)
    all_is_committed(truth, group)
    letters_have_a_cause(truth, box)
    at_most_once(truth, Repeat.NEVER)
    if never_only:
        return
    at_most_once(truth, Repeat.ASK)
    repeats_have_a_cause(truth)
    lanes_keep_their_order(truth, memberships)


def nothing_is_lost(truth: Truth) -> None:
    """Every record is applied, in a letter, or ignored by a rule."""
    for coordinate, spec in truth.log.specs.items():
        applied = all(truth.executed(coordinate, step) for step in range(spec.steps))
        lettered = bool(truth.letters.get(coordinate))
        ignored = "ignored" in truth.how[coordinate]
        partition, offset = coordinate
        # Retention took it before it was settled. What may have been applied, and is harmful, is a letter all the same.
        open_ = spec.repeat.claimed and coordinate in truth.may_be_applied
        trimmed = offset < truth.log.start(partition) and not open_
        if not (applied or lettered or ignored or trimmed):
            raise truth.broken("law 1: nothing is lost", name(coordinate))


def all_is_committed(truth: Truth, group: FakeGroup) -> None:
    """The store says done of each record, and claims nothing any more."""
    waiting = uncommitted(truth, group)
    if waiting is not None:
        raise truth.broken("progress", f"{waiting} is settled, not committed")


def uncommitted(truth: Truth, group: FakeGroup) -> str | None:
    """The first record that the store does not say to be done, or that it still claims."""
    for partition in truth.log.partitions:
        marks = Marks.read(group.store.get(partition))
        for offset in truth.log.offsets(partition):
            if marks is None or not marks.has_done(offset):
                return name((partition, offset))
        if marks is not None and marks.claims:
            return name((partition, min(marks.claims)))
    return None


def at_most_once(truth: Truth, repeat: Repeat) -> None:
    """No second effect of an action that would do harm."""
    for coordinate, effects in truth.effects_of.items():
        if truth.log.specs[coordinate].repeat is repeat and len(effects) > 1:
            times = ", ".join(f"{effect.at:.3f}" for effect in effects)
            raise truth.broken(f"{repeat.value}: at most once", f"{name(coordinate)} at {times}")


def repeats_have_a_cause(truth: Truth) -> None:
    """What was applied twice was in flight, or not yet committed, when something failed."""
    for coordinate, effects in truth.effects_of.items():
        steps = Counter(effect.step for effect in effects)
        most = max(steps.values(), default=0)
        if most > 1 + truth.excuses[coordinate]:
            raise truth.broken(
                "law 4: done work is not repeated",
                f"{name(coordinate)} {most} times, {truth.excuses[coordinate]} explained",
            )


def letters_have_a_cause(truth: Truth, box: LetterBox) -> None:
    """A second letter has a failure between the first one and its commit."""
    for coordinate, letters in truth.letters.items():
        allowed = 1 + truth.excuses[coordinate] + box.failures[coordinate]
        if len(letters) > allowed:
            raise truth.broken(
                "a letter stands once", f"{name(coordinate)}: {len(letters)} letters"
            )


def lanes_keep_their_order(truth: Truth, memberships: Memberships) -> None:
    """Within a session a lane's effects never go back; a later session's come after an earlier one's."""
    lanes: dict[tuple[Partition, str], list[Effect]] = defaultdict(list)
    for effect in truth.effects:
        lane = truth.log.specs[effect.coordinate].lane
        if lane is not None and not _in_stated_window(effect, truth, memberships):
            lanes[effect.coordinate[0], lane].append(effect)
    for (partition, lane), effects in lanes.items():
        for before, after in pairwise(effects):
            if _place(after) < _place(before):
                raise truth.broken(
                    "law 3: order per lane",
                    f"{partition.topic}/{partition.partition} {lane!r}: "
                    f"{_told(after)} after {_told(before)}",
                )


def _place(effect: Effect) -> tuple[int, int]:
    return effect.owner, effect.coordinate[1]


def _told(effect: Effect) -> str:
    return f"{name(effect.coordinate)} of session {effect.owner} at {effect.at:.3f}"


def _in_stated_window(effect: Effect, truth: Truth, memberships: Memberships) -> bool:
    """An unclaimed action that Foundry executed after the partition had been taken over.

    The next owner does not wait for those: only the lanes of claimed records are held. It is a choice
    for availability, and documented.
    """
    if truth.log.specs[effect.coordinate].repeat.claimed:
        return False
    return any(
        not later.stale and later.began <= effect.at and effect.coordinate[0] in later.fetched
        for later in memberships.all[effect.owner + 1 :]
    )


def keeps_nothing(truth: Truth, core: Dispatch) -> bool:
    """What is settled counts no more, holds no lane, and is claimed no more."""
    work = core.workload
    counted = (work.records, work.bytes, work.ahead, core.in_flight)
    if min(counted) < 0:
        raise truth.broken("law 11: every limit stops", f"less than nothing is kept: {counted}")
    sets = (
        len(work.lanes)
        + len(work._begun)
        + len(work._left_in_part)
        + len(work._claimed)
        + len(work._keepers)
    )
    return not any(counted) and not sets


def letters_of(truth: Truth, reason: str) -> list[Coordinate]:
    """Records with a letter that gives this reason."""
    return [
        coordinate
        for coordinate, letters in truth.letters.items()
        if any(letter.reason == reason for letter in letters)
    ]

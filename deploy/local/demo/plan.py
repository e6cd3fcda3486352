"""All events of a demo, in the order in which they are published: many stories told at once, seeded."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator

from deploy.local.demo.equipment import Machine
from deploy.local.demo.events import TICKETS, Draft
from deploy.local.demo.malformed import broken_like
from deploy.local.demo.tickets import Ticket, about_no_ticket

AT_ONCE = 400
"""Stories under way at any time: so many keys take turns."""
TICKET_SHARE = 0.55
BROKEN_SHARE = 0.012
NOWHERE_EVERY = 2_000


def plan(events: int, seed: int) -> list[Draft]:
    """Exactly so many events; equal for equal arguments. Each key's are in the order of its story."""
    chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
    return list(itertools.islice(_told(chance), events))


def ticket_numbers(drafts: Iterable[Draft]) -> set[int]:
    """The tickets that are spoken of."""
    return {int(draft.key.removeprefix("T-")) for draft in drafts if draft.topic == TICKETS}


def _told(chance: random.Random) -> Iterator[Draft]:
    numbers = itertools.count()
    stories = [_story(next(numbers), chance) for _ in range(AT_ONCE)]
    broken = itertools.count()
    for told in itertools.count(1):
        place = chance.randrange(AT_ONCE)
        draft = next(stories[place], None)
        while draft is None:
            stories[place] = _story(next(numbers), chance)
            draft = next(stories[place], None)
        yield draft
        if chance.random() < BROKEN_SHARE:
            way = next(broken)
            yield broken_like(draft, way, f"broken-{way}")
        if told % NOWHERE_EVERY == 0:
            yield about_no_ticket(told)


def _story(number: int, chance: random.Random) -> Iterator[Draft]:
    kind = Ticket if chance.random() < TICKET_SHARE else Machine
    return kind(number, chance).story()

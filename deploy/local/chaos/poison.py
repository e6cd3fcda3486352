"""A value by which Foundry can tell the requests of one lane: what a fault that meets one key alone goes by."""

from __future__ import annotations

import json

from consumer.model import Prepared
from consumer.pipeline import Prepare
from deploy.local.chaos.failed import NotPlayable
from deploy.local.chaos.variety import Repertoire, Template


def value_of_first_lane(found: Repertoire, prepare: Prepare) -> tuple[str, frozenset[str]]:
    """A parameter's value that every action of some lane 0 has and none of lane 1, and these lanes.

    Raises:
        NotPlayable: no action says what lane it is of.
    """
    for template in found.applied:
        shared = _values(template, 0, 1, prepare) & _values(template, 0, 2, prepare)
        telling = sorted(shared - _values(template, 1, 1, prepare))
        if telling:
            lanes = (_lane(each, prepare) for each in found.applied if each.topic == template.topic)
            return telling[0], frozenset(lanes)
    raise NotPlayable("no action has a parameter that tells the key of its event")


def _values(template: Template, lane: int, number: int, prepare: Prepare) -> frozenset[str]:
    calls = _prepared(template, lane, number, prepare).calls
    given = (json.loads(call.parameters).values() for call in calls)
    return frozenset(str(value) for values in given for value in values if value is not None)


def _lane(template: Template, prepare: Prepare) -> str:
    return repr(_prepared(template, 0, 1, prepare).lane)


def _prepared(template: Template, lane: int, number: int, prepare: Prepare) -> Prepared:
    found = prepare(template.draft(lane, number).at(0, 0, 0))
    if not isinstance(found, Prepared):
        raise TypeError(f"{template.name} is not accepted any more")
    return found

"""How long topics keep their records: a letter should not be gone before the record that it is made of."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeConfigsRequest

REMEDY: Final = "raise its retention.ms, or lower that of the topic whose letters it holds"
_TOPIC: Final = 2
"""A topic, among the kinds of what has a configuration."""
_TIME: Final = "retention.ms"
_POLICY: Final = "cleanup.policy"
_ANSWER_WITHIN: Final = 5.0
_HOUR: Final = 3_600_000
_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,19}")


async def letters_gone_first(
    client: AIOKafkaClient, letters: Mapping[str, str]
) -> Mapping[str, str]:
    """What is wrong, by letters' topic. `letters`: source topic -> that of its letters.

    Nothing where the brokers do not tell: to ask needs a grant that the service has no other use for.
    """
    kept = await _kept(client, {*letters, *letters.values()})
    found: dict[str, str] = {}
    # What is only compacted has no end by time, so that no letter could outlast it. The longest last: it counts where
    # several have one topic for their letters.
    for source in sorted(kept.keys() & letters, key=kept.__getitem__):
        of_letters, longest = letters[source], kept[source]
        here = kept.get(of_letters, math.inf)
        if here < longest:
            found[of_letters] = (
                f"keeps letters for {_span(here)}, {source!r} its records for {_span(longest)}:"
                " what is not looked at by then is gone, though its record is still there"
            )
    return found


async def _kept(client: AIOKafkaClient, topics: Collection[str]) -> Mapping[str, float]:
    """Milliseconds, by topic; without those that are not told, or that delete nothing by time."""
    wanted = [(_TOPIC, topic, [_TIME, _POLICY]) for topic in sorted(topics)]
    try:
        async with asyncio.timeout(_ANSWER_WITHIN):
            answer: Any = await client.send(
                client.get_random_node(), DescribeConfigsRequest(wanted)
            )
    except (KafkaError, TimeoutError, NotImplementedError):
        return {}
    kept: dict[str, float] = {}
    for code, _, _, topic, entries in answer.resources:
        told = {name: value or "" for name, value, *_ in entries}
        time = told.get(_TIME, "")
        # Brokers of another make may tell less, with success.
        if code == 0 and "delete" in told.get(_POLICY, "") and _MILLISECONDS.fullmatch(time):
            kept[topic] = math.inf if time.startswith("-") else int(time)
    return kept


def _span(milliseconds: float) -> str:
    return "ever" if math.isinf(milliseconds) else f"{milliseconds / _HOUR:g} h"

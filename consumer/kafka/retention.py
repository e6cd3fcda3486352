"""How long topics keep their records: a letter should not be deleted before the record that it was made from."""

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
"""The resource type of a topic in the protocol's DescribeConfigs request."""
_TIME: Final = "retention.ms"
_POLICY: Final = "cleanup.policy"
_ANSWER_WITHIN: Final = 5.0
_HOUR: Final = 3_600_000
_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,19}")


async def letters_gone_first(
    client: AIOKafkaClient, letters: Mapping[str, str]
) -> Mapping[str, str]:
    """What is wrong, by dead-letter topic. `letters`: source topic -> its dead-letter topic.

    Empty if the brokers do not say: asking needs a grant (DESCRIBE_CONFIGS) that the service has no other use for.
    """
    kept = await _kept(client, {*letters, *letters.values()})
    found: dict[str, str] = {}
    # A topic that is only compacted keeps records for ever, so no letter could outlast them: it is left out. The
    # longest retention comes last, and so decides if several topics share a dead-letter topic.
    for source in sorted(kept.keys() & letters, key=kept.__getitem__):
        of_letters, longest = letters[source], kept[source]
        here = kept.get(of_letters, math.inf)
        if here < longest:
            found[of_letters] = (
                f"keeps letters for {_span(here)}, but {source!r} keeps its records for {_span(longest)}:"
                " a letter that nobody looks at in time is deleted before its record"
            )
    return found


async def _kept(client: AIOKafkaClient, topics: Collection[str]) -> Mapping[str, float]:
    """Retention in milliseconds by topic, without topics that are not described or delete nothing by time."""
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
        # Brokers other than Apache Kafka may answer with success and yet say less.
        if code == 0 and "delete" in told.get(_POLICY, "") and _MILLISECONDS.fullmatch(time):
            kept[topic] = math.inf if time.startswith("-") else int(time)
    return kept


def _span(milliseconds: float) -> str:
    return "ever" if math.isinf(milliseconds) else f"{milliseconds / _HOUR:g} h"

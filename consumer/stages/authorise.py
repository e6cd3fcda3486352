"""May this source send this event? A declaration of the producer: topic ACLs are what authenticates."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.headers import quoted


def authorise(envelope: Envelope, sources: AbstractSet[str] | None) -> None:
    """Nothing, where the source is one of `sources`, compared exactly; None allows all.

    Raises:
        Rejected: `unauthorised`.
    """
    if sources is not None and envelope.source not in sources:
        raise Rejected(
            "unauthorised",
            f"source {quoted(envelope.source or '')} is none of the contract's sources",
            stage="authorise",
        )

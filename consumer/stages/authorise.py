"""May this source send this event? The source is only what the producer says; topic ACLs authenticate."""

from __future__ import annotations

from collections.abc import Set as AbstractSet

from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.headers import quoted


def authorise(envelope: Envelope, sources: AbstractSet[str] | None) -> None:
    """Return if the source is one of `sources`, compared exactly; None allows all.

    Raises:
        Rejected: `unauthorised`: it is not.
    """
    if sources is not None and envelope.source not in sources:
        raise Rejected(
            "unauthorised",
            f"source {quoted(envelope.source or '')} is not among the contract's sources",
            stage="authorise",
        )

"""Which sources may send an event: the owners' list, compared exactly."""

from __future__ import annotations

import pytest

from consumer.errors import Rejected
from consumer.model import Envelope
from consumer.stages.authorise import authorise

ALLOWED = frozenset({"/helpdesk", "urn:shop:eu"})


def envelope(source: str | None) -> Envelope:
    return Envelope("e1", "com.example.x", b"{}", source, None, None)


@pytest.mark.parametrize("source", ["/helpdesk", "urn:shop:eu"])
def test_a_source_on_the_list_may(source: str) -> None:
    authorise(envelope(source), ALLOWED)


@pytest.mark.parametrize(
    "source",
    [
        *("/helpdesk/", "/helpdesk-of-others", "/helpdesk/../admin", "/help", "x/helpdesk"),
        *("/Helpdesk", " /helpdesk", "/helpdesk ", "/helpdesk\u200b", "urn:shop:eu#", "", None),
    ],
)
def test_law_10_any_other_source_may_not_however_much_it_looks_like_one(source: str | None) -> None:
    with pytest.raises(Rejected, match="not among the contract's sources") as refused:
        authorise(envelope(source), ALLOWED)

    assert (refused.value.reason, refused.value.stage) == ("unauthorised", "authorise")


def test_an_empty_list_allows_nobody_and_none_allows_all() -> None:
    authorise(envelope("/anybody"), None)

    with pytest.raises(Rejected):
        authorise(envelope("/helpdesk"), frozenset())

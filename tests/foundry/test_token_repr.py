"""A token in hand shows nothing of itself: not in a traceback with locals, not in a log of arguments."""

from __future__ import annotations

from consumer.foundry.grants import Grant
from consumer.foundry.tokens import Token


def test_neither_a_grant_nor_a_token_shows_what_it_holds() -> None:
    grant = Grant("Kanarie7", 3600.0, ("api:ontologies-write",))
    token = Token("Bearer Kanarie7", 1.0, 2.0, None)

    for shown in (repr(grant), str(grant), repr(token), str(token), f"{[grant, token]}"):
        assert "Kanarie7" not in shown

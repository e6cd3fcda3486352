"""A small contract's parts, for tests of how contracts are put together."""

from __future__ import annotations

from consumer.contracts import Action, Event


class Opened(Event):
    ticket_id: str
    title: str = ""
    tags: list[str] | None = None


class Closed(Event):
    ticket_id: str


class Create(Action, api_name="create-ticket"):
    ticket_id: str


class Close(Action, api_name="close-ticket"):
    ticket_id: str


OPENED = Opened(ticket_id="T-1", title="x")

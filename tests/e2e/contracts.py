"""Contracts with a route of each kind. Every action names its record, so that an effect can be told."""

from __future__ import annotations

from pydantic import Field

from consumer.contracts import Action, Contract, Event, Ignored, ask, ignore


class Job(Event):
    """Something that is to be done once, in the order of its lane."""

    record: str = Field(min_length=1)
    lane: str = Field(min_length=1)
    number: int


class SetGauge(Action, api_name="set-gauge"):
    """Sets absolute values."""

    record: str
    lane: str
    number: int


class OpenEntry(SetGauge, api_name="open-entry"):
    """Creates an object with the record's own key."""


class AddNote(SetGauge, api_name="add-note"):
    """Creates an object whose key the ontology makes up."""


class PayOut(SetGauge, api_name="pay-out"):
    """Does harm when it is repeated."""


class PageOnCall(SetGauge, api_name="page-on-call", batch=1):
    """Does harm when it is repeated, and is sent alone."""


work = Contract("work", sources=["/e2e"])


@work.on("safe.v1", Job, order_by="lane", repeat="safe")
def set_gauge(job: Job) -> SetGauge:
    return SetGauge(record=job.record, lane=job.lane, number=job.number)


@work.on("create.v1", Job, order_by="lane", repeat="create")
def open_entry(job: Job) -> OpenEntry:
    return OpenEntry(record=job.record, lane=job.lane, number=job.number)


@work.on("ask.v1", Job, order_by="lane", repeat=ask("Note", where={"record": "record"}))
def add_note(job: Job) -> AddNote:
    return AddNote(record=job.record, lane=job.lane, number=job.number)


@work.on("never.v1", Job, order_by="lane")
def pay_out(job: Job) -> PayOut:
    return PayOut(record=job.record, lane=job.lane, number=job.number)


@work.on("alone.v1", Job, order_by="lane")
def page(job: Job) -> PageOnCall:
    return PageOnCall(record=job.record, lane=job.lane, number=job.number)


@work.on("noise.v1", Job, order_by="lane")
def hush(job: Job) -> PayOut | Ignored:
    return ignore(f"noise is not paid for ({job.number:+d})")


@work.on("odd.v1", Job, order_by="lane")
def divide(job: Job) -> PayOut:
    """A mapping that raises for zero."""
    return PayOut(record=job.record, lane=job.lane, number=1 // job.number)

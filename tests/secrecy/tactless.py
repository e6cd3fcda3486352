"""Contracts of an owner whose functions leave trouble behind them, each with the event in its words."""

from __future__ import annotations

import asyncio
import functools
import threading
import warnings

from pydantic import Field

from consumer.contracts import Action, Contract, Event, Ignored, ask, ignore


class Secretive(Event):
    """What is in it is nobody's business."""

    record: str = Field(min_length=1)
    lane: str = Field(min_length=1, pattern="^zz-mark")
    number: int


class SetGauge(Action, api_name="set-gauge"):
    """Sets absolute values."""

    record: str
    lane: str
    number: int


class AddNote(SetGauge, api_name="add-note"):
    """Creates an object whose key the ontology makes up."""


class PayOut(SetGauge, api_name="pay-out"):
    """Does harm when it is repeated."""


work = Contract("work", sources=["/e2e"])


@work.on("safe.v1", Secretive, order_by="lane", repeat="safe")
def set_gauge(event: Secretive) -> SetGauge:
    return SetGauge(record=event.record, lane=event.lane, number=event.number)


@work.on("ask.v1", Secretive, order_by="lane", repeat=ask("Note", where={"record": "record"}))
def add_note(event: Secretive) -> AddNote:
    return AddNote(record=event.record, lane=event.lane, number=event.number)


@work.on("never.v1", Secretive, order_by="lane")
def pay_out(event: Secretive) -> PayOut:
    return PayOut(record=event.record, lane=event.lane, number=event.number)


@work.on("noise.v1", Secretive)
def hush(event: Secretive) -> PayOut | Ignored:
    return ignore(f"nothing is paid for {event.lane}")


@work.on("raises.v1", Secretive, repeat="safe")
def raises(event: Secretive) -> SetGauge:
    raise ValueError(f"no gauge for {event.lane}")


@work.on("wrong.v1", Secretive, repeat="safe")
def gives_what_does_not_fit(event: Secretive) -> SetGauge:
    """The serializer warns, and quotes."""
    given: dict[str, object] = {"record": event.record, "lane": event.lane, "number": event.lane}
    return SetGauge.model_construct(_fields_set=set(given), **given)  # type: ignore[arg-type]  # that is the fault


@work.on("trouble.v1", Secretive, repeat="safe")
def leaves_trouble(event: Secretive) -> SetGauge:
    """Everything that asyncio and the interpreter tell by themselves."""
    loop = asyncio.get_running_loop()
    loop.call_soon(_fail, event.lane)
    loop.call_soon(functools.partial(_fail, event), event)
    _LEFT.append(loop.create_task(_fail_later(event)))
    _LEFT.clear()
    threading.Thread(target=_fail, args=(event.lane,)).start()
    warnings.warn(f"strange: {event!r}", UserWarning, stacklevel=1)
    _Holder(event.lane)
    return set_gauge(event)


@work.on("exit.v1", Secretive, repeat="safe")
def exits(event: Secretive) -> SetGauge:
    raise SystemExit(f"cannot go on with {event.lane}")


_LEFT: list[asyncio.Task[None]] = []


def _fail(*what: object) -> None:
    raise LookupError(f"left behind: {what}")


async def _fail_later(what: object) -> None:
    await asyncio.sleep(0)
    _fail(what)


class _Holder:
    """Fails when it is collected."""

    def __init__(self, what: str) -> None:
        self._what = what

    def __del__(self) -> None:
        _fail(self._what)

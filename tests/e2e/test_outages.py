"""Foundry is away, or is somebody else: nothing becomes a letter by it, and all goes on by itself."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from tests.broker import NEEDS_BROKER
from tests.e2e.jobs import broken
from tests.e2e.scene import Scene
from tests.e2e.settings import REQUEST_TIMEOUT

pytestmark = NEEDS_BROKER
LASTS = 3.0
SETTLED_AFTER = 1.5
"""Seconds after which nothing that was on its way before an outage takes effect any more."""
RESUMES_WITHIN = 5.0
BAD = next(each for each in broken("lane-0") if each.record == "lane-0-cut")

SILENCE = "silence"

Outage = Callable[[Scene], AbstractAsyncContextManager[None]]


def _answering(kind: str, **given: object) -> Outage:
    @asynccontextmanager
    async def outage(scene: Scene) -> AsyncIterator[None]:
        with scene.fault(kind, **given):
            yield

    return outage


@asynccontextmanager
async def _refused(scene: Scene) -> AsyncIterator[None]:
    await scene.close_foundry()
    try:
        yield
    finally:
        await scene.open_foundry()


OUTAGES: Mapping[str, Outage] = {
    "503": _answering("status", status=503),
    "connections refused": _refused,
    "503 of a proxy": _answering("status", status=503, body="html"),
    "401": _answering("unauthorized"),
    "403": _answering("forbidden"),
    "404 of the action types": _answering("missing"),
    "200 with a page": _answering("html"),
    "redirected to a login": _answering("redirect"),
    "500": _answering("status", status=500),
    "504 of a gateway": _answering("status", status=504, body="html"),
    SILENCE: _answering("hang"),
}


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(("503", "connections refused", "401"), id="three"),
        pytest.param(tuple(OUTAGES), id="all", marks=(pytest.mark.soak, pytest.mark.timeout(400))),
    ],
)
async def test_an_outage_makes_no_letters_and_ends_by_itself(
    scene: Scene, names: tuple[str, ...]
) -> None:
    """Only of what was on its way is it unknown whether it was applied."""
    on_their_way = 0
    async with scene.load():
        service = await scene.start_to_work()
        for name in names:
            on_their_way += await _outage(scene, OUTAGES[name], name)
        await scene.progress()
    await scene.settled()
    service.ask_to_stop()
    assert await service.ended() == 0, service.tail()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert verdict.reasons.keys() <= {"unknown"}
    assert verdict.reasons["unknown"] <= on_their_way


async def _outage(scene: Scene, outage: Outage, name: str) -> int:
    """Harmful actions that were on their way when it began, at most."""
    harmful = 20 * len(scene.under_way("pay-out")) + len(scene.under_way("page-on-call"))
    scene.note_cut(time.time())
    async with outage(scene):
        began = time.time()
        await scene.until(lambda: time.time() > began + LASTS, name)
        over = time.time()
    since = [effect.time for effect in scene.effects if effect.time > began + SETTLED_AFTER]
    assert all(moment >= over for moment in since), f"{name} is no outage"
    await scene.until(lambda: scene.effects[-1].time > over, f"it goes on after {name}")
    resumed = min(effect.time for effect in scene.effects if effect.time > over)
    # Into silence a probe has to be given up first.
    within = RESUMES_WITHIN + (REQUEST_TIMEOUT if name == SILENCE else 0)
    assert resumed - over < within, name
    return harmful


@pytest.mark.parametrize("how", ["deleted", "refusing"])
async def test_while_letters_are_not_taken_nothing_is_committed_past_their_records(
    scene: Scene, how: str
) -> None:
    """A dead-letter topic that is away holds the record; when it is there again, the letter is in it."""
    async with scene.load():
        service = await scene.start_to_work()
        if how == "deleted":
            await scene.kafka.delete_letters_topic()
        else:
            await scene.kafka.limit_letters(100)
        (bad,) = await scene.kafka.publish([BAD])
        await scene.progress(100)
        await scene.look_again()
        held = scene.latest[bad.partition]
        assert not held.is_done(bad.offset)
        assert held.offset <= bad.offset
        if how == "deleted":
            await scene.kafka.make_letters_topic()
        else:
            await scene.kafka.limit_letters(1_000_000)
    await scene.settled()

    verdict = await scene.verdict()
    assert not verdict.broken
    assert (verdict.resent, verdict.reasons) == ({}, {"undecodable": 1})
    assert service.code is None

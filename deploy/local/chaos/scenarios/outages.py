"""Foundry is away, is somebody else, or works badly."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from itertools import cycle
from typing import Any

from deploy.local.chaos.defects import PAGE_IS_SUCCESS, SENT_AGAIN, THROTTLED_IS_REFUSED
from deploy.local.chaos.scenario import Given, Scenario
from deploy.local.chaos.settings import REQUEST_TIMEOUT
from deploy.local.chaos.stage import Stage
from deploy.local.chaos.supply import Mix

REFUSED, SILENT = "refused", "hang"
KINDS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "503": ("status", {"status": 503, "endpoint": "any"}),
    "200 with a page": ("html", {}),
    "401": ("unauthorized", {}),
    "403": ("forbidden", {}),
    "redirected to a login": ("redirect", {}),
    "500": ("status", {"status": 500}),
    "504 of a gateway": ("status", {"status": 504, "body": "html"}),
    SILENT: ("hang", {}),
}
WAITED_FOR = 20.0
RESUMES_WITHIN = 5.0
"""Seconds after Foundry is there again; a probe that was not answered has to be given up first."""
GATE_CLOSED_AFTER = 2 * REQUEST_TIMEOUT
"""Seconds into an outage after which nothing harmful is sent into it any more, and little else.

An action type may hear of a silent Foundry from a request of its own alone, and first have it wait for its claim.
"""
PROBES_A_SECOND = 2.0
"""For each action type."""
BROWNOUT: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "500": ("status", {"status": 500, "share": 0.05}),
    "503": ("status", {"status": 503, "share": 0.03}),
    "hang after it was applied": ("hang", {"when": "after", "share": 0.05}),
    "cut before": ("cut", {"share": 0.02}),
    "cut after": ("cut", {"when": "after", "share": 0.02}),
    "429": ("status", {"status": 429, "share": 0.02}),
    "redirected to a login": ("redirect", {"share": 0.01}),
    "200 with a page": ("html", {"share": 0.01}),
}


async def one_outage_after_another(stage: Stage) -> None:
    """However many outages a record meets: none of them is its own fault."""
    stage.attempts = float("inf")
    kinds = [REFUSED, *KINDS]
    # Longer than the gate takes to close, so that there is something to judge; in the tour not all come to pass.
    lasts = max(GATE_CLOSED_AFTER + 2, stage.seconds / len(kinds) - 3)
    stage.chance.shuffle(kinds)
    # The page first: only in it a record could count as applied.
    kinds.sort(key=lambda kind: kind != "200 with a page")
    took: dict[str, float] = {}
    for kind in cycle(kinds):
        if not stage.goes_on:
            break
        took[kind] = max(await _outage(stage, kind, lasts), took.get(kind, 0.0))
    told = ", ".join(f"{kind} {seconds:.1f}" for kind, seconds in took.items())
    stage.notes.append(f"seconds until actions took effect again, at most: {told}")


async def _outage(stage: Stage, kind: str, lasts: float) -> float:
    """Returns the seconds that it took to go on afterwards."""
    stage.doing = kind
    began = time.time()
    async with _away(stage, kind):
        await stage.wait(lasts)
        over = time.time()
    resumed = await stage.until(
        lambda: stage.seen.effects and stage.seen.effects[-1].time > over,
        f"effects again after {kind}",
        within=WAITED_FOR,
    )
    late = stage.seen.harmful_requests(began + GATE_CLOSED_AFTER, over)
    stage.expect(not late, f"{kind}: {late} harmful requests were sent into the outage")
    _expect_few_requests(stage, kind, began + GATE_CLOSED_AFTER, over)
    if not resumed:
        return WAITED_FOR
    took = min(each.time for each in stage.seen.effects if each.time > over) - over
    within = RESUMES_WITHIN + (REQUEST_TIMEOUT if kind == SILENT else 0.0)
    stage.expect(took <= within, f"{kind}: effects again after {took:.1f} s, not {within:g} s")
    return took


def _expect_few_requests(stage: Stage, kind: str, begin: float, end: float) -> None:
    paths = [each.path for each in stage.foundry.requests if begin < each.time < end]
    actions = Counter(
        path.split("/actions/")[1].split("/")[0] for path in paths if "/apply" in path
    )
    for action, requests in actions.items():
        most = PROBES_A_SECOND * (1 + end - begin)
        stage.expect(
            requests <= most, f"{kind}: {requests} requests of {action} in {end - begin:.1f} s"
        )


@asynccontextmanager
async def _away(stage: Stage, kind: str) -> AsyncIterator[None]:
    if kind == REFUSED:
        await stage.close_foundry()
        yield
        await stage.open_foundry()
        return
    fault, given = KINDS[kind]
    with stage.fault(fault, **given):
        yield


async def work_badly(stage: Stage) -> None:
    with ExitStack() as faults:
        for kind, given in BROWNOUT.values():
            faults.enter_context(stage.fault(kind, **given))
        while stage.goes_on:
            await stage.wait(2, 5)
            stage.foundry.identity.expire_all()


async def allow_ten_at_once(stage: Stage) -> None:
    """429 for each request above ten; it is slow besides."""
    most = 0
    with stage.fault("limit", concurrency=10):
        while stage.goes_on:
            await stage.wait(0.1)
            most = max(most, stage.foundry.in_flight)
    stage.expect(most <= MOST_IN_FLIGHT, f"{most} requests in flight, {MOST_IN_FLIGHT} are allowed")


MOST_IN_FLIGHT = 64

OUTAGE = Scenario(
    "outage",
    "503, refused, 401, 403, a login page, 500, 504, silence",
    one_outage_after_another,
    defects=(PAGE_IS_SUCCESS,),
    given=Given(rate=200, mix=Mix(refused=0.04)),
    seconds=60,
)
BROWNOUT_SCENARIO = Scenario(
    "brownout",
    "a fifth of the requests fails, in eight ways, and tokens expire",
    work_badly,
    defects=(SENT_AGAIN,),
    given=Given(rate=60),
    seconds=20,
)
SLOW = Scenario(
    "slow",
    "a slow Foundry that allows ten requests at once",
    allow_ten_at_once,
    defects=(THROTTLED_IS_REFUSED,),
    given=Given(
        rate=80, latency=(0.3, 0.9), settings={"foundry": {"max_in_flight": MOST_IN_FLIGHT}}
    ),
    seconds=15,
)

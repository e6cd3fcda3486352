"""Each HTTP request is told once, with how it ended; what was never sent is not."""

from __future__ import annotations

import pytest

from consumer.foundry.opening import open_foundry
from consumer.model import Lookup
from tests.foundry.server import (
    SECRET,
    Connected,
    after_token,
    config,
    raw,
    replies,
    request,
    running,
)
from tests.foundry.test_lost import hang, hang_up

UNAUTHORISED = {"errorCode": "UNAUTHORIZED", "errorName": "Default:Unauthorized", "parameters": {}}


class Told:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.ends: list[tuple[str, int | None, str | None]] = []
        self.seconds: list[float] = []

    def __call__(
        self, method: str, seconds: float, status: int | None, failure: str | None
    ) -> None:
        self.ends.append((method, status, failure))
        self.seconds.append(seconds)


async def test_an_action_is_told_with_its_status_after_the_token_that_it_needed() -> None:
    told = Told()
    async with running() as stack, open_foundry(config(stack.url), told=told) as foundry:
        await foundry.actions.send(request())
        stack.answer = replies((503, {}))
        await foundry.actions.send(request())

    assert told.ends == [("POST", 200, None), ("POST", 200, None), ("POST", 503, None)]
    assert all(0 < seconds < 5 for seconds in told.seconds)


async def test_both_tries_around_a_401_are_told_and_the_token_between_them() -> None:
    told = Told()
    answer = replies((401, UNAUTHORISED), (200, {"validation": {"result": "VALID"}}))
    async with running(answer) as stack, open_foundry(config(stack.url), told=told) as foundry:
        await foundry.actions.send(request())

    assert [status for _, status, _ in told.ends] == [200, 401, 200, 200]


async def test_a_lookup_is_a_get() -> None:
    told = Told()
    async with (
        running(replies((404, {}))) as stack,
        open_foundry(config(stack.url), told=told) as foundry,
    ):
        await foundry.actions.look_up(Lookup("Ticket", applied=bool, key="T-1"))

    assert told.ends == [("POST", 200, None), ("GET", 404, None)]


async def test_what_is_withheld_was_no_request() -> None:
    told = Told()
    leave = [True, False]
    async with running() as stack, open_foundry(config(stack.url), told=told) as foundry:
        await foundry.tokens.get()
        told.ends.clear()
        await foundry.actions.send(request(may_send=lambda: leave.pop(0)))

        assert not stack.seen
    assert told.ends == []


@pytest.mark.parametrize(("behaviour", "failure"), [(hang, "timeout"), (hang_up, "reset")])
async def test_a_request_without_an_answer_is_told_by_what_failed(
    behaviour: Connected, failure: str
) -> None:
    told = Told()
    async with (
        raw(after_token(behaviour)) as port,
        open_foundry(config(f"http://127.0.0.1:{port}", request_timeout=0.5), told=told) as foundry,
    ):
        await foundry.actions.send(request())

    assert told.ends == [("POST", 200, None), ("POST", None, failure)]


async def test_no_connection_is_told_and_nothing_that_is_told_is_a_secret() -> None:
    told = Told()
    async with raw(hang) as port:
        pass
    async with open_foundry(config(f"http://127.0.0.1:{port}"), told=told) as foundry:
        await foundry.actions.send(request())

    assert told.ends == [("POST", None, "refused")]
    assert SECRET not in str(told.ends)

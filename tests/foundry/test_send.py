"""What `send` puts on the wire, and what it makes of the answers."""

from __future__ import annotations

import asyncio
import re

import pytest
from aiohttp import web

from consumer.foundry.opening import open_foundry
from consumer.model import ActionType, Lookup, Repeat
from consumer.outcomes import Applied, Found, Outage, Refused, Unknown, Withheld
from tests.foundry.server import MANY, TOKEN, config, replies, request, running, text

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
UNAUTHORISED = {"errorCode": "UNAUTHORIZED", "errorName": "Default:Unauthorized", "parameters": {}}


async def test_a_single_action_goes_to_apply_with_its_parameters_as_given() -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.send(request(traceparent=PARENT, tracestate="a=b"))

        assert outcome == Applied()
        (seen,) = stack.seen
        assert seen.path == "/api/v2/ontologies/main/actions/create-ticket/apply"
        assert seen.body == b'{"parameters":{"ticketId":"T-1"}}'
        assert seen.headers["Authorization"] == f"Bearer {TOKEN}-1"
        assert seen.headers["Content-Type"] == "application/json"
        assert seen.headers["Accept"] == "application/json"
        assert seen.headers["Accept-Encoding"] == "identity"
        assert re.fullmatch(r"foundry-consumer/\S+ python/3\.\d+", seen.headers["User-Agent"])
        assert seen.headers["traceparent"] == PARENT
        assert seen.headers["tracestate"] == "a=b"
        assert seen.headers["Content-Length"] == str(len(seen.body))
        assert "Cookie" not in seen.headers


@pytest.mark.parametrize("count", [1, 3])
async def test_a_batched_type_always_goes_to_apply_batch(count: int) -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        parameters = [b'{"ticketId":"T-%d"}' % index for index in range(count)]

        outcome = await foundry.actions.send(request(MANY, parameters))

        assert outcome == Applied()
        assert stack.seen[0].path.endswith("/applyBatch")
        assert stack.seen[0].json() == {
            "requests": [{"parameters": {"ticketId": f"T-{index}"}} for index in range(count)]
        }


async def test_a_validation_goes_to_apply_and_can_never_be_unknown() -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.send(request(MANY, validate_only=True))
        stack.answer = text(504, "")
        cut = await foundry.actions.send(request(MANY, validate_only=True))

        assert outcome == Applied()
        assert stack.seen[0].path.endswith("/apply")
        assert stack.seen[0].json()["options"] == {"mode": "VALIDATE_ONLY"}
        assert isinstance(cut, Outage)
        assert cut.gate == "failing"


async def test_a_hostname_may_carry_a_prefix_and_names_stay_one_segment() -> None:
    """Whatever a name holds, it cannot address another endpoint."""
    odd = ActionType("../../admin?x=1#y/%2e%2e", batch=1)
    async with (
        running() as stack,
        open_foundry(config(f"{stack.url}/gateway/", ontology="ri.ontology/../x")) as foundry,
    ):
        await foundry.actions.send(request(odd))

        assert stack.seen[0].path == (
            "/gateway/api/v2/ontologies/ri.ontology%2F..%2Fx/actions"
            "/..%2F..%2Fadmin%3Fx%3D1%23y%2F%252e%252e/apply"
        )


@pytest.mark.parametrize(
    ("parent", "state"),
    [
        ("bad\r\nX-Evil: 1", None),
        (PARENT, "a=b\nX-Evil: 1"),
        ("", ""),
        (PARENT + "\n", None),
        (PARENT, "ü"),
    ],
)
async def test_a_malformed_trace_is_left_out(parent: str, state: str | None) -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.send(request(traceparent=parent, tracestate=state))

        assert outcome == Applied()
        assert "X-Evil" not in stack.seen[0].headers
        assert "tracestate" not in stack.seen[0].headers


async def test_a_401_gets_a_fresh_token_and_one_more_try() -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.answer = replies((401, UNAUTHORISED), (200, {}))

        assert await foundry.actions.send(request()) == Applied()
        assert [seen.headers["Authorization"] for seen in stack.seen] == [
            f"Bearer {TOKEN}-1",
            f"Bearer {TOKEN}-2",
        ]


async def test_a_second_401_is_an_outage_of_the_token() -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.answer = replies((401, UNAUTHORISED))

        outcome = await foundry.actions.send(request())

        assert isinstance(outcome, Outage)
        assert outcome.gate == "token"
        assert outcome.everywhere
        assert len(stack.seen) == 2


@pytest.mark.parametrize(
    ("status", "name"), [(403, "Default:Unauthorized"), (400, "MissingCredentials")]
)
async def test_a_dead_token_is_told_by_its_name_where_the_status_says_otherwise(
    status: int, name: str
) -> None:
    """Names go before statuses, as everywhere: else the dead token would be used until its time is up."""
    said = {"errorCode": "INVALID_ARGUMENT", "errorName": name}
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.answer = replies((status, said), (200, {}))
        sent = await foundry.actions.send(request())
        stack.answer = replies((status, said), (200, {"ticketId": "T-1"}))
        read = await foundry.actions.look_up(Lookup("Ticket", lambda _: True, "T-1"))

        assert sent == Applied()
        assert isinstance(read, Found)
        assert len(stack.token_requests) == 3


async def test_a_storm_of_401_makes_one_fetch() -> None:
    """Fifty requests learn at once that their token is dead; they share the next one."""

    async def first_is_dead(incoming: web.Request) -> web.StreamResponse:
        dead = incoming.headers["Authorization"].endswith("-1")
        return web.json_response(UNAUTHORISED if dead else {}, status=401 if dead else 200)

    async with running(first_is_dead) as stack, open_foundry(config(stack.url)) as foundry:
        outcomes = await asyncio.gather(*(foundry.actions.send(request()) for _ in range(50)))

        assert outcomes == [Applied()] * 50
        assert len(stack.token_requests) == 2


async def test_no_token_no_request() -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.token_answer = replies((401, {"error": "invalid_client"}))

        outcome = await foundry.actions.send(request())

        assert isinstance(outcome, Outage)
        assert outcome.gate == "token"
        assert stack.seen == []


async def test_a_redirect_is_not_followed() -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        for status in (301, 302, 303, 307, 308):
            stack.answer = text(status, "", Location=f"{stack.url}/login")
            outcome = await foundry.actions.send(request())
            assert isinstance(outcome, Outage)
            assert outcome.gate == "redirected"

        assert [seen.path.rpartition("/")[2] for seen in stack.seen] == ["apply"] * 5


@pytest.mark.parametrize("name", ["Location", "Content-Security-Policy"])
async def test_an_answer_with_long_headers_is_read(name: str) -> None:
    """Login pages redirect with long addresses: taken for a cut connection, each `never` record would be a letter."""
    long = {name: "https://sso.example/?SAMLRequest=" + "x" * 30_000}
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.answer = replies((302, {}), (200, {}), headers=long)

        redirected = await foundry.actions.send(request())

        assert isinstance(redirected, Outage)
        assert redirected.gate == "redirected"
        assert await foundry.actions.send(request()) == Applied()


@pytest.mark.parametrize("batch", [1, 20])
async def test_a_login_page_with_200_closes_the_gate(batch: int) -> None:
    async with running(text(200, "<html>")) as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.send(request(ActionType("create-ticket", batch)))

        assert isinstance(outcome, Unknown)
        assert outcome.gate == "not_foundry"


async def test_an_answer_is_read_up_to_a_cap() -> None:
    huge = text(200, '{"operationId":"' + "x" * 3_000_000 + '"}', "application/json")
    async with running(huge) as stack, open_foundry(config(stack.url)) as foundry:
        single = await foundry.actions.send(request())
        batch = await foundry.actions.send(request(MANY))

        assert isinstance(single, Unknown)
        assert single.answered
        assert batch == Applied()


async def test_cookies_are_neither_kept_nor_sent() -> None:
    """By name: aiohttp's own jar keeps none of an address."""
    async with (
        running() as stack,
        open_foundry(config(stack.url.replace("127.0.0.1", "localhost"))) as foundry,
    ):
        stack.answer = text(200, "{}", "application/json", **{"Set-Cookie": "node=7"})
        for _ in range(2):
            await foundry.actions.send(request())

        assert all("Cookie" not in seen.headers for seen in stack.seen)


async def test_what_exists_already_was_applied_by_an_earlier_try() -> None:
    exists = (409, {"errorCode": "CONFLICT", "errorName": "ObjectAlreadyExists", "parameters": {}})
    async with running(replies(exists)) as stack, open_foundry(config(stack.url)) as foundry:
        created = await foundry.actions.send(request(MANY, repeat=Repeat.CREATE))
        other = await foundry.actions.send(request(MANY, repeat=Repeat.SAFE))

        assert created == Applied(already=True)
        assert isinstance(other, Refused)


async def test_a_request_that_may_not_be_sent_never_asks_for_a_token() -> None:
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.send(request(may_send=lambda: False))

        assert outcome == Withheld()
        assert stack.token_requests == []


async def test_the_last_check_stands_before_the_first_byte_of_the_body() -> None:
    """The lease may end while the request waits for a token or a connection."""
    answers = [True, False]
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        outcome = await foundry.actions.send(request(may_send=lambda: answers.pop(0)))

        assert outcome == Withheld()
        assert answers == []
        assert len(stack.token_requests) == 1
        assert stack.seen == []
        assert await foundry.actions.send(request()) == Applied()


async def test_the_second_try_after_a_401_is_checked_too() -> None:
    answers = [True, True, False]
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        stack.answer = replies((401, UNAUTHORISED))

        outcome = await foundry.actions.send(request(may_send=lambda: answers.pop(0)))

        assert outcome == Withheld()
        assert len(stack.seen) == 1


async def test_a_bug_in_the_last_check_is_raised_and_nothing_is_sent() -> None:
    def broken() -> bool:
        if asked:
            raise ZeroDivisionError
        asked.append(1)
        return True

    asked: list[int] = []
    async with running() as stack, open_foundry(config(stack.url)) as foundry:
        with pytest.raises(ZeroDivisionError):
            await foundry.actions.send(request(may_send=broken))

        assert stack.seen == []

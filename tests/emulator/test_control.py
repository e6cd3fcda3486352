from __future__ import annotations

import json
import ssl
import stat
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from deploy.local.foundry import Foundry, serve
from tests.emulator.caller import TICKET, Caller, calling, ticket

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def test_the_effect_log_has_all_that_a_checker_needs(caller: Caller) -> None:
    await caller.post(
        "actions",
        "create-ticket",
        "apply",
        body={"parameters": TICKET},
        headers={"traceParent": TRACEPARENT},
    )
    await caller.batch("create-ticket", [ticket(2), ticket(3)])

    shown = (await caller.control("GET", "effects")).json

    assert shown["total"] == 3
    assert [each["seq"] for each in shown["effects"]] == [1, 2, 3]
    assert [each["batch"] for each in shown["effects"]] == [0, 2, 2]
    assert shown["effects"][0] == {
        "seq": 1,
        "time": shown["effects"][0]["time"],
        "action": "create-ticket",
        "parameters": TICKET,
        "request": 2,
        "batch": 0,
        "traceparent": TRACEPARENT,
        "client": "consumer",
    }
    assert shown["effects"][1]["request"] == shown["effects"][2]["request"] == 3


async def test_effects_are_read_on_from_where_one_stopped(caller: Caller) -> None:
    for n in range(5):
        await caller.apply("create-ticket", ticket(n))

    page = (await caller.control("GET", "effects?after=2&limit=2")).json

    assert [each["seq"] for each in page["effects"]] == [3, 4]


async def test_effects_go_to_a_file_as_lines_that_are_there_before_the_answer(
    tmp_path: Path,
) -> None:
    path = tmp_path / "effects.jsonl"
    async with serve(effects_file=path) as foundry, calling(foundry) as caller:
        await caller.batch("create-ticket", [ticket(1), ticket(2)])
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        shown = (await caller.control("GET", "effects")).json

        assert lines == shown["effects"]
    async with serve(effects_file=path) as foundry, calling(foundry) as caller:
        await caller.apply("create-ticket", ticket(3))

    assert len(path.read_text().splitlines()) == 3


async def test_repeats_of_one_key_are_counted(caller: Caller) -> None:
    await caller.apply("create-ticket", TICKET)
    change = {"ticket": "T-1", "priority": "high"}
    for _ in range(2):
        await caller.apply("set-ticket-priority", change)

    counts = (await caller.control("GET", "counts")).json
    repeats = (await caller.control("GET", "counts?repeats=true")).json

    assert counts == {"create-ticket": {"T-1": 1}, "set-ticket-priority": {"T-1": 2}}
    assert repeats == {"create-ticket": {}, "set-ticket-priority": {"T-1": 2}}


async def test_lean_counts_by_type_and_key_and_validates_nothing() -> None:
    async with serve(lean=True) as foundry, calling(foundry) as caller:
        answered = await caller.batch("create-ticket", [ticket(1), {"ticketId": 5}])
        await caller.apply("create-ticket", ticket(1))
        status = (await caller.control("GET", "status")).json

        assert (answered.status, answered.json) == (200, {})
        assert status["effects"] == 3
        assert status["byAction"] == {"create-ticket": 3}
        assert foundry.effects.by_key["create-ticket"] == {"T-1": 2, 5: 1}
        assert list(foundry.effects) == []


async def test_requests_are_logged_with_what_became_of_them(caller: Caller) -> None:
    await caller.apply("create-ticket", TICKET)
    await caller.apply("create-ticket", TICKET)

    shown = (await caller.control("GET", "requests?after=1")).json

    assert shown["total"] == 3
    assert [each["status"] for each in shown["requests"]] == [200, 409]
    for each in shown["requests"]:
        assert each["path"] == caller.path("actions", "create-ticket", "apply")
        assert (each["in_flight"], each["delivered"], each["client"]) == (1, True, "consumer")
        assert each["ended"] >= each["time"]


async def test_control_requests_are_neither_logged_nor_in_flight(
    caller: Caller, foundry: Foundry
) -> None:
    total = foundry.requests.total

    status = (await caller.control("GET", "status")).json

    assert status["requests"] == foundry.requests.total == total
    assert status["inFlight"] == 0


@pytest.mark.parametrize("given", ["status:status=500", {"kind": "status", "status": 500}])
async def test_faults_are_switched_on_shown_and_cleared(caller: Caller, given: Any) -> None:
    on = (await caller.control("POST", "faults", given)).json
    met = (await caller.apply("create-ticket", TICKET)).status
    shown = (await caller.control("GET", "faults")).json["faults"]
    cleared = (await caller.control("DELETE", f"faults/{on['id']}")).json
    after = (await caller.apply("create-ticket", TICKET)).status

    assert (met, after) == (500, 200)
    assert [(each["kind"], each["met"]) for each in shown] == [("status", 1)]
    assert cleared == {"cleared": 1}


@pytest.mark.parametrize(
    ("method", "path", "given", "status"),
    [
        ("POST", "faults", "nonsense", 400),
        ("POST", "faults", {"kind": "status", "colour": "red"}, 400),
        ("POST", "tokens/steal", None, 400),
        ("DELETE", "clients/nobody", None, 400),
        ("PUT", "objects/Nothing", [], 400),
        ("GET", "effects?after=x", None, 400),
        ("GET", "nothing", None, 404),
    ],
)
async def test_a_wrong_control_request_says_so(
    caller: Caller, method: str, path: str, given: Any, status: int
) -> None:
    assert (await caller.control(method, path, given)).status == status


async def test_the_lifetime_of_tokens_can_be_changed(caller: Caller) -> None:
    await caller.control("POST", "tokens/lifetime", 61)

    assert (await caller.log_in()).json["expires_in"] == 61


async def test_a_reset_forgets_objects_and_faults_but_never_reuses_a_sequence(
    caller: Caller, foundry: Foundry
) -> None:
    await caller.apply("create-ticket", TICKET)
    await caller.control("POST", "faults", "status:times=1")

    await caller.control("POST", "reset")
    again = await caller.apply("create-ticket", TICKET)

    assert again.json["validation"]["result"] == "VALID"
    assert [effect.sequence for effect in foundry.effects] == [2]


async def test_over_tls_only_who_trusts_the_ca_gets_in(tmp_path: Path) -> None:
    async with serve(cert_dir=tmp_path) as foundry:
        assert foundry.ca_file is not None
        trusting = ssl.create_default_context(cafile=foundry.ca_file)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{foundry.url}/login", ssl=trusting) as page:
                assert page.status == 200
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.get(f"{foundry.url}/login")

    assert foundry.url.startswith("https://127.0.0.1:")
    assert stat.S_IMODE((tmp_path / "server.pem").stat().st_mode) == 0o600

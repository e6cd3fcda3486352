"""Whatever fails, nothing that a process writes, serves or sends on holds a secret, nor a value outside of letters."""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

import aiohttp
import pytest

from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster
from tests.e2e.jobs import Job, cloud
from tests.e2e.kafka import connected
from tests.e2e.scene import Scene, staged
from tests.e2e.service import Service
from tests.secrecy.marks import MARK, SECRET, told

pytestmark = NEEDS_BROKER

PASSWORD = f"{SECRET}-of-kafka-{secrets.token_hex(4)}"
ADMIN_TOKEN = f"{SECRET}-of-the-admin-{secrets.token_hex(4)}"
KINDS = ("safe", "ask", "never", "noise", "raises", "wrong", "trouble", "exit")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Broker, str]]:
    """A broker with a listener that asks for a login, and that listener's address."""
    login = f"127.0.0.1:{_free_port()}"
    plain = (
        "org.apache.kafka.common.security.plain.PlainLoginModule required "
        f'user_service="{PASSWORD}";'
    )
    bearer = (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
        'unsecuredLoginStringClaim_sub="broker";'
    )
    properties = {
        "listeners": f"SASL_PLAINTEXT://{login}",
        "listener.security.protocol.map": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT"
        ),
        "sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": plain,
        "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config": bearer,
    }
    with Broker(tmp_path_factory.mktemp("guarded"), properties=properties) as broker:
        yield broker, login


@pytest.fixture
async def scene(guarded: tuple[Broker, str], tmp_path: Path) -> AsyncIterator[Scene]:
    async with (
        connected(Cluster(guarded[0].bootstrap_servers)) as kafka,
        staged(kafka, tmp_path) as stage,
    ):
        yield stage


def settings(login: str, port: int = 0, **kafka: object) -> Mapping[str, Mapping[str, object]]:
    return {
        "consumer": {"contracts": "tests.secrecy.tactless"},
        "kafka": {
            "bootstrap_servers": login,
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": "service",
            "sasl_password": PASSWORD,
            **kafka,
        },
        "dead_letters": {"budget_burst": 1_000},
        "admin": {"port": port, "token": ADMIN_TOKEN},
    }


def jobs(round_: int, kinds: Sequence[str] = KINDS, number: int = 3) -> list[Job]:
    """Every value begins with the mark, and the ids, by which records are named, do not."""
    return [_job(f"{round_}-{kind}-{n}", kind, n) for kind in kinds for n in range(number)]


def _job(name: str, kind: str, place: int, /, **changes: object) -> Job:
    event = {"record": f"{MARK}-{name}", "lane": f"{MARK}-lane-{place}", "number": place}
    headers = (*cloud(name, kind), ("ce_subject", MARK.encode()), ("x-note", MARK.encode()))
    value = json.dumps(event | changes).encode()
    return Job(name, kind, MARK, MARK.encode(), value, headers)


def broken(round_: int) -> list[Job]:
    """Letters of most reasons, the mark in all that they quote."""
    good = _job(f"{round_}-good", "safe", 1)
    assert good.value is not None
    changed: Mapping[str, Job] = {
        "no lane": _job(f"{round_}-no-lane", "safe", 1, lane=f"not {MARK}"),
        "no number": _job(f"{round_}-no-number", "never", 1, number=MARK),
        "refused": _job(f"{round_}-refused", "safe", 1, number=-1),
        "no route": _job(f"{round_}-no-route", "other", 1),
    }
    values = {"cut": good.value[:-3], "twice": good.value[:-1] + b', "lane": "x"}', "none": b""}
    return [
        *changed.values(),
        *(
            Job(f"{round_}-{name}", "safe", MARK, MARK.encode(), value, good.headers)
            for name, value in values.items()
        ),
    ]


@pytest.mark.slow
async def test_nothing_is_told_whatever_fails(
    scene: Scene, guarded: tuple[Broker, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log level debug, asyncio's debug mode, owners' functions that leave trouble, and faults of each kind."""
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "always")
    broker, login = guarded
    port = _free_port()
    service = scene.start(**settings(login, port))
    await service.says("assigned")
    served = await _under_faults(scene, service, port)
    broker.suspend()
    await scene.until(lambda: service.said("commit not stored"), "a commit gets no answer")
    broker.resume()
    await _work(scene, 90)
    service.ask_to_stop()
    await service.ended()
    console = scene.start(**settings(login), log={"level": "debug", "format": "console"})
    await scene.kafka.publish([*jobs(91), *broken(91)])
    await scene.settled()
    console.ask_to_stop()
    await console.ended()

    refused = [await each.ended() for each in _refused(scene, login)]

    assert refused == [0, 1, 1, 1, 1, 0, 0]
    assert "error in the event loop" in console.output
    assert service.said("error in the event loop")
    assert service.said("a thread ended by an error")
    assert service.said("an error that could not be raised")
    assert service.said("warning")
    refuse_told(scene, served)
    await refuse_told_in_letters(scene)


async def _under_faults(scene: Scene, service: Service, port: int) -> str:
    """All that the admin page served meanwhile."""
    served = ""
    faults: Sequence[Mapping[str, object]] = (
        {"text": "status", "status": 503, "body": "html"},
        {"text": "error", "name": "Default:Internal", "message": MARK, "code": "INTERNAL"},
        {"text": "invalid", "message": MARK},
        {"text": "cut", "when": "after"},
        {"text": "cut_body"},
        {"text": "html"},
        {"text": "unauthorized", "times": 3},
        {"text": "redirect"},
        {"text": "hang", "duration": 4.0},
        {"text": "status", "endpoint": "token", "status": 500, "body": "html"},
        {"text": "status", "endpoint": "objects", "status": 502, "body": "text"},
    )
    for number, fault in enumerate(faults):
        with scene.fault(**fault):  # type: ignore[arg-type]  # checked by itself
            if fault.get("endpoint") == "token":
                scene.foundry.identity.expire_all()
            await scene.kafka.publish([*jobs(number), *broken(number)])
            await asyncio.sleep(1.0)
            served += await _served(port)
    await _work(scene, 50)
    return served + await _served(port)


async def _work(scene: Scene, round_: int) -> None:
    await scene.kafka.publish(jobs(round_, ("safe", "trouble")))
    await scene.progress(3)


async def _served(port: int) -> str:
    """Pages that need no token, and verbs with and without it."""
    root = f"http://127.0.0.1:{port}"
    found = ""
    async with aiohttp.ClientSession(raise_for_status=False) as session:
        for path in ("/livez", "/readyz", "/metrics", "/status", "/", "/nowhere"):
            async with session.get(f"{root}{path}") as answer:
                found += f"{dict(answer.headers)} {await answer.text()}"
        for token in (ADMIN_TOKEN, f"{ADMIN_TOKEN}-wrong"):
            headers = {"Authorization": f"Bearer {token}", "X-Actor": "ops"}
            async with session.post(f"{root}/resume", headers=headers) as answer:
                found += f"{dict(answer.headers)} {await answer.text()}"
    return found


def _refused(scene: Scene, login: str) -> list[Service]:
    """Commands that end by themselves, most of them by a refusal."""
    wrong = f"{PASSWORD}-wrong"
    oauth: Mapping[str, object] = {
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauthbearer_token_endpoint_url": f"{scene.foundry.url}/multipass/api/oauth2/token",
        "sasl_oauthbearer_client_id": "e2e",
        "sasl_oauthbearer_client_secret": scene.secret,
    }
    good, bad = settings(login), settings(login, sasl_password=wrong)
    bearer = dict(settings(login, 0, **oauth))
    bearer["kafka"] = {k: v for k, v in bearer["kafka"].items() if not k.endswith("word")}
    return [
        scene.start("doctor", "--json", **good),
        scene.start("doctor", **bad),
        scene.start("doctor", "--json", **bearer),
        scene.start("run", **bad),
        scene.start("run", **bearer),
        scene.start("check", **good),
        scene.start("contracts", "ls", **good),
    ]


def refuse_told(scene: Scene, served: str) -> None:
    """In nothing that a process wrote, nor in what it served."""
    known = [MARK, SECRET, scene.secret, *scene.foundry.identity._tokens]
    for service in scene.services:
        assert not told(service.output, of=known), service.log.name
    assert "foundry_consumer_records_total" in served
    assert not told(served, of=known)


async def refuse_told_in_letters(scene: Scene) -> None:
    """A letter holds its record; what we add to it quotes nothing."""
    letters = await scene.kafka.letters()
    assert {"invalid", "undecodable", "unknown_type", "unmappable", "rejected"} <= {
        letter.reason for letter in letters
    }
    for letter in letters:
        own = [(name, value) for name, value in letter.headers if name.startswith(("dlq.", "__"))]
        # What Foundry's owner wrote for a person to read is passed on: it is no value of the event.
        quoted = {"dlq.detail", "__connect.errors.exception.message"}
        shown = [(n, v) for n, v in own if letter.reason != "rejected" or n not in quoted]
        assert not told(repr(shown)), letter.reason
        assert not told(repr(letter.headers), of=[SECRET, scene.secret])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""A demo that stays says how to play with it, and what it says works as it stands."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from consumer.settings.load import load_settings
from deploy.local.demo import by_hand
from deploy.local.demo.__main__ import main
from deploy.local.demo.events import TICKETS
from deploy.local.demo.kafka import Names, topics
from deploy.local.demo.world import World, _write_config
from deploy.local.kafka import Broker
from tests.broker import NEEDS_BROKER, Cluster, external_servers, unique

pytestmark = NEEDS_BROKER
DEMO = " -m deploy.local.demo "


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if found := external_servers():
        yield found
        return
    with Broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap_servers


def told(servers: str, names: Names) -> list[list[str]]:
    """What the invitation gives to the demo's own command, split as a shell does it."""
    here = Path("here")
    world = World(here, servers, names, "demo", "http://127.0.0.1:1", here / "toml", here / "log")
    lines = by_hand.invitation(world).splitlines()
    return [shlex.split(line.partition(DEMO)[2]) for line in lines if DEMO in line]


def test_the_service_that_stays_takes_the_verbs_that_are_told(tmp_path: Path) -> None:
    world = World(
        tmp_path,
        "127.0.0.1:1",
        Names(""),
        "demo",
        "http://127.0.0.1:2",
        tmp_path / "consumer.toml",
        tmp_path / "log",
        1234,
    )
    _write_config(world)

    admin = load_settings(world.config).admin

    told = by_hand.invitation(world)
    assert f"curl -s http://127.0.0.1:{admin.port}/status" in told
    assert f"$(cat {admin.token_file})" in told
    assert world.operator_token.read_text()


async def ask(arguments: list[str]) -> str:
    """A command of the demo, in a thread: it has a loop of its own."""
    done = await asyncio.to_thread(CliRunner().invoke, main, arguments)
    assert done.exit_code == 0, done.output
    return done.output


async def test_an_event_is_published_and_letters_are_read_as_the_invitation_says(
    servers: str,
) -> None:
    cluster, names = Cluster(servers), Names(f"{unique('demo')}.")
    topic, letters = names.pair(TICKETS)
    publish, publish_broken, read = told(servers, names)
    about = {"topic": topic, "partition": "2", "offset": "7", "reason": "invalid", "detail": "why"}

    async with topics(servers, names):
        places = [(await ask(arguments)).strip() for arguments in (publish, publish_broken)]
        published = await cluster.read_all(topic)
        headers = [(f"dlq.{name}", text.encode()) for name, text in about.items()]
        await cluster.produce(letters, b"{}", key=b"T-1", headers=headers)
        (letter,) = (await ask(read)).splitlines()

    assert places == [f"{TICKETS}/{each.partition}/{each.offset}" for each in published]
    assert {each.key for each in published} == {b"T-7000001"}
    assert [json.loads(each.value or b"").keys() for each in published] == [
        by_hand.EXAMPLE.keys(),
        {"ticket_id"},
    ]
    for each in published:
        assert dict(each.headers)["ce_type"] == by_hand.EXAMPLE_TYPE.encode()
    assert json.loads(letter) == {
        "about": f"{TICKETS}/2/7",
        "reason": "invalid",
        "detail": "why",
        "key": "T-1",
        "value": "{}",
    }

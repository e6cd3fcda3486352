"""One broker for all tests of a process; tests may stop, kill and suspend it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.local.kafka import Broker
from tests.broker import Cluster, external_servers
from tests.e2e.kafka import connected
from tests.e2e.scene import Scene, staged


@pytest.fixture(scope="session")
def _broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def fragile(_broker: Broker) -> Iterator[Broker]:
    """An embedded broker in any case. Whatever a test did to it, the next one finds it running."""
    yield _broker
    _broker.resume()


@pytest.fixture
async def scene(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Scene]:
    """On the broker of the environment, if there is one and the test leaves brokers alone."""
    servers = external_servers()
    if servers is None or "fragile" in request.fixturenames:
        servers = request.getfixturevalue("fragile").bootstrap_servers
    async with connected(Cluster(servers)) as kafka, staged(kafka, tmp_path) as stage:
        yield stage

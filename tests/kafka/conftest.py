"""One broker for all tests of a process; tests may stop, kill and suspend it."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from consumer.kafka.logs import Modest
from deploy.local.kafka import Broker
from tests.broker import Cluster, external_servers
from tests.kafka.guarded import Guarded, guarded_broker


@pytest.fixture(autouse=True)
def _library_speaks() -> None:
    """What it wrote in the tests before makes no line of this one too many."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.getLogger(name)
        for modest in [each for each in logger.filters if isinstance(each, Modest)]:
            logger.removeFilter(modest)


@pytest.fixture(scope="session")
def _broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def fragile(_broker: Broker) -> Iterator[Broker]:
    """An embedded broker in any case. Whatever a test did to it, the next one finds it running."""
    if not _broker.alive:
        _broker.restart()
    yield _broker
    if _broker.alive:
        _broker.resume()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The broker of the environment, else the embedded one: not to be tampered with."""
    if servers := external_servers():
        return Cluster(servers)
    broker: Broker = request.getfixturevalue("fragile")
    return Cluster(broker.bootstrap_servers)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """An embedded broker in any case."""
    with guarded_broker(tmp_path_factory.mktemp("guarded")) as broker:
        yield broker

"""One broker for all tests of a process, and one more that tests may stop, kill and suspend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from deploy.local.kafka import Broker
from tests.broker import Cluster, running_cluster


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("kafka")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def _fragile_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with Broker(tmp_path_factory.mktemp("fragile-kafka")) as broker:
        yield broker


@pytest.fixture
def fragile(_fragile_broker: Broker) -> Iterator[Broker]:
    """Whatever a test did to it, the next one finds it running."""
    if not _fragile_broker.alive:
        _fragile_broker.restart()
    yield _fragile_broker
    if _fragile_broker.alive:
        _fragile_broker.resume()

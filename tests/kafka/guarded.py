"""A real broker that asks for logins, grants and certificates."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest, DeleteAclsRequest

from consumer.kafka.client import KafkaConfig
from deploy.local.kafka import Broker
from tests.broker import Cluster
from tests.kafka.certificate import self_signed
from tests.kafka.member import config

TOPIC, GROUP = 2, 3
READ, WRITE, DESCRIBE = 3, 4, 8
LITERAL, ALLOW = 3, 3
CANARY = "canary-7f3a"
"""A password that no log may hold."""


@dataclass
class Guarded:
    """A broker where user `service` may do what it was granted, and nobody may look at its password."""

    cluster: Cluster
    sasl: str
    tls: str
    ca_file: Path

    async def grant(self, kind: int, name: str, operation: int, user: str = "service") -> None:
        answer = await self._ask(CreateAclsRequest(*_rule(kind, name, operation, user)))
        assert answer.creation_responses[0][0] == 0, f"no grant: {answer}"

    async def withdraw(self, kind: int, name: str, operation: int) -> None:
        """The grant is no more."""
        answer = await self._ask(DeleteAclsRequest(*_rule(kind, name, operation, "service")))
        assert len(answer.filter_responses[0][2]) == 1, f"not withdrawn: {answer}"

    async def _ask(self, request: Any) -> Any:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.cluster.bootstrap_servers)
        await admin.start()
        try:
            return await admin._send_request(request)
        finally:
            await admin.close()

    def config(self, **changes: Any) -> KafkaConfig:
        login = {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_username": "service",
            "sasl_password": CANARY,
        }
        return config(self.sasl, **(login | changes))


def _rule(kind: int, name: str, operation: int, user: str) -> tuple[Any, ...]:
    return kind, name, LITERAL, f"User:{user}", "*", operation, ALLOW


@contextlib.contextmanager
def guarded_broker(folder: Path) -> Iterator[Guarded]:
    """It ends with the `with`."""
    ca_file = self_signed(folder)
    sasl, tls = (f"127.0.0.1:{port}" for port in _free_ports())
    plain = (
        f'org.apache.kafka.common.security.plain.PlainLoginModule required user_service="{CANARY}" '
        f'user_reader="{CANARY}";'
    )
    bearer = (
        "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required "
        'unsecuredLoginStringClaim_sub="broker";'
    )
    properties = {
        "listeners": f"SASL_PLAINTEXT://{sasl},SSL://{tls}",
        "listener.security.protocol.map": (
            "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL"
        ),
        "sasl.enabled.mechanisms": "PLAIN,OAUTHBEARER",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": plain,
        "listener.name.sasl_plaintext.oauthbearer.sasl.jaas.config": bearer,
        "listener.name.ssl.ssl.keystore.type": "PEM",
        "listener.name.ssl.ssl.keystore.location": str(folder / "server.pem"),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
    with Broker(folder / "data", properties=properties) as broker:
        yield Guarded(Cluster(broker.bootstrap_servers), sasl, tls, ca_file)


async def granted(guarded: Guarded, kafka: KafkaConfig) -> str:
    """A topic that the service may read, in its group."""
    topic = await guarded.cluster.create_topic()
    await guarded.grant(TOPIC, topic, READ)
    await guarded.grant(GROUP, kafka.group_id, READ)
    return topic


def _free_ports() -> list[int]:
    sockets = [socket.socket() for _ in range(2)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports

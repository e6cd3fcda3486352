"""The Kafka settings, and the options that the client library is given for them."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka import AIOKafkaConsumer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import AuthenticationFailedError

from consumer.errors import ConsumerError, SettingsError

FetchToken = Callable[[str], Awaitable[str]]
"""Returns an OAuth bearer token that is valid now. If it raises, the connection fails and is tried again later.

It is given the token that a broker refused last, or an empty text: a token may be revoked long before it expires."""

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

TOKEN_TIMEOUT = 15.0
JOIN_MARGIN = 5.0
"""Seconds: a join waits for all members, up to the rebalance timeout, and then its answer has to travel."""
SESSION_MARGIN = 5.0
MAX_REQUEST_TIMEOUT = 40.0
MAX_HEARTBEAT_INTERVAL = 3.0
HEARTBEATS_PER_SESSION = 10
METADATA_MAX_AGE = 60.0
NEVER_IDLE_MS = 2**31 - 1
"""Turns off the library's own idle check, which would leave the group without a drain."""
FETCH_MAX_BYTES = 16 * 2**20
PARTITION_FETCH_BYTES = 2**20
"""A larger first batch is still returned whole (KIP-74), so no record can be too large to be read."""


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """The `[kafka]` section; times in seconds. `rebalance_timeout` is Foundry's request timeout + 15."""

    bootstrap_servers: tuple[str, ...]
    group_id: str
    client_id: str = "foundry-consumer"
    initial_offset: Literal["earliest", "latest"] = "earliest"
    session_timeout: float = 45.0
    rebalance_timeout: float = 30.0
    security_protocol: SecurityProtocol = "PLAINTEXT"
    sasl_mechanism: SaslMechanism = "PLAIN"
    sasl_username: str | None = None
    sasl_password: str | None = field(default=None, repr=False)
    ssl_cafile: str | None = None
    ssl_certfile: str | None = None
    ssl_keyfile: str | None = None
    ssl_key_password: str | None = field(default=None, repr=False)

    @property
    def request_timeout(self) -> float:
        """Below the session timeout if possible, as a silent broker blocks new connections for so long.

        Always above the rebalance timeout, or a join would give up and start again for ever.
        """
        wanted = min(self.session_timeout - SESSION_MARGIN, MAX_REQUEST_TIMEOUT)
        return max(self.rebalance_timeout + JOIN_MARGIN, wanted)

    @property
    def heartbeat_interval(self) -> float:
        return min(MAX_HEARTBEAT_INTERVAL, self.session_timeout / HEARTBEATS_PER_SESSION)

    @property
    def lease_length(self) -> float:
        """For how many seconds after the sending of a heartbeat that was answered the membership is certain."""
        return min(self.session_timeout, self.rebalance_timeout)


class TokenProvider(AbstractTokenProvider):
    """Turns every failure into the library's own error: any other would silently end its metadata task for good."""

    def __init__(self, fetch: FetchToken) -> None:
        self._fetch = fetch
        self._refused = ""

    def refuse(self, token: str) -> None:
        """A broker did not accept this token."""
        self._refused = token

    async def token(self) -> str:
        try:
            async with asyncio.timeout(TOKEN_TIMEOUT):
                return await self._fetch(self._refused)
        except ConsumerError as error:
            raise AuthenticationFailedError(f"no token for Kafka: {error}") from None
        except Exception as error:  # noqa: BLE001 - injected; its text may hold a secret, so only the type is shown
            raise AuthenticationFailedError(f"no token for Kafka: {type(error).__name__}") from None


def connection_options(
    config: KafkaConfig, *, role: str, fetch_token: FetchToken | None = None
) -> dict[str, Any]:
    """Options for every client of the library: addresses, security, timeouts.

    Raises:
        SettingsError: a certificate cannot be read, or a SASL setting is missing.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": list(config.bootstrap_servers),
        "client_id": f"{config.client_id}-{socket.gethostname()}{role}",
        "request_timeout_ms": _ms(config.request_timeout),
        "metadata_max_age_ms": _ms(METADATA_MAX_AGE),
        "security_protocol": config.security_protocol,
    }
    if config.security_protocol in ("SSL", "SASL_SSL"):
        options["ssl_context"] = ssl_context(config)
    if config.security_protocol in ("SASL_PLAINTEXT", "SASL_SSL"):
        options |= _sasl_options(config, fetch_token)
    return options


def member_options(config: KafkaConfig) -> dict[str, Any]:
    """Further options for a member of the group.

    No deserialisers: one that raises would lose records of other partitions. Only one assignor: the library sends a
    join request for each. No group instance id: a second process with the same one would replace the owner at once.
    """
    return {
        "group_id": config.group_id,
        "enable_auto_commit": False,
        "auto_offset_reset": "none",
        "isolation_level": "read_committed",
        "session_timeout_ms": _ms(config.session_timeout),
        "heartbeat_interval_ms": _ms(config.heartbeat_interval),
        "rebalance_timeout_ms": _ms(config.rebalance_timeout),
        "max_poll_interval_ms": NEVER_IDLE_MS,
        "partition_assignment_strategy": (RoundRobinPartitionAssignor,),
        "fetch_max_bytes": FETCH_MAX_BYTES,
        "max_partition_fetch_bytes": PARTITION_FETCH_BYTES,
    }


def member(config: KafkaConfig, fetch_token: FetchToken | None = None) -> AIOKafkaConsumer:
    """A consumer that is not started yet, and subscribed to nothing.

    Raises:
        SettingsError: as `connection_options`.
    """
    options = connection_options(config, role="", fetch_token=fetch_token)
    return AIOKafkaConsumer(**options, **member_options(config))


def ssl_context(config: KafkaConfig) -> ssl.SSLContext:
    """A context that always verifies certificate and host name.

    Raises:
        SettingsError: a file cannot be read, or the key does not fit.
    """
    try:
        context = ssl.create_default_context(cafile=config.ssl_cafile)
    except OSError as error:
        raise SettingsError(
            f"kafka.ssl_cafile {config.ssl_cafile!r} cannot be used: {error}; set it to a file of PEM certificates"
        ) from None
    if config.ssl_certfile is None:
        return context
    try:
        # A function, so that a missing password fails here rather than prompting at a terminal.
        context.load_cert_chain(
            config.ssl_certfile, config.ssl_keyfile, lambda: config.ssl_key_password or ""
        )
    except (OSError, ValueError) as error:  # ValueError: the password is too long
        key = f"with kafka.ssl_keyfile {config.ssl_keyfile!r}"
        if config.ssl_keyfile is None:
            key = "without kafka.ssl_keyfile"
        raise SettingsError(
            f"kafka.ssl_certfile {config.ssl_certfile!r}, {key}, cannot be used: {error}; both must be PEM, the key must be the"
            " certificate's, and kafka.ssl_key_password must open it if it is encrypted"
        ) from None
    return context


def no_broker_answers(config: KafkaConfig) -> str:
    """What a refusal says if no connection could be made."""
    return (
        f"no Kafka broker answers at {', '.join(config.bootstrap_servers)}: check kafka.bootstrap_servers, the network,"
        " and kafka.security_protocol with its settings (aiokafka's log lines say what failed); start again once a broker"
        " answers"
    )


def _sasl_options(config: KafkaConfig, fetch_token: FetchToken | None) -> dict[str, Any]:
    options: dict[str, Any] = {"sasl_mechanism": config.sasl_mechanism}
    if config.sasl_mechanism == "OAUTHBEARER":
        if fetch_token is None:
            raise SettingsError("kafka.sasl_mechanism: OAUTHBEARER needs a token endpoint")
        return options | {"sasl_oauth_token_provider": TokenProvider(fetch_token)}
    if config.sasl_username is None or config.sasl_password is None:
        raise SettingsError(
            f"kafka.sasl_mechanism: {config.sasl_mechanism} needs sasl_username and sasl_password"
        )
    return options | {
        "sasl_plain_username": config.sasl_username,
        "sasl_plain_password": config.sasl_password,
    }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)

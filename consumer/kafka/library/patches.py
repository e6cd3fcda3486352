"""Where the library is made to behave differently from its own code."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from typing import Any

import aiokafka.client
import aiokafka.conn
from aiokafka import AIOKafkaConsumer
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.conn import OAuthAuthenticator
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupCoordinatorNotAvailableError,
    IllegalGenerationError,
    KafkaConnectionError,
    NoError,
    NotCoordinatorForGroupError,
    RebalanceInProgressError,
    RequestTimedOutError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.metadata import MetadataRequest

from consumer.kafka.lease import Lease
from consumer.kafka.library.inside import Coordinator, client_of
from consumer.ports import Clock

OFFSET_FETCH, HEARTBEAT, SYNC_GROUP = 9, 12, 14
"""API keys of the protocol."""
HEARTBEAT_CODES = frozenset(
    error.errno
    for error in (
        NoError,
        GroupCoordinatorNotAvailableError,
        NotCoordinatorForGroupError,
        IllegalGenerationError,
        UnknownMemberIdError,
        RebalanceInProgressError,
    )
)
"""Error codes of a heartbeat that the library can deal with."""
REFUSED_PAUSE = 1.0


def patch_library() -> None:
    """Patch what every client of the library needs. May be called again."""
    forbid_topic_creation()
    refuse_rejected_tokens()
    tell_every_timeout()


def forbid_topic_creation() -> None:
    """Keep the library's metadata requests from asking the broker to create missing topics."""
    aiokafka.client.MetadataRequest = functools.partial(  # type: ignore[attr-defined, assignment]  # a module's global
        MetadataRequest, allow_auto_topic_creation=False
    )


class StrictOAuth(OAuthAuthenticator):
    """Notices that a broker has refused a token, and tells the token's provider.

    The broker's answer has no error code (RFC 7628, 3.2.2), and the library takes it for a successful login. Every
    later request would then fail with an error that does not mention tokens.
    """

    _token = ""

    async def step(self, payload: bytes | None) -> tuple[bytes, bool] | None:
        if payload and self._token_sent:
            self._sasl_oauth_token_provider.refuse(self._token)
            told = payload[:200].decode("utf-8", "replace")
            raise AuthenticationFailedError(f"the broker refuses the token: {told}")
        step: tuple[bytes, bool] | None = await super().step(payload)
        return step

    def _build_oauth_client_request(self, token: str, token_extensions: str) -> str:
        self._token = token
        request: str = super()._build_oauth_client_request(token, token_extensions)
        return request


def refuse_rejected_tokens() -> None:
    """Have the library use `StrictOAuth`."""
    aiokafka.conn.OAuthAuthenticator = StrictOAuth  # type: ignore[misc]  # a module's global


_send_by_itself = AIOKafkaClient.send


async def _send(
    client: AIOKafkaClient,
    node: int,
    request: Any,
    *,
    group: ConnectionGroup = ConnectionGroup.DEFAULT,
) -> Any:
    try:
        return await _send_by_itself(client, node, request, group=group)
    except KeyError as error:
        if isinstance(error.__context__, TimeoutError):
            raise RequestTimedOutError from error
        raise


def tell_every_timeout() -> None:
    """Have each of several requests that time out together on one connection raise a timeout.

    The first one closes the connection, and the next send forgets it. For the others the library would then look for
    it in vain and raise KeyError, which nobody expects.
    """
    if AIOKafkaClient.send is _send_by_itself:
        AIOKafkaClient.send = _send  # type: ignore[method-assign]


class CoordinatorWatch:
    """Sees every answer of the group coordinator.

    - A top-level error in an answer to "what is committed?" is raised. The library overlooks it, and takes the empty
      list below it for a group that has never committed: everything would be read again, or skipped.
    - A heartbeat or a sync that is answered without an error renews the lease. `REBALANCE_IN_PROGRESS` does not,
      although the library counts it as a success.
    - A refused heartbeat (say, because the grant on the group is gone) is tried again: the library would never send
      another one.
    - Once closed, nothing more is sent: no join and no leave request.
    """

    def __init__(self, coordinator: Coordinator, lease: Lease, clock: Clock) -> None:
        self._coordinator = coordinator
        self._send = coordinator._send_req
        self._lease = lease
        self._clock = clock
        self._closed = False
        coordinator._send_req = self._checked  # type: ignore[method-assign]

    def close(self) -> None:
        self._closed = True
        self._coordinator._maybe_leave_group = _stay  # type: ignore[method-assign]

    async def _checked(self, request: Any) -> Any:
        if self._closed:
            raise KafkaConnectionError("the consumer is closing")
        identity = self._identity
        # Taken before the wait for a connection: better too early than too late.
        sent_at = self._clock.now()
        response = await self._send(request)
        if response.API_KEY == OFFSET_FETCH:
            self._refuse_errors(response)
        elif self._proves_membership(response, identity):
            self._lease.renew(sent_at)
        elif response.API_KEY == HEARTBEAT and response.error_code not in HEARTBEAT_CODES:
            await asyncio.sleep(REFUSED_PAUSE)
            raise for_code(response.error_code)
        return response

    def _proves_membership(self, response: Any, identity: tuple[str, int]) -> bool:
        return (
            response.API_KEY in (HEARTBEAT, SYNC_GROUP)
            and response.error_code == 0
            # An answer to an earlier membership of this process says nothing about the present one.
            and identity == self._identity
        )

    @property
    def _identity(self) -> tuple[str, int]:
        return self._coordinator.member_id, self._coordinator.generation

    def _refuse_errors(self, response: Any) -> None:
        codes = {code for _, parts in response.topics for *_, code in parts}
        codes.add(getattr(response, "error_code", 0))
        for code in sorted(codes - {0}):
            error = for_code(code)
            if error in (NotCoordinatorForGroupError, GroupCoordinatorNotAvailableError):
                self._coordinator.coordinator_dead()
            raise error()


async def _stay() -> None:
    """Stands in for leaving the group."""


def tell_of_refreshes(consumer: AIOKafkaConsumer, tell: Callable[[], None]) -> None:
    """Call `tell` whenever the library wants new metadata, which means that a broker did not know a partition."""
    client: Any = client_of(consumer)
    refresh = client.force_metadata_update

    def told() -> Any:
        tell()
        return refresh()

    client.force_metadata_update = told

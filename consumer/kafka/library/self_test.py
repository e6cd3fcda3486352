"""The start-up test: is this the version of aiokafka that the service was made for?"""

from __future__ import annotations

from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection, OAuthAuthenticator
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator

from consumer.errors import StartRefused
from consumer.kafka.inflate import unbound

CALLERS: tuple[tuple[Any, str], ...] = (
    (GroupCoordinator._do_heartbeat, "_send_req"),
    (GroupCoordinator._do_fetch_commit_offsets, "_send_req"),
    (GroupCoordinator._maybe_leave_group, "reset_generation"),
    (CoordinatorGroupRebalance._send_sync_group_request, "_send_req"),
    (AIOKafkaClient._metadata_update, "MetadataRequest"),
    (AIOKafkaClient._wait_on_metadata, "force_metadata_update"),
    (AIOKafkaClient.force_metadata_update, "_md_update_fut"),
    (AIOKafkaConnection.authenticator_oauth, "OAuthAuthenticator"),
    (OAuthAuthenticator.step, "_token_sent"),
    (OAuthAuthenticator.step, "_build_oauth_client_request"),
    (OAuthAuthenticator.step, "_sasl_oauth_token_provider"),
    (AIOKafkaAdminClient.find_coordinator, "_send_request"),
    (AIOKafkaProducer.start, "_sender"),
    (AIOKafkaProducer.stop, "_message_accumulator"),
)
"""Functions of the library, each with a name that it must use for a patch to take effect."""

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "": ("_client", "_coordinator", "_fetcher", "_subscription"),
    "_coordinator": (
        "generation",
        "member_id",
        "group_id",
        "coordinator_id",
        "_coordination_task",
        "_heartbeat_task",
        "_commit_refresh_task",
        "_maybe_leave_group",
        "_send_req",
        "check_errors",
        "coordinator_dead",
        "ensure_coordinator_known",
        "fetch_committed_offsets",
        "request_rejoin",
        "reset_generation",
    ),
    "_fetcher": ("_create_fetch_waiter", "_fetch_task", "_pending_tasks"),
    "_subscription": ("subscription", "wait_for_assignment"),
    "_client": (
        "_sync_task",
        "_wait_on_metadata",
        "bootstrap",
        "cluster",
        "close",
        "force_metadata_update",
        "get_random_node",
        "ready",
        "send",
    ),
}
"""Attributes that a started consumer must have, by the part of it that has them."""


def refuse_unknown_library(consumer: AIOKafkaConsumer) -> None:
    """The start-up test, on a started consumer.

    Raises:
        StartRefused: the library has changed, and a patch would not take effect.
    """
    gone = [
        f"{function.__qualname__} no longer uses {name}"
        for function, name in CALLERS
        if name not in function.__code__.co_names
    ]
    for part, names in ATTRIBUTES.items():
        owner = getattr(consumer, part, None) if part else consumer
        gone += [f"{part or 'consumer'}.{name}" for name in names if not hasattr(owner, name)]
    gone += unbound()
    if gone:
        raise StartRefused(
            f"this version of aiokafka is not the one that the service is written for ({', '.join(gone)}): "
            "install the version in the lock file"
        )

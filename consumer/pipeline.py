"""What becomes of ONE record, top to bottom. It is all decided at intake, before anything waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from consumer.contracts.contract import Contract
from consumer.contracts.events import unknown_fields
from consumer.errors import Reason, Rejected
from consumer.model import Ignored, Prepared, Record, Unreadable
from consumer.stages.authorise import authorise
from consumer.stages.decode import decode
from consumer.stages.headers import Caps
from consumer.stages.mapping import lane_of, lookup_of, map_event
from consumer.stages.route import find_contract, find_route
from consumer.stages.validate import validate

Prepare = Callable[[Record | Unreadable], Prepared | Ignored | Rejected]
_DEFAULT_CAPS = Caps()


def make_prepare(by_topic: Mapping[str, Contract], caps: Caps = _DEFAULT_CAPS) -> Prepare:
    """Build the function that prepares one record. `by_topic`: contracts by the topic's name on the broker."""

    def prepare(record: Record | Unreadable) -> Prepared | Ignored | Rejected:
        """Pure and total: the record's own fault is returned; an exception is a bug in this service."""
        if isinstance(record, Unreadable):
            reason: Reason = "skipped" if record.skipped else "unreadable"
            return Rejected(reason, record.detail, stage="read")
        event_id = event_type = None
        try:
            contract = find_contract(record.topic, by_topic)
            envelope = decode(record, contract.type_from, caps)
            event_id, event_type = envelope.id, envelope.type
            route = find_route(envelope, contract.routes)
            event = validate(envelope, route.model)
            authorise(envelope, contract.sources)
            calls = map_event(event, route, record, envelope)
            if isinstance(calls, Ignored):
                return calls
            # Positional: keyword arguments would double the cost of this call.
            return Prepared(
                record,
                event_id,
                event_type,
                lane_of(record, event, route),
                route.repeat,
                calls,
                envelope.size + len(calls[0].parameters) * len(calls),
                None if route.ask is None else lookup_of(event, route, route.ask),
                unknown_fields(event) - route.type_undeclared,
            )
        except Rejected as fault:
            fault.event_id, fault.event_type = event_id, event_type
            # Without its traceback: the frames hold the event.
            return fault.with_traceback(None)

    return prepare

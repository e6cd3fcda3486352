"""Rules 10 to 12 of claims: who is a member, until when that is certain, and what is on its way then."""

from __future__ import annotations

from typing import Final

from tests.mutations.mutation import Mutation

_CLIENT: Final = "tests/kafka/test_client.py"
_COORDINATOR: Final = "tests/kafka/test_coordinator.py"

LEASES: Final = (
    Mutation(
        name="the library leaves the group when nothing is polled for long",
        law=5,
        rule=10,
        file="consumer/kafka/client.py",
        old='        "max_poll_interval_ms": NEVER_IDLE_MS,\n',
        new='        "max_poll_interval_ms": 300_000,\n',
        suite=_CLIENT,
        test="test_a_member_never_commits_resets_or_leaves_by_itself",
        says="300000 ==",
        why="partitions are given up without a drain, and their requests are sent on",
    ),
    Mutation(
        name="a member has a name of its own",
        law=5,
        rule=10,
        file="consumer/kafka/client.py",
        old='        "enable_auto_commit": False,\n',
        new='        "enable_auto_commit": False,\n        "group_instance_id": config.client_id,\n',
        suite=_CLIENT,
        test="test_a_member_never_commits_resets_or_leaves_by_itself",
        says="group_instance_id",
        why="a second process of that name replaces the first one at once, whatever it has on its way",
    ),
    Mutation(
        name="a membership is certain for the longer of both timeouts",
        law=5,
        rule=11,
        file="consumer/kafka/client.py",
        old="        return min(self.session_timeout, self.rebalance_timeout)\n",
        new="        return max(self.session_timeout, self.rebalance_timeout)\n",
        suite=_CLIENT,
        test="test_a_join_can_always_wait_out_the_rebalance",
        says="45.0 == ",
        why="who missed a rebalance sends on beside the next owner",
    ),
    Mutation(
        name="a lease counts from the answer",
        law=5,
        rule=11,
        file="consumer/kafka/library/patches.py",
        old="            self._lease.renew(sent_at)\n",
        new="            self._lease.renew(self._clock.now())\n",
        suite=_COORDINATOR,
        test="test_rule_11_a_lease_counts_from_when_the_heartbeat_was_sent",
        says="134.0 == ",
        why="an answer that was long on its way lets requests go beside the next owner's",
    ),
    Mutation(
        name="a heartbeat that announces a rebalance renews the lease",
        law=5,
        rule=11,
        file="consumer/kafka/library/patches.py",
        old="            and response.error_code == 0\n",
        new="            and response.error_code in (0, 27)\n",
        suite=_COORDINATOR,
        test="test_rule_11_a_heartbeat_that_is_answered_with_an_error_renews_nothing",
        says="assert 130.0 is None",
        why="who does not join in time sends on beside the next owner",
    ),
    Mutation(
        name="a request that is given up keeps its connection",
        law=7,
        rule=12,
        file="consumer/foundry/exchange.py",
        old="                body.abort()\n",
        new="                pass\n",
        suite="tests/foundry/test_lost.py",
        test="test_the_deadline_drops_bytes_that_are_still_buffered",
        says="assert",
        why="what still stands in a buffer is executed when nobody counts with it any more",
    ),
    Mutation(
        name="the kernel delivers what was given up",
        law=7,
        rule=12,
        file="consumer/foundry/transport.py",
        old="        if option is not None:\n",
        new="        if option is None:\n",
        suite="tests/foundry/test_transport.py",
        test="test_the_kernel_gives_up_with_the_request",
        says="== 7000",
        why="as above, after minutes without a network",
    ),
)

"""Rebalances are counted by the generation that the brokers told."""

from __future__ import annotations

from pathlib import Path

from deploy.local.chaos.rebalances import rebalances

_JOINED = '{{"event": "Joined group \'a.group\' (generation {}) with member_id a-1"}}\n'


def test_the_highest_generation_of_all_members_counts(tmp_path: Path) -> None:
    first, second = tmp_path / "1.log", tmp_path / "2.log"
    first.write_text("".join(map(_JOINED.format, (2, 9))) + '{"event": "generation 99"}\n')
    second.write_text("".join(map(_JOINED.format, (10, 11))))
    assert rebalances([first, second]) == 11


def test_members_that_never_joined_made_none(tmp_path: Path) -> None:
    log = tmp_path / "1.log"
    log.write_text("Traceback\n")
    assert rebalances([log]) == 0

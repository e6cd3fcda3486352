"""What anybody may read: probes, metrics, status. Nothing is changed by it, and nothing is kept."""

from __future__ import annotations

import pytest

from consumer.admin import AdminConfig, Surface, serve
from consumer.errors import StartRefused
from tests.admin.asking import KeepingOperator, given, listening


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
async def test_a_probe_names_each_check_and_what_is_wrong_with_it(path: str) -> None:
    async with listening() as port:
        well = await port.ask("GET", path)
        port.checks["settling"] = "nothing settled for 90 s"
        ill = await port.ask("GET", path)

    assert (well.status, well.json) == (200, {"checks": {"loop": "", "settling": ""}})
    assert (ill.status, ill.headers["Content-Type"]) == (
        503,
        "application/problem+json; charset=utf-8",
    )
    assert ill.json["detail"] == "settling: nothing settled for 90 s"
    assert ill.json["checks"] == {"loop": "", "settling": "nothing settled for 90 s"}


async def test_each_probe_asks_its_own_checks() -> None:
    surface = Surface(
        live=lambda: {"loop": ""},
        ready=lambda: {"token": "none yet"},
        metrics=lambda accept: (b"", "text/plain"),
        status=dict,
        operator=KeepingOperator(),
    )
    async with listening() as port, serve(AdminConfig("127.0.0.1", 0, None, ()), surface) as other:
        port.number = other
        assert (await port.ask("GET", "/livez")).status == 200
        assert (await port.ask("GET", "/readyz")).status == 503


async def test_the_metrics_come_in_the_format_that_is_asked_for() -> None:
    async with listening() as port:
        answer = await port.ask("GET", "/metrics", headers={"Accept": "application/x"})

    assert (answer.status, answer.body) == (200, b"up 1\n")
    assert answer.headers["Content-Type"] == "text/plain; accept=application/x"


async def test_the_status_is_json() -> None:
    async with listening() as port:
        answer = await port.ask("GET", "/status")

    assert (answer.status, answer.json) == (200, {"gate": []})
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/status", "/nothing"])
async def test_no_answer_is_kept_or_guessed_at_or_tells_versions_or_may_be_read_by_a_page(
    path: str,
) -> None:
    async with listening() as port:
        answer = await port.ask("GET", path, headers={"Origin": "https://evil.example"})

    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Server"] == "foundry-consumer"
    assert not any(name.lower().startswith("access-control-") for name in answer.headers)


async def test_reading_changes_nothing_and_verbs_are_not_read() -> None:
    async with listening(given()) as port:
        for path in ("/livez", "/readyz", "/metrics", "/status"):
            assert (await port.ask("POST", path)).status == 405
            assert (await port.ask("OPTIONS", path)).status == 405
        for path in ("/pause", "/resume", "/partitions/tickets/3/skip?offset=41"):
            answer = await port.ask("GET", path)
            assert (answer.status, answer.headers["Allow"]) == (405, "POST")

        assert port.operator.told == []


async def test_a_port_that_is_taken_is_refused_with_a_remedy() -> None:
    async with listening() as port:
        config = AdminConfig("127.0.0.1", port.number, None, ())
        surface = Surface(dict, dict, lambda accept: (b"", ""), dict, KeepingOperator())

        with pytest.raises(StartRefused, match=rf"port {port.number} .*in use.*admin\.port"):
            async with serve(config, surface):
                pass


async def test_a_host_that_is_not_ours_is_refused() -> None:
    surface = Surface(dict, dict, lambda accept: (b"", ""), dict, KeepingOperator())

    with pytest.raises(StartRefused, match=r"192\.0\.2\.1 port 0 cannot be listened on"):
        async with serve(AdminConfig("192.0.2.1", 0, None, ()), surface):
            pass

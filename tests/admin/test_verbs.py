"""What an operator may do, who counts as one, and the line that it leaves in the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consumer.settings import Secret
from tests.admin.asking import HERE, STUCK_AT, TOKEN, given, listening
from tests.telemetry.values import logged

SKIP = f"/partitions/{HERE.topic}/{HERE.partition}/skip"
ANOTHER = "another-canary"
VERBS = ["/pause", "/resume", f"{SKIP}?offset={STUCK_AT}"]


async def test_pause_and_resume_do_it_and_say_what_is_closed_then() -> None:
    async with listening(given()) as port:
        paused = await port.ask("POST", "/pause", token=TOKEN)
        resumed = await port.ask("POST", "/resume", token=TOKEN)

    assert (paused.status, paused.json) == (200, {"gate": ["pause"]})
    assert (resumed.status, resumed.json) == (200, {"gate": ["pause", "resume"]})


async def test_a_skip_says_what_was_passed_over() -> None:
    async with listening(given()) as port:
        answer = await port.ask("POST", f"{SKIP}?offset={STUCK_AT}", token=TOKEN)

        assert port.operator.told == [f"skip {STUCK_AT}"]
    assert (answer.status, answer.json) == (200, {"skipped": "tickets/3: offset 41 skipped"})


@pytest.mark.parametrize(
    ("path", "status", "detail"),
    [
        (f"{SKIP}?offset=40", 409, "tickets/3 is held at offset 41, not at 40"),
        ("/partitions/tickets/4/skip?offset=41", 404, "tickets/4 is not assigned here now"),
        ("/partitions/others/3/skip?offset=41", 404, "others/3 is not assigned here now"),
    ],
)
async def test_a_skip_of_what_does_not_stand_there_says_what_would_be_right(
    path: str, status: int, detail: str
) -> None:
    async with listening(given()) as port:
        answer = await port.ask("POST", path, token=TOKEN)

    assert (answer.status, answer.json["detail"]) == (status, detail)
    assert answer.json["status"] == status


@pytest.mark.parametrize("path", VERBS)
async def test_without_a_token_in_the_settings_verbs_are_off(path: str) -> None:
    async with listening() as port:
        answers = [await port.ask("POST", path, token=token) for token in (None, "", "x")]

        assert port.operator.told == []
    assert {answer.status for answer in answers} == {403}
    assert "admin.token_file" in answers[0].json["detail"]


WRONG = {
    "none": None,
    "empty": "Bearer ",
    "only the scheme": "Bearer",
    "another": "Bearer wrong",
    "a beginning": f"Bearer {TOKEN[:-1]}",
    "more": f"Bearer {TOKEN}x",
    "another scheme": f"Basic {TOKEN}",
    "without a scheme": TOKEN,
    "no ASCII": "Bearer Kanarié",
}


@pytest.mark.parametrize("path", VERBS)
@pytest.mark.parametrize("header", WRONG.values(), ids=WRONG.keys())
async def test_only_the_right_token_is_let_in(path: str, header: str | None) -> None:
    async with listening(given()) as port:
        headers = {} if header is None else {"Authorization": header}
        answer = await port.ask("POST", path, headers=headers)

        assert port.operator.told == []
    assert answer.status == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in answer.body.decode()


async def test_two_authorization_headers_are_none() -> None:
    async with listening(given()) as port:
        line = f"Authorization: Bearer {TOKEN}"
        answer = await port.raw("POST /pause HTTP/1.1", "Host: localhost", line, line)

        assert port.operator.told == []
    assert answer.status in (400, 401)


async def test_a_token_in_the_query_is_none() -> None:
    async with listening(given()) as port:
        assert (await port.ask("POST", f"/pause?token={TOKEN}&access_token={TOKEN}")).status == 401


async def test_a_token_in_a_file_rotates_without_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}-1\n")
    async with listening(Secret("admin.token_file", path=path)) as port:
        first = await port.ask("POST", "/pause", token=f"{TOKEN}-1")
        (tmp_path / "next").write_text(f"{TOKEN}-2\n")
        os.replace(tmp_path / "next", path)  # noqa: PTH105 - as Kubernetes does it
        old = await port.ask("POST", "/pause", token=f"{TOKEN}-1")
        new = await port.ask("POST", "/resume", token=f"{TOKEN}-2")

    assert (first.status, old.status, new.status) == (200, 401, 200)


@pytest.mark.parametrize("content", [None, ""], ids=["missing", "empty"])
async def test_a_token_that_cannot_be_read_lets_nobody_in(
    tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_text(content)
    async with listening(Secret("admin.token_file", path=path)) as port:
        answer = await port.ask("POST", "/pause", token="")

        assert port.operator.told == []
    assert answer.status == 503
    assert "admin.token_file cannot be read" in answer.json["detail"]


async def test_whoever_fails_too_often_waits_and_others_do_not() -> None:
    async with listening(given()) as port:
        tried = [(await port.ask("POST", "/pause", token=ANOTHER)).status for _ in range(12)]
        right = await port.ask("POST", "/pause", token=TOKEN)
        reading = await port.ask("GET", "/livez")
        port.clock.now += 61
        later = await port.ask("POST", "/pause", token=TOKEN)

    assert tried == [401] * 10 + [429] * 2
    assert (right.status, right.headers["Retry-After"]) == (429, "61")
    assert reading.status == 200
    assert later.status == 200


async def test_requests_without_a_token_do_not_shut_out_who_has_one() -> None:
    """A page in an operator's browser can send them, from the operator's address."""
    async with listening(given()) as port:
        tried = [(await port.ask("POST", "/pause")).status for _ in range(12)]
        right = await port.ask("POST", "/pause", token=TOKEN)

    assert tried == [401] * 10 + [429] * 2
    assert right.status == 200


async def test_failures_now_and_then_shut_nobody_out() -> None:
    async with listening(given()) as port:
        for _ in range(30):
            assert (await port.ask("POST", "/pause", token=ANOTHER)).status == 401
            port.clock.now += 7


async def test_each_verb_leaves_a_line_that_says_who_did_what_and_what_came_of_it() -> None:
    async with listening(given()) as port:
        with logged() as lines:
            await port.ask("POST", "/pause", token=TOKEN, headers={"X-Actor": "ada"})
            await port.ask("POST", "/pause", token=ANOTHER)
            await port.ask("POST", f"{SKIP}?offset={STUCK_AT}", token=TOKEN)
            await port.ask("POST", f"{SKIP}?offset=7", token=TOKEN)
            await port.ask("POST", f"{SKIP}?offset=x", token=TOKEN)

    done, denied, skipped, refused, wrong = lines.of("operator")
    assert (done["verb"], done["outcome"], done["actor"]) == ("pause", "done", "ada")
    assert done["remote"] == "127.0.0.1"
    assert (denied["outcome"], "actor" in denied) == ("unauthorized", False)
    assert "***" not in denied["why"], "what looks like a credential is taken out of the log"
    assert (skipped["topic"], skipped["partition"], skipped["offset"]) == ("tickets", "3", "41")
    assert skipped["what"] == "tickets/3: offset 41 skipped"
    assert refused["outcome"] == "conflict"
    assert "is held at offset 41" in refused["why"]
    assert wrong["outcome"] == "bad request"
    assert all(line["time"] for line in lines.all)
    assert TOKEN not in lines.text
    assert ANOTHER not in lines.text


async def test_a_verb_that_fails_by_a_bug_leaves_its_line_as_well() -> None:
    async with listening(given()) as port:
        port.operator.bug = True
        with logged() as lines:
            answer = await port.ask("POST", f"{SKIP}?offset={STUCK_AT}", token=TOKEN)

    assert answer.status == 500
    assert "canary" not in answer.body.decode()
    (line,) = lines.of("operator")
    assert (line["verb"], line["outcome"]) == ("skip", "failed")


async def test_what_is_refused_for_its_number_is_not_a_line_each() -> None:
    async with listening(given()) as port:
        with logged() as lines:
            for _ in range(50):
                await port.ask("POST", "/pause", token=ANOTHER)

    assert len(lines.of("operator")) == 10


async def test_a_hostile_actor_stays_on_its_line() -> None:
    async with listening(given()) as port:
        with logged() as lines:
            actor = "ada\x85\u2028" + "x" * 5000
            await port.ask("POST", "/pause", token=TOKEN, headers={"X-Actor": actor})

    (line,) = lines.all
    assert len(line["actor"]) < 600
    assert line["actor"].isprintable()

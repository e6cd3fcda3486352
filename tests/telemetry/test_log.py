"""The log: a line an event, nothing hostile in it, no secret, no foreign chatter."""

from __future__ import annotations

import base64
import json
import logging
from urllib.parse import quote

import pytest

from consumer.errors import Unavailable
from consumer.telemetry.log import LONGEST_VALUE, escaped, say
from tests.telemetry.values import logged

LOG = logging.getLogger("consumer.somewhere")
HOSTILE = 'x\r\n{"level":"info"}\x1b[31m\u202e\u2028\ud800"'


def failing() -> None:
    try:
        dict[str, int]()["canary-value"]
    except KeyError as error:
        raise Unavailable("no broker answers") from error


def test_an_event_is_one_json_object_with_its_fields() -> None:
    with logged() as lines:
        say(LOG, logging.WARNING, "gate closed", scope="all", offset=3, empty=None)

    (line,) = lines.all
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "consumer.somewhere",
        "event": "gate closed",
        "scope": "all",
        "offset": 3,
    }


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_hostile_value_stays_on_its_line_and_moves_no_terminal(form: str) -> None:
    with logged(form="json" if form == "json" else "console") as lines:
        say(LOG, logging.INFO, "seen", event_id=HOSTILE)

    assert lines.text.count("\n") == 1
    assert lines.text.rstrip("\n").isprintable()


def test_even_the_decoded_value_has_no_control_character() -> None:
    with logged() as lines:
        say(LOG, logging.INFO, "seen", event_id=HOSTILE)

    assert lines.all[0]["event_id"].isprintable()


def test_a_long_value_is_cut_and_says_so() -> None:
    text = escaped("x" * 10_000)

    assert len(text) < LONGEST_VALUE + 30
    assert text.endswith("...(10000 characters)")


@pytest.mark.parametrize("secret", ["s3cr3t/+= ü", 'quo"te', "plain", '"'])
def test_a_known_secret_is_taken_out_in_every_form_it_travels_in(secret: str) -> None:
    forms = [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()]

    with logged(secrets=lambda: [secret]) as lines:
        for form in forms:
            say(LOG, logging.INFO, "sent", body=f"a {form} b")
            LOG.info("text %s", form)

    for line in lines.all:
        said = line.get("body", line["event"])
        assert "***" in said
        assert not any(form in said for form in forms)


def test_a_rotated_secret_is_known_at_once() -> None:
    secrets = ["old-secret"]
    with logged(secrets=lambda: secrets) as lines:
        say(LOG, logging.INFO, "before", text="old-secret new-secret")
        secrets.append("new-secret")
        say(LOG, logging.INFO, "after", text="old-secret new-secret")

    assert [line["text"] for line in lines.all] == ["*** new-secret", "*** ***"]


def test_a_bearer_token_is_taken_out_by_its_look() -> None:
    with logged() as lines:
        LOG.warning("headers: {'Authorization': 'Bearer eyJhbGciOi.J9-_x'}")

    assert "eyJ" not in lines.text
    assert json.loads(lines.text)["event"].endswith("'Bearer ***'}")


def test_a_foreign_exception_shows_where_and_not_what() -> None:
    """Its text may quote an event: only our own errors and the operating system's are quoted."""
    with logged() as lines:
        try:
            failing()
        except Unavailable:
            LOG.exception("stopped")

    outer, inner = lines.all[0]["error"]
    assert outer.startswith("Unavailable: no broker answers at telemetry/test_log.py:")
    assert inner.startswith("KeyError at telemetry/test_log.py:")
    assert "canary" not in lines.text


def test_foreign_libraries_are_not_heard_below_info() -> None:
    """The Kafka client writes passwords at debug, whatever level its own logger is set to."""
    foreign = logging.getLogger("aiokafka.conn")
    before = foreign.level
    with logged(level="debug") as lines:
        foreign.setLevel(logging.DEBUG)
        foreign.debug("SaslAuthenticateRequest_v1(sasl_auth_bytes=b'canary')")
        foreign.info("connected")
        LOG.debug("ours")
    foreign.setLevel(before)

    assert [line["event"] for line in lines.all] == ["connected", "ours"]


def test_the_console_form_is_for_the_eyes() -> None:
    with logged(form="console") as lines:
        say(LOG, logging.WARNING, "dead letter", topic="tickets", detail='two "words"')

    assert lines.text.endswith('warning dead letter topic=tickets detail="two \\"words\\""\n')

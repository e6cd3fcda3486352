"""What breaks law 9: a secret, or a value of an event, is told where it does not belong."""

from __future__ import annotations

from typing import Final

from tests.mutations.mutation import Mutation

SECRECY: Final = (
    Mutation(
        name="a record shows its value",
        law=9,
        file="consumer/model.py",
        old="    parameters: Sequence[bytes] = field(repr=False)\n",
        new="    parameters: Sequence[bytes]\n",
        suite="tests/secrecy/test_reprs.py",
        test="test_no_value_shows_what_the_event_holds",
        says="zz-mark",
        why="an exception's text, or a task's result, quotes the event in the log",
    ),
    Mutation(
        name="a foreign line quotes an error",
        law=9,
        file="consumer/telemetry/log.py",
        old="    if isinstance(value, BaseException):\n",
        new="    if isinstance(value, ConsumerError):\n",
        suite="tests/secrecy/test_unasked.py",
        test="test_a_foreign_line_names_an_error_by_its_class",
        says="zz-mark",
        why="a library that logs what it cannot decode writes the event into the log",
    ),
    Mutation(
        name="asyncio's debug mode is let through",
        law=9,
        file="consumer/telemetry/log.py",
        old='    return value.partition("(")[0] if isinstance(value, str)',
        new="    return value if isinstance(value, str)",
        suite="tests/secrecy/test_unasked.py",
        test="test_the_loop_tells_of_its_trouble_and_quotes_nothing",
        says="zz-mark",
        why="PYTHONASYNCIODEBUG=1, set to look for a fault, writes results into the log",
    ),
    Mutation(
        name="the loop tells of its trouble in its own way",
        law=9,
        file="consumer/telemetry/unasked.py",
        old='    what = str(context.get("message") or "").partition("(")[0]\n',
        new='    what = str(context.get("message") or "")\n',
        suite="tests/secrecy/test_unasked.py",
        test="test_the_loop_tells_of_its_trouble_and_quotes_nothing",
        says="zz-mark",
        why="a callback that fails writes its arguments into the log",
    ),
    Mutation(
        name="a crash is left to the interpreter",
        law=9,
        file="consumer/__main__.py",
        old="    except (Exception, BaseExceptionGroup) as error:",
        new="    except ImportError as error:",
        suite="tests/secrecy/test_unasked.py",
        test="test_a_crash_says_where_and_not_what",
        says="zz-mark|Kanarie7|bug",
        why="the traceback of a crash quotes the event that it was about",
    ),
    Mutation(
        name="a line that cannot be made shows its arguments",
        law=9,
        file="consumer/telemetry/log.py",
        old="    def handleError(self",
        new="    def handle_error(self",
        suite="tests/secrecy/test_unasked.py",
        test="test_a_line_that_cannot_be_made_is_told_by_its_place",
        says="not enough values to unpack|zz-mark",
        why="a library's slip in a log line prints the event to stderr",
    ),
    Mutation(
        name="a token is no secret to the log",
        law=9,
        file="consumer/settings/secret.py",
        old="        return frozenset((*self._seen, *self._tokens))\n",
        new="        return frozenset(self._seen)\n",
        suite="tests/settings/test_secrets.py",
        test="test_the_last_tokens_that_a_secret_got_are_secrets_too",
        says="token-9",
        why="a token that a broker or proxy sends back stands in the log",
    ),
)

"""Negative answers: problem details (RFC 9457), which never repeat a value that the caller sent."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from aiohttp import hdrs, web

from consumer.errors import ConsumerError

CONTENT_TYPE = "application/problem+json"


class Problem(ConsumerError):
    """A negative answer and its reason. `detail` is a sentence for people."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        checks: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers
        self.checks = checks
        """For a probe: each check with what is wrong, or an empty text."""

    def response(self) -> web.Response:
        """The HTTP response."""
        body: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
            "detail": self.detail,
        }
        if self.checks is not None:
            body["checks"] = dict(self.checks)
        return web.json_response(
            body, status=self.status, headers=self.headers, content_type=CONTENT_TYPE
        )


_ROUTES: Mapping[int, str] = {
    HTTPStatus.NOT_FOUND: "there is nothing at this path",
    HTTPStatus.METHOD_NOT_ALLOWED: "this path does not have this method: see the Allow header",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large: none is needed",
}


def from_router(failure: web.HTTPException) -> Problem:
    """The problem for a request that aiohttp itself refuses."""
    allow = failure.headers.get(hdrs.ALLOW)
    status = HTTPStatus(failure.status)
    return Problem(
        status,
        _ROUTES.get(status, status.description or status.phrase),
        headers=None if allow is None else {hdrs.ALLOW: allow},
    )

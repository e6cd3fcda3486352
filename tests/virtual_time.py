"""An asyncio event loop whose clock jumps to the next timer: hours pass in milliseconds, and nothing really sleeps."""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import random
from asyncio import base_events
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")

BUSY_STEPS = 200_000
"""So many steps at one instant are a loop that never waits."""

_main_ended = base_events._run_until_complete_cb  # type: ignore[attr-defined]  # typeshed hides it

START = 1_000.0
"""Not zero, so that a forgotten `0.0` does not look like now."""


class Stuck(AssertionError):
    """Nothing can ever happen again (deadlock), or nothing but busy steps (livelock)."""


class Overdue(AssertionError):
    """The virtual time limit has passed."""


class Host:
    """What a process runs on. Frozen, none of its steps is taken; thawed, it goes on where it stood."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.frozen = False
        self.held: list[asyncio.Handle] = []
        self.steps = 0
        self.alarm_at: int | None = None
        """Before this step `alarm` is called: a kill at any await is a kill at a number."""
        self.alarm: Callable[[], None] = _no_alarm
        self.context = contextvars.copy_context()
        self.context.run(_host.set, self)

    def due(self) -> bool:
        """One step is about to be taken: True if it may."""
        if self.frozen:
            return False
        self.steps += 1
        if self.steps == self.alarm_at:
            self.alarm()
        return not self.frozen


def _no_alarm() -> None:
    return None


_host: contextvars.ContextVar[Host | None] = contextvars.ContextVar("host", default=None)


class VirtualLoop(base_events.BaseEventLoop):
    """Has no sockets and no threads. With a seed, ready steps are taken in any order."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self, *, seed: int | None = None, until: float | None = None) -> None:
        super().__init__()
        self._now = START
        self._until = None if until is None else START + until
        self._order = None if seed is None else random.Random(seed)
        self._busy = 0
        self._hosts: list[Host] = []
        self._failure: BaseException | None = None
        self.ended = False
        """The verdict is spoken; what still runs is only tidied up."""
        self.set_exception_handler(_fail_loudly)

    def time(self) -> float:
        """Virtual seconds."""
        return self._now

    def fail(self, error: BaseException) -> None:
        """End the run with this error, whoever swallows it on its way up."""
        if self._failure is None and not self.ended:
            self._failure = error

    def host(self, name: str) -> Host:
        """A new host; tasks started with its context run on it, and so do their children."""
        host = Host(name)
        self._hosts.append(host)
        return host

    def thaw(self, host: Host) -> None:
        """Let it go on; what came due meanwhile happens now."""
        host.frozen = False
        self._ready.extend(host.held)
        host.held.clear()

    def thaw_all(self) -> None:
        """Before the end: what was killed is to be cancelled, too."""
        for host in self._hosts:
            host.alarm_at = None
            self.thaw(host)

    def end(self) -> None:
        """From here on nothing fails, so that what remains can be cancelled."""
        self.ended = True
        self._failure, self._until, self._busy = None, None, 0
        # The main coroutine may have ended in the very step that failed: its end would stop the tidying.
        self._ready = deque(
            handle
            for handle in self._ready
            if handle._callback is not _main_ended  # type: ignore[attr-defined]  # typeshed hides it
        )

    def _write_to_self(self) -> None:
        """Nobody sleeps in `select`, so nobody is woken."""

    def _run_once(self) -> None:
        # Stands in for the standard library's step of the same name: no select, a clock that jumps,
        # hosts that can be frozen, and an order of our choice.
        self._wake()
        steps = list(self._ready)
        self._ready.clear()
        if self._order is not None and len(steps) > 1:
            self._order.shuffle(steps)
        for index, handle in enumerate(steps):
            if not handle.cancelled():
                self._step(handle)
            if self._failure is not None:
                # What was due all the same: without it a task could not even be cancelled.
                self._ready.extendleft(reversed(steps[index + 1 :]))
                raise self._failure

    def _step(self, handle: asyncio.Handle) -> None:
        host = handle._context.get(_host)  # type: ignore[attr-defined]  # typeshed hides it
        if host is None or host.due():
            handle._run()
        else:
            host.held.append(handle)

    def _wake(self) -> None:
        scheduled = self._scheduled
        while scheduled and scheduled[0].cancelled():
            heapq.heappop(scheduled)
        self._busy += max(1, len(self._ready))
        if not self._ready:
            if not scheduled:
                raise Stuck(f"nothing is left to happen\n{self.dump()}")
            if scheduled[0].when() > self._now:
                self._busy = 0
                self._now = scheduled[0].when()
        if self._busy > BUSY_STEPS:
            raise Stuck(f"{BUSY_STEPS} steps and no time has passed\n{self.dump()}")
        if self._until is not None and self._now > self._until:
            raise Overdue(f"not done at {self._until - START:g} s\n{self.dump()}")
        while scheduled and scheduled[0].when() <= self._now:
            self._ready.append(heapq.heappop(scheduled))

    def dump(self) -> str:
        """Who waits where."""
        return "\n".join(f"  {task.get_name()}: {where(task)}" for task in asyncio.all_tasks(self))


def where(task: asyncio.Task[Any]) -> str:
    """The awaits that a task stands in, outermost first."""
    lines = [f"{frame.f_code.co_qualname}:{frame.f_lineno}" for frame in _frames(task.get_coro())]
    return " > ".join(lines) or "not begun"


def _frames(awaited: Any) -> Generator[Any, None, None]:
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None)
        if frame is None:
            return
        yield frame
        awaited = awaited.cr_await


def _fail_loudly(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    assert isinstance(loop, VirtualLoop)
    loop.fail(context.get("exception") or RuntimeError(str(context)))


def run(main: Coroutine[Any, Any, T], *, seed: int | None = None, until: float | None = None) -> T:
    """Run it to its end in virtual time.

    Args:
        main: the coroutine.
        seed: takes ready steps in an order drawn from it; None: first come, first served.
        until: virtual seconds that it may take.

    Raises:
        Stuck: a deadlock or a busy loop, with where each task stands.
        Overdue: not done at `until`.
    """
    loop = VirtualLoop(seed=seed, until=until)
    try:
        return loop.run_until_complete(main)
    finally:
        try:
            loop.end()
            _cancel_all(loop)
            loop.run_until_complete(loop.shutdown_asyncgens())
        finally:
            loop.close()


def _cancel_all(loop: VirtualLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return
    loop.thaw_all()
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))

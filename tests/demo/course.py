"""A demo's course that tests break: what was published, what took effect, and the letters."""

from __future__ import annotations

from dataclasses import dataclass, field

from deploy.local.demo.events import EQUIPMENT, Draft, Expectation, wanted
from deploy.local.demo.evidence import Effect, Evidence, Letter, Place, Published
from deploy.local.demo.oracle import Verdict, judge

KILLED_AT = 1000.0


def reading(number: int) -> Expectation:
    return wanted(("record-reading", {"equipment": "E-1", "runningMilliseconds": str(number)}))


def technician(number: int) -> Expectation:
    return wanted(("dispatch-technician", {"equipment": "E-1", "faultCode": f"F{number:03}"}))


@dataclass
class Course:
    """A demo in which all went well, until a test changes it."""

    published: list[Published] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    kills: list[float] = field(default_factory=list)

    def event(self, expect: Expectation, *, topic: str = EQUIPMENT, key: str = "E-1") -> Published:
        place = Place(topic, 0, len(self.published))
        event = Published(place, Draft(topic, key, b"value %d" % place.offset, (), expect))
        self.published.append(event)
        return event

    def effect(
        self, expect: Expectation, *, time: float = KILLED_AT - 1, action: int = 0
    ) -> Effect:
        want = expect.actions[action]  # type: ignore[union-attr]  # only what is applied has effects
        effect = Effect(len(self.effects) + 1, time, want.action, want.parameters)
        self.effects.append(effect)
        return effect

    def letter(self, event: Published, reason: str) -> Letter:
        draft = event.draft
        letter = Letter(event.place, reason, draft.key.encode(), draft.value)
        self.letters.append(letter)
        return letter

    def readings(self, count: int) -> list[Expectation]:
        expected = [reading(number) for number in range(count)]
        for each in expected:
            self.event(each)
            self.effect(each)
        return expected

    def verdict(self) -> Verdict:
        ends: dict[tuple[str, int], int] = {}
        for event in self.published:
            ends[event.place[:2]] = event.place.offset + 1
        return judge(
            Evidence(self.published, self.effects, self.letters, ends, self.kills, settle_time=2.0)
        )


def broken(verdict: Verdict) -> set[str]:
    return {name for name, examples in verdict.faults.items() if examples}

"""The driver: one queue, routes by type, one timer, and nothing that one message breaks reaches another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from softswitch.runtime.driver import Driver


@dataclass(frozen=True)
class Ping:
    number: int


@dataclass(frozen=True)
class Pong:
    number: int


@dataclass(frozen=True)
class Stranger:
    pass


class FakeHandle:
    def __init__(self, loop: FakeLoop, at: float, callback: Callable[[], None]) -> None:
        self.loop, self.at, self.callback = loop, at, callback

    def cancel(self) -> None:
        self.loop.timers.remove(self)


class FakeLoop:
    """The two things of an event loop that the driver uses."""

    def __init__(self) -> None:
        self.now = 10.0
        self.timers: list[FakeHandle] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], None]) -> FakeHandle:
        handle = FakeHandle(self, when, callback)
        self.timers.append(handle)
        return handle

    def run_until(self, end: float) -> None:
        while due := [each for each in self.timers if each.at <= end]:
            first = min(due, key=lambda each: each.at)
            self.timers.remove(first)
            self.now = max(self.now, first.at)
            first.callback()
        self.now = end


class Echo:
    """Answers Ping with Pong one second later, and breaks on the number 13."""

    def __init__(self) -> None:
        self.due: list[tuple[float, int]] = []
        self.depth = 0

    def handle(self, event: Any, now: float) -> list[Any]:
        assert event.number != 13
        assert self.depth == 0, "a core was entered while it was at work"
        self.depth += 1
        self.due.append((now + 1.0, event.number))
        self.depth -= 1
        return []

    def tick(self, now: float) -> list[Any]:
        out = [Pong(number) for at, number in self.due if at <= now]
        self.due = [each for each in self.due if each[0] > now]
        return out

    def next_deadline(self) -> float | None:
        return min((at for at, _ in self.due), default=None)


def made() -> tuple[FakeLoop, Driver, Echo, list[Any]]:
    loop, seen = FakeLoop(), []
    driver = Driver(loop)  # type: ignore[arg-type]
    echo = Echo()
    driver.add_core(echo, Ping)
    driver.add_effect(seen.append, Pong)
    return loop, driver, echo, seen


def test_a_timer_is_armed_for_the_earliest_deadline_and_answers_reach_the_effect() -> None:
    loop, driver, _, seen = made()
    driver.post(Ping(1))
    loop.now = 10.5
    driver.post(Ping(2))
    assert len(loop.timers) == 1
    loop.run_until(11.2)
    assert seen == [Pong(1)]
    loop.run_until(12.0)
    assert seen == [Pong(1), Pong(2)]
    assert loop.timers == []


def test_what_an_effect_posts_is_queued_not_nested() -> None:
    loop, driver, echo, _ = made()
    driver.add_effect(lambda pong: driver.post(Ping(pong.number + 1)) if pong.number < 5 else None, Pong)
    driver.post(Ping(1))
    loop.run_until(20.0)
    assert echo.due == []


def test_a_broken_invariant_stays_with_its_event() -> None:
    loop, driver, _, seen = made()
    driver.post(Ping(13))
    driver.post(Ping(2))
    loop.run_until(12.0)
    assert seen == [Pong(2)]
    assert driver.broken == 1


def test_a_message_without_a_route_is_counted() -> None:
    _, driver, _, _ = made()
    driver.post(Stranger())
    assert driver.unrouted == 1


def test_every_target_of_a_kind_hears_it_in_order() -> None:
    _, driver, _, _ = made()
    heard: list[str] = []
    driver.add_effect(lambda _: heard.append("first"), Stranger)
    driver.add_effect(lambda _: heard.append("second"), Stranger)
    driver.post(Stranger())
    assert heard == ["first", "second"]


def test_after_close_nothing_is_handled_and_no_timer_is_left() -> None:
    loop, driver, echo, seen = made()
    driver.post(Ping(1))
    driver.close()
    driver.post(Ping(2))
    loop.run_until(20.0)
    assert seen == []
    assert [number for _, number in echo.due] == [1]

"""The controller's side of the phones: starts `demo.phone` processes, gives them orders and waits for their events.

Every wait has a deadline and ends at the event, never at a guess: `expect` for signalling events, `hears_tone` and
`hears_prompt` for sounds in what the phone records while the call goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from softswitch.demo import listen

PHONE = ("-m", "softswitch.demo.phone")

_ORDER_SECONDS = 30.0
_LOOK_SECONDS = 0.1  # how often a growing recording is listened to


class PhoneTrouble(Exception):
    """The phone did not do what it was told, or what was expected did not happen in time."""


class Event(dict[str, Any]):
    """One event of a phone."""

    @property
    def at(self) -> float:
        return float(self["at"])


class Handset:
    """One phone process."""

    def __init__(self, name: str, directory: Path, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.directory = directory
        self.events: list[Event] = []
        self._process = process
        self._orders = 0
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._changed = asyncio.Condition()
        self._reader = asyncio.get_running_loop().create_task(self._read())

    async def _read(self) -> None:
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            message = json.loads(line)
            if "re" in message:
                waiting = self._replies.pop(message["re"], None)
                if waiting is not None and not waiting.done():
                    waiting.set_result(message)
            else:
                self.events.append(Event(message))
                async with self._changed:
                    self._changed.notify_all()
        for waiting in self._replies.values():
            if not waiting.done():
                waiting.set_exception(PhoneTrouble(f"the phone {self.name} is gone"))

    # ------------------------------------------------------------------ orders

    async def order(self, do: str, **details: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._orders += 1
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._replies[self._orders] = answered
        self._process.stdin.write(json.dumps({"id": self._orders, "do": do, **details}).encode() + b"\n")
        await self._process.stdin.drain()
        try:
            reply = await asyncio.wait_for(answered, _ORDER_SECONDS)
        except TimeoutError:
            raise PhoneTrouble(f"{self.name}: no answer to the order {do}") from None
        if not reply["ok"]:
            raise PhoneTrouble(f"{self.name}: {do}: {reply['error']}")
        return reply

    async def register(self, user: str, password: str, server: str, **details: Any) -> dict[str, Any]:
        """`status` of the reply is what the registrar finally said."""
        return await self.order(
            "account", user=user, password=password, domain=server, register=True, codecs="pcmu,pcma", **details
        )

    async def tone(self, hertz: int) -> None:
        await self.order("tone", hertz=hertz)

    async def answering(self, how: str) -> None:
        await self.order("answering", how=how)

    async def dial(self, to: str) -> None:
        await self.order("dial", to=to)

    async def press(self, keys: str) -> None:
        await self.order("press", keys=keys)

    async def hang_up(self, seconds: float = 5.0) -> Event:
        """Hang up and wait until the call is over at this phone; fine when it is over already."""
        mark = self.mark()
        with contextlib.suppress(PhoneTrouble):
            await self.order("hangup")
            return await self.expect("ended", after=mark, seconds=seconds)
        return Event(at=time.monotonic())

    # ------------------------------------------------------------------ events

    def mark(self) -> int:
        """A place in the list of events; pass it to `expect` to look only at what comes later."""
        return len(self.events)

    def since(self, mark: int, *words: str) -> list[Event]:
        return [event for event in self.events[mark:] if not words or event["event"] in words]

    def in_call(self) -> bool:
        moves = self.since(0, "incoming", "ringing", "talking", "ended")
        return bool(moves) and moves[-1]["event"] != "ended"

    async def expect(
        self, *words: str, after: int, seconds: float, where: Callable[[Event], bool] = lambda _: True
    ) -> Event:
        """The first event of these words after the mark, waiting at most `seconds`."""

        def found() -> Iterator[Event]:
            return (event for event in self.since(after, *words) if where(event))

        try:
            async with asyncio.timeout(seconds), self._changed:
                await self._changed.wait_for(lambda: next(found(), None) is not None)
        except TimeoutError:
            came = ", ".join(event["event"] for event in self.since(after)) or "nothing"
            raise PhoneTrouble(
                f"{self.name}: expected {' or '.join(words)} within {seconds:g} s, there came {came}"
            ) from None
        return next(found())

    # ------------------------------------------------------------------ what it hears

    def recording(self, after: int = 0) -> listen.Recording | None:
        """What the newest call (begun to be heard after the mark) has brought to the ear until now."""
        hearing = self.since(after, "hearing")
        if not hearing:
            return None
        return listen.Recording.read(Path(hearing[-1]["file"]), hearing[-1]["began"])

    async def hears_tone(self, hertz: int, *, after: int, since: float, seconds: float) -> listen.Heard:
        """Wait until this tone has been heard for 0.3 s at a stretch, counting from the time `since`."""

        def look(recording: listen.Recording) -> listen.Heard | None:
            return next(iter(listen.tone_spans(recording, hertz, since=since, at_least_seconds=0.3)), None)

        return await self._listen(look, f"a tone of {hertz} Hz", after, seconds)

    async def hears_prompt(
        self, prompt: listen.Prompt, *, after: int, since: float, seconds: float, part: float = 0.8
    ) -> listen.Heard:
        """Wait until `part` of this prompt has been heard."""

        def look(recording: listen.Recording) -> listen.Heard | None:
            heard = listen.find_prompt(recording, prompt, since=since)
            return heard if heard is not None and heard.share >= part else None

        return await self._listen(look, f"the prompt {prompt.name!r}", after, seconds)

    async def _listen(
        self, look: Callable[[listen.Recording], listen.Heard | None], what: str, after: int, seconds: float
    ) -> listen.Heard:
        deadline = time.monotonic() + seconds
        while True:
            recording = self.recording(after)
            heard = look(recording) if recording is not None else None
            if heard is not None:
                return heard
            if time.monotonic() > deadline:
                got = "no audio at all" if recording is None else listen.describe(recording)
                raise PhoneTrouble(f"{self.name}: {what} not heard within {seconds:.1f} s, but {got}")
            await asyncio.sleep(_LOOK_SECONDS)

    # ------------------------------------------------------------------ beginning and end

    async def has_started(self, seconds: float) -> bool:
        """False as soon as it has ended instead."""
        started = asyncio.create_task(self.expect("started", after=0, seconds=seconds))
        ended = asyncio.create_task(self._process.wait())
        await asyncio.wait({started, ended}, return_when=asyncio.FIRST_COMPLETED)
        for task in (started, ended):
            if not task.done():
                task.cancel()
        await asyncio.gather(started, ended, return_exceptions=True)
        return not started.cancelled() and started.exception() is None

    async def close(self) -> None:
        """End the process: politely, then firmly."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        for number in (0, signal.SIGTERM, signal.SIGKILL):  # 0: the closed input is word enough
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), 3.0)
                break
        await self._reader


_TRIES = 3
_START_SECONDS = 30.0


class Rack:
    """All phones of a run; none outlives it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.authorities: Path | None = None  # who signs the certificates that phones accept
        self._handsets: list[Handset] = []

    async def phone(self, name: str, *, port: int = 0, trace: bool = False, program: Sequence[str] = PHONE) -> Handset:
        """A phone process, ready for orders. `program`: another one that understands the same orders. One that ends
        before it has started, because somebody had its port in that moment, is started again."""
        for _ in range(_TRIES):
            handset = await self._start(name, port, trace, program)
            if await handset.has_started(_START_SECONDS):
                self._handsets.append(handset)
                return handset
            await handset.close()
        raise PhoneTrouble(f"{name} did not start; its log is {self.directory / name}.log")

    async def _start(self, name: str, port: int, trace: bool, program: Sequence[str]) -> Handset:
        arguments = ["--name", name, "--directory", str(self.directory), "--port", str(port)]
        if self.authorities is not None:
            arguments += ["--authorities", str(self.authorities)]
        if trace:
            arguments.append("--trace")
        with (self.directory / f"{name}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *program,
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C in the terminal is ours; the phone ends with its standard input
            )
        return Handset(name, self.directory, process)

    async def close(self) -> None:
        await asyncio.gather(*(handset.close() for handset in self._handsets))
        self._handsets.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

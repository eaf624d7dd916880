"""A telephone as a process of its own: the SIP stack of another maker (baresip), steered by JSON lines.

    python -m softswitch.demo.phone --name anna --directory DIR [--port N] [--rtp A-B] [--codec PCMU] [--trace]

One order per line on standard input, `{"id": 7, "do": "dial", "to": "sip:8000@127.0.0.1:5060"}`; each is answered by
one line on standard output, `{"re": 7, "ok": true, "at": 1234.5}`, and what happens at the phone comes between them as
events, `{"event": "incoming", "from": "...", "at": 1234.6}`. `at` is CLOCK_MONOTONIC, the same clock in every process
of this machine. Everything the phone hears in a call goes to DIR/NAME-CALL.pcm (16 bit, 8000 Hz, mono) as it comes,
one sample per 125 us of real time: where no packet came, silence is written. The phone ends, hanging up first, when
its standard input ends.

        idle --dial--> calling --answered--> talking --hangup or peer--> idle
        idle --incoming--> ringing --answer--> talking        ringing --reject / caller gone--> idle
"""

from __future__ import annotations

import argparse
import asyncio
import audioop
import contextlib
import json
import logging
import os
import re
import signal
import sys
import time
from array import array
from collections.abc import Awaitable, Callable
from math import pi, sin
from pathlib import Path
from typing import Any

import baresip
from baresip import Event, StackEvent

RATE = 8000
_FRAME_SECONDS = 0.02
_TALK_AHEAD_SECONDS = 0.06  # of tone queued before the sender
# A name that the stack does not know it passes over in silence, and offers all it has.
_CODECS = {"g722": "g722/16000/1", "opus": "opus/48000/2"}
_GAP_BYTES = 2 * RATE // 10  # 100 ms without audio is a gap, filled with silence
_STATUS = re.compile(r"^([1-6]\d\d)\b ?(.*)$")

_EVENT_WORDS = {
    Event.CALL_RINGING: "ringing",
    Event.CALL_PROGRESS: "early_media",
    Event.CALL_ESTABLISHED: "talking",
    Event.CALL_HOLD: "held",
    Event.CALL_RESUME: "resumed",
    Event.CALL_REMOTE_SDP: "sdp",
}


def tone_second(hertz: int, level: float, rate: int = RATE, channels: int = 1) -> bytes:
    """One second of a sine; whole hertz fit a second exactly, so it can be repeated without a click."""
    peak = level * 32767
    samples = (round(peak * sin(2 * pi * hertz * n / rate)) for n in range(rate))
    return array("h", (sample for sample in samples for _ in range(channels))).tobytes()


def split_reason(text: str | None) -> tuple[int, str]:
    """ "486 Busy Here" -> (486, "Busy Here"); a plain word of the stack -> (0, word)."""
    found = _STATUS.match(text or "")
    return (int(found[1]), found[2]) if found else (0, text or "")


class Hearing:
    """What the phone hears in one call, as a growing file on the real-time line."""

    def __init__(self, path: Path, began: float) -> None:
        self.path = path
        self.began = began
        self._file = path.open("wb", buffering=0)
        self._bytes = 0
        self._converting: Any = None  # what `audioop.ratecv` remembers

    def convert(self, pcm: bytes, rate: int, channels: int) -> bytes:
        """From the codec's samples to those of the file."""
        if channels == 2:
            pcm = audioop.tomono(pcm, 2, 0.5, 0.5)
        if rate != RATE:
            pcm, self._converting = audioop.ratecv(pcm, 2, 1, rate, RATE, self._converting)
        return pcm

    def hear(self, pcm: bytes, now: float) -> None:
        due = int((now - self.began) * RATE) * 2 - len(pcm)
        if due - self._bytes > _GAP_BYTES:
            self._file.write(bytes(due - self._bytes))
            self._bytes = due
        if pcm:
            self._file.write(pcm)
            self._bytes += len(pcm)

    def close(self) -> None:
        self._file.close()


class Mouth:
    """What the phone says: silence, or a tone without end."""

    def __init__(self) -> None:
        self._tone: tuple[int, float] = (0, 0.0)
        self._format = (RATE, 1)  # of the codec
        self._second = b""
        self._at = 0

    def set(self, hertz: int, level: float) -> None:
        self._tone = hertz, level
        self._second = tone_second(hertz, level, *self._format) if hertz else b""
        self._at = 0

    def speak(self, call: baresip.Call) -> None:
        if not self._second:
            return
        info = call.audio.info()
        if not info.tx_ready:
            return
        wanted = info.tx_sample_rate, info.tx_channels
        if wanted != self._format:
            self._format = wanted
            self.set(*self._tone)
        missing = int(_TALK_AHEAD_SECONDS * wanted[0]) * wanted[1] * 2 - info.tx_buffered
        while missing > 0:
            written = call.audio.write(self._second[self._at : self._at + missing])
            if not written:
                return
            self._at = (self._at + written) % len(self._second)
            missing -= written


class Phone:
    """One account, one call at a time."""

    def __init__(self, name: str, directory: Path, say: Callable[[dict[str, Any]], None]) -> None:
        self.name = name
        self._directory = directory
        self._say = say
        self._runtime = baresip.Runtime()
        self._account: baresip.UserAgent | None = None
        self._call: baresip.Call | None = None
        self._hearing: Hearing | None = None
        self._answering = "never"
        self._mouth = Mouth()
        self._early: list[StackEvent] | None = None  # while dialling: what comes before the call has its object
        self._calls = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self, config: baresip.Config) -> None:
        await self._runtime.start(config)
        self._runtime.subscribe(self._on_event)

    async def close(self) -> None:
        call = self._call
        if call is not None and call.state is not baresip.CallState.CLOSED:
            with contextlib.suppress(baresip.BaresipError):
                await call.hangup()
        self._end_hearing()
        await self._runtime.close()

    # ------------------------------------------------------------------ orders

    async def account(
        self,
        user: str,
        domain: str,
        password: str = "",
        transport: str = "udp",
        register: bool = False,
        codecs: str = "pcmu",
        dtmf: str = "rtpevent",
        expires: int = 600,
        extra: str = "",
    ) -> dict[str, Any]:
        """Become this subscriber; with `register`, say what the registrar finally answered. `extra`: more parameters
        of the stack's account, as mediaenc=srtp-mand;medianat=ice."""
        self._account = await baresip.UserAgent.create(
            self._runtime,
            baresip.Account(
                user=user,
                domain=domain,
                password=password,
                transport=transport,  # type: ignore[arg-type]
                audio_codecs=tuple(_CODECS.get(codec, codec) for codec in codecs.split(",")),
                dtmf_mode=dtmf,  # type: ignore[arg-type]
                reg_interval=expires if register else 0,
                extra_params=tuple(filter(None, extra.split(";"))),
            ),
        )
        self._account.on_incoming(self._on_incoming)
        if not register:
            return {}
        try:
            await self._account.register()
        except baresip.RegistrationError as error:
            return {"registered": False, "status": error.status or 0, "reason": error.reason or str(error)}
        return {"registered": True, "status": 200, "reason": "OK"}

    async def unregister(self) -> dict[str, Any]:
        await self._need_account().unregister()
        return {}

    async def answering(self, how: str) -> dict[str, Any]:
        """`at_once`, `reject` (486) or `never` (ring until the caller gives up or `answer` comes)."""
        if how not in ("at_once", "reject", "never"):
            raise ValueError(f"no such way of answering: {how}")
        self._answering = how
        return {}

    async def dial(self, to: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        if self._call is not None:
            raise RuntimeError("this phone is in a call")
        early: list[StackEvent] = []
        self._early = early
        try:
            call = await self._need_account().dial(to, headers=headers)
        finally:
            self._early = None
        self._take(call)
        # An answer can be quicker than the birth of the call's object, which then has not heard of it.
        for event in early:
            if event.call == call.handle:
                call._on_stack_event(event)
                self._on_event(event)
        return {"call": self._calls}

    async def answer(self) -> dict[str, Any]:
        await self._need_call().answer()
        return {}

    async def reject(self) -> dict[str, Any]:
        await self._need_call().reject()
        return {}

    async def hangup(self) -> dict[str, Any]:
        await self._need_call().hangup()
        return {}

    async def hold(self) -> dict[str, Any]:
        await self._when_settled(self._need_call().hold)
        return {}

    async def resume(self) -> dict[str, Any]:
        await self._when_settled(self._need_call().resume)
        return {}

    async def transfer(self, to: str) -> dict[str, Any]:
        """Blind (REFER); answered once the other side has told how it went."""
        await self._need_call().transfer(to, timeout=20.0)
        return {}

    async def press(self, keys: str) -> dict[str, Any]:
        await self._need_call().send_dtmf(keys)
        return {}

    async def tone(self, hertz: int, level: float = 0.25) -> dict[str, Any]:
        """What the phone's microphone picks up from now on; 0 Hz is silence."""
        self._mouth.set(hertz, level)
        return {}

    @staticmethod
    async def _when_settled(renegotiate: Callable[[], Awaitable[None]]) -> None:
        """RFC 3261 14.1: no re-INVITE while another is in progress; the stack says so, and we come again."""
        deadline = time.monotonic() + 10.0
        while True:
            try:
                return await renegotiate()
            except baresip.BaresipError as error:
                if "in flight" not in str(error) or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.05)

    # ------------------------------------------------------------------ the call

    def _need_account(self) -> baresip.UserAgent:
        if self._account is None:
            raise RuntimeError("this phone has no account yet")
        return self._account

    def _need_call(self) -> baresip.Call:
        if self._call is None:
            raise RuntimeError("this phone is not in a call")
        return self._call

    def _take(self, call: baresip.Call) -> None:
        self._call = call
        self._calls += 1
        call.on_dtmf(lambda digit: self._event("key", digit=digit.digit, milliseconds=digit.duration_ms))

    def _on_incoming(self, call: baresip.Call) -> None:
        self._take(call)
        self._event("incoming", call=self._calls, peer=call.peer or "")
        if self._answering == "at_once":
            self._spawn(call.answer())
        elif self._answering == "reject":
            self._spawn(call.reject())

    def _spawn(self, work: Awaitable[None]) -> None:
        async def quietly() -> None:
            try:
                await work
            except baresip.BaresipError as error:
                self._event("trouble", text=str(error))

        task = asyncio.get_running_loop().create_task(quietly())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _on_event(self, event: StackEvent) -> None:
        if self._early is not None:
            self._early.append(event)
            return
        call = self._call
        if call is None or event.call != call.handle:
            return
        word = _EVENT_WORDS.get(event.event)
        if word is not None:
            self._event(word, call=self._calls, text=event.text or "")
        elif event.event is Event.CALL_CLOSED:
            status, reason = split_reason(event.text)
            self._end_hearing()
            self._call = None
            self._event("ended", call=self._calls, status=status, reason=reason)

    def _event(self, word: str, **details: Any) -> None:
        self._say({"event": word, "at": time.monotonic(), **details})

    # ------------------------------------------------------------------ audio

    async def carry_audio(self) -> None:
        """Ears and mouth, every 20 ms, as long as the phone lives."""
        due = time.monotonic()
        while True:
            due = max(due + _FRAME_SECONDS, time.monotonic())
            call = self._call
            if call is not None:
                try:
                    self._hear(call)
                    self._mouth.speak(call)
                except (baresip.AudioNotActive, baresip.AudioRestarted):
                    pass  # no media yet, held, or renegotiated: the next round binds to the new stream
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _hear(self, call: baresip.Call) -> None:
        info = call.audio.info()
        if not info.rx_ready:
            return
        rate, channels = info.rx_sample_rate, info.rx_channels
        pcm = call.audio.read(rate * channels * 2)
        now = time.monotonic()
        if self._hearing is None:
            if not pcm:
                return
            path = self._directory / f"{self.name}-{self._calls}.pcm"
            self._hearing = Hearing(path, now - len(pcm) / 2 / rate / channels)
            self._event("hearing", call=self._calls, file=str(path), began=self._hearing.began)
        self._hearing.hear(self._hearing.convert(pcm, rate, channels), now)

    def _end_hearing(self) -> None:
        if self._hearing is not None:
            self._hearing.close()
            self._hearing = None


# ---------------------------------------------------------------------- the process

_ORDERS = (
    "account",
    "unregister",
    "answering",
    "dial",
    "answer",
    "reject",
    "hangup",
    "hold",
    "resume",
    "transfer",
    "press",
    "tone",
)


async def obey(phone: Phone, line: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Carry out one order and answer it; a bad order is answered, never fatal."""
    number = None
    try:
        order: dict[str, Any] = json.loads(line)
        number, word = order.pop("id", None), order.pop("do")
        if word not in _ORDERS:
            raise ValueError(f"no such order: {word}")
        result = await getattr(phone, word)(**order)
        say({"re": number, "ok": True, "at": time.monotonic(), **result})
    except Exception as error:  # whatever the stack or the line brings, the controller gets to know it
        say({"re": number, "ok": False, "at": time.monotonic(), "error": f"{type(error).__name__}: {error}"})


def say_line(message: dict[str, Any]) -> None:
    os.write(sys.stdout.fileno(), json.dumps(message).encode() + b"\n")


async def serve(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    extra = f"sip_transports udp,tcp,tls\naudio_jitter_buffer_type off\nrtp_ports {arguments.rtp}\n"
    if arguments.port:
        extra += f"sip_listen {arguments.host}:{arguments.port}\n"
    if arguments.authorities:
        extra += f"sip_cafile {arguments.authorities}\nsip_verify_server yes\n"
    phone = Phone(arguments.name, Path(arguments.directory), say_line)
    await phone.start(
        baresip.Config(
            net_interface=arguments.host,
            max_concurrent_calls=1,
            sip_trace=arguments.trace,
            native_log_level="debug" if arguments.trace else "warning",
            extra_config_text=extra,
        )
    )
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    audio = loop.create_task(phone.carry_audio())
    say_line({"event": "started", "at": time.monotonic(), "pid": os.getpid()})

    async def orders() -> None:
        async with asyncio.TaskGroup() as group:
            while line := await reader.readline():
                group.create_task(obey(phone, line.decode(), say_line))

    listening = loop.create_task(orders())
    stopping = loop.create_task(ended.wait())
    await asyncio.wait({listening, stopping}, return_when=asyncio.FIRST_COMPLETED)
    for task in (listening, stopping, audio):
        task.cancel()
    await phone.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="A SIP telephone steered by JSON lines on standard input.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--directory", required=True, help="where the recordings of what it hears go")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="SIP port; 0: any")
    parser.add_argument("--rtp", default="40000-49999", help="first and last RTP port")
    parser.add_argument("--authorities", default="", help="who signs the certificates of servers (PEM)")
    parser.add_argument("--trace", action="store_true", help="every SIP message to standard error")
    arguments = parser.parse_args()
    logging.basicConfig(stream=sys.stderr, level=logging.DEBUG if arguments.trace else logging.WARNING)
    with contextlib.suppress(BrokenPipeError):
        asyncio.run(serve(arguments))


if __name__ == "__main__":
    main()

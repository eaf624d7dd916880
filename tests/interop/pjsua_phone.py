"""A telephone of a third maker (pjsua2) as a process, steered by the same JSON lines as `softswitch.demo.phone`.

One process per phone, one thread, a null sound device; every object of the library is gone before the library is.
Run as a program: python pjsua_phone.py --name NAME --directory DIR --port N
"""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import time
from pathlib import Path
from typing import Any

import pjsua2 as pj

_TURN_MS = 10
_REGISTER_SECONDS = 10.0


# The library prints on standard output before its logging is configured; the controller reads there.
_OUT = os.dup(1)
os.dup2(2, 1)


def say(message: dict[str, Any]) -> None:
    os.write(_OUT, json.dumps(message).encode() + b"\n")


def event(word: str, **details: Any) -> None:
    say({"event": word, "at": time.monotonic(), **details})


class Account(pj.Account):  # type: ignore[misc]
    """Tells the phone about registrations and calls."""

    def __init__(self, phone: Phone) -> None:
        super().__init__()
        self.phone = phone
        self.status = 0
        self.reason = ""

    def onRegState(self, prm: Any) -> None:
        self.status, self.reason = prm.code, prm.reason

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self.phone, self, prm.callId)
        self.phone.calls += 1
        self.phone.call = call
        event("incoming", call=self.phone.calls, peer=call.getInfo().remoteUri)
        ringing = pj.CallOpParam()
        ringing.statusCode = {"at_once": 200, "reject": 486}.get(self.phone.answering, 180)
        call.answer(ringing)


class Buddy(pj.Buddy):  # type: ignore[misc]
    """Somebody whose presence is watched."""

    def onBuddyState(self) -> None:
        info = self.getInfo()
        event("buddy", there=info.presStatus.status == pj.PJSUA_BUDDY_STATUS_ONLINE, text=info.presStatus.statusText)


class Call(pj.Call):  # type: ignore[misc]
    """One call: its state, its audio, its keys."""

    def __init__(self, phone: Phone, account: Account, number: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(account, number)
        self.phone = phone
        self.recorder: Any = None

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        if info.state == pj.PJSIP_INV_STATE_EARLY and info.role == pj.PJSIP_ROLE_UAC:
            event("ringing", call=self.phone.calls)
        elif info.state == pj.PJSIP_INV_STATE_CONFIRMED:
            event("talking", call=self.phone.calls)
        elif info.state == pj.PJSIP_INV_STATE_DISCONNECTED:
            self.recorder = None
            self.phone.ended.append(self)
            event("ended", call=self.phone.calls, status=info.lastStatusCode, reason=info.lastReason)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # has to live as long as its list is looked at
        for media in info.media:
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            event("media", call=self.phone.calls, status=media.status)
            if media.status != pj.PJSUA_CALL_MEDIA_ACTIVE:
                continue
            audio = self.getAudioMedia(media.index)
            self.phone.tones.startTransmit(audio)
            if self.recorder is None:
                path = self.phone.directory / f"{self.phone.name}-{self.phone.calls}.wav"
                self.recorder = pj.AudioMediaRecorder()
                self.recorder.createRecorder(str(path))
                event("hearing", call=self.phone.calls, file=str(path), began=time.monotonic())
            audio.startTransmit(self.recorder)

    def onCallTransferStatus(self, prm: Any) -> None:
        event("transfer", status=prm.statusCode, final=bool(prm.finalNotify))
        prm.cont = not prm.finalNotify

    def onDtmfDigit(self, prm: Any) -> None:
        event("key", digit=prm.digit, milliseconds=prm.duration)


class Phone:
    """One account, one call at a time."""

    def __init__(self, name: str, directory: Path, port: int) -> None:
        self.name = name
        self.directory = directory
        self.calls = 0
        self.call: Call | None = None
        self.buddy: Buddy | None = None
        self.held: Call | None = None  # the first of two calls
        self.ended: list[Call] = []
        self.answering = "never"
        self.authorities = ""
        self.account_: Account | None = None
        self.endpoint = pj.Endpoint()
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.logConfig.level = 4
        config.logConfig.consoleLevel = 0
        config.logConfig.filename = str(directory / f"{name}.pjsua.log")
        config.medConfig.clockRate = config.medConfig.sndClockRate = 8000
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        self.endpoint.libInit(config)
        for kind in (pj.PJSIP_TRANSPORT_UDP, pj.PJSIP_TRANSPORT_TCP):
            transport = pj.TransportConfig()
            transport.port = port
            transport.boundAddress = transport.publicAddress = "127.0.0.1"
            self.endpoint.transportCreate(kind, transport)
        self.endpoint.libStart()
        self.endpoint.audDevManager().setNullDev()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith("PCM") else 0)
        self.tones = pj.ToneGenerator()
        self.tones.createToneGenerator(8000, 1)

    # ------------------------------------------------------------------ orders

    def account(
        self,
        user: str,
        domain: str,
        password: str = "",
        transport: str = "udp",
        register: bool = False,
        codecs: str = "pcmu",
        srtp: str = "",
        **_: Any,
    ) -> dict[str, Any]:
        wanted = codecs.upper().split(",")
        for codec, number in (("PCMU", "8000/1"), ("PCMA", "8000/1"), ("G722", "16000/1")):
            self.endpoint.codecSetPriority(f"{codec}/{number}", 255 - wanted.index(codec) if codec in wanted else 0)
        parameter = f";transport={transport}" if transport != "udp" else ""
        if transport == "tls":
            self._tls()
        config = pj.AccountConfig()
        config.idUri = f"sip:{user}@{domain}"
        config.mediaConfig.transportConfig.boundAddress = "127.0.0.1"
        config.mediaConfig.transportConfig.port = 40000
        config.mediaConfig.transportConfig.portRange = 9000
        if srtp:
            config.mediaConfig.srtpUse = {"optional": 1, "mandatory": 2}[srtp]
            config.mediaConfig.srtpSecureSignaling = 0  # keys may go over UDP here
            config.mediaConfig.srtpOpt.keyings.append(pj.PJMEDIA_SRTP_KEYING_SDES)
        if register:
            config.regConfig.registrarUri = f"sip:{domain}{parameter}"
        config.regConfig.timeoutSec = 120
        if transport != "udp":
            config.sipConfig.proxies.append(f"sip:{domain};transport={transport};lr")
        if password:
            config.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "*", user, 0, password))
        self.account_ = Account(self)
        self.account_.create(config)
        if not register:
            return {}
        deadline = time.monotonic() + _REGISTER_SECONDS
        while self.account_.status in (0, 100) and time.monotonic() < deadline:
            self.endpoint.libHandleEvents(_TURN_MS)
        status = self.account_.status
        return {"registered": status == 200, "status": status, "reason": self.account_.reason}

    def _tls(self) -> None:
        transport = pj.TransportConfig()
        transport.boundAddress = "127.0.0.1"
        transport.tlsConfig.CaListFile = self.authorities
        transport.tlsConfig.verifyServer = True
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_TLS, transport)

    def answering_(self, how: str) -> dict[str, Any]:
        self.answering = how
        return {}

    def dial(self, to: str) -> dict[str, Any]:
        self.calls += 1
        assert self.account_ is not None
        self.call = Call(self, self.account_)
        self.call.makeCall(to, pj.CallOpParam(True))
        return {"call": self.calls}

    def _now(self) -> Call:
        if self.call is None:
            raise RuntimeError("this phone is not in a call")
        return self.call

    def answer(self) -> dict[str, Any]:
        parameter = pj.CallOpParam()
        parameter.statusCode = 200
        self._now().answer(parameter)
        return {}

    def hangup(self) -> dict[str, Any]:
        self._now().hangup(pj.CallOpParam())
        return {}

    def hold(self) -> dict[str, Any]:
        self._now().setHold(pj.CallOpParam())
        return {}

    def resume(self) -> dict[str, Any]:
        parameter = pj.CallOpParam(True)
        parameter.opt.flag = pj.PJSUA_CALL_UNHOLD
        self._now().reinvite(parameter)
        return {}

    def transfer(self, to: str) -> dict[str, Any]:
        self._now().xfer(to, pj.CallOpParam(True))
        return {}

    def consult(self, to: str) -> dict[str, Any]:
        """A second call, the first on hold."""
        self.hold()
        self.held, self.call = self._now(), None
        return self.dial(to)

    def join(self) -> dict[str, Any]:
        """Attended transfer: the held one is joined with the other."""
        assert self.held is not None
        self.held.xferReplaces(self._now(), pj.CallOpParam(True))
        return {}

    def watch(self, who: str) -> dict[str, Any]:
        config = pj.BuddyConfig()
        config.uri, config.subscribe = who, True
        self.buddy = Buddy()
        self.buddy.create(self.account_, config)
        return {}

    def press(self, keys: str, method: str = "rtp") -> dict[str, Any]:
        parameter = pj.CallSendDtmfParam()
        parameter.digits = keys
        parameter.method = pj.PJSUA_DTMF_METHOD_SIP_INFO if method == "info" else pj.PJSUA_DTMF_METHOD_RFC2833
        self._now().sendDtmf(parameter)
        return {}

    def sound_keys(self, keys: str) -> dict[str, Any]:
        """As tones in the audio, 80 ms each."""
        self.tones.stop()
        digits = pj.ToneDigitVector()
        for key in keys:
            digit = pj.ToneDigit()
            digit.digit, digit.on_msec, digit.off_msec = key, 80, 80
            digits.append(digit)
        self.tones.playDigits(digits)
        return {}

    def tone(self, hertz: int) -> dict[str, Any]:
        self.tones.stop()
        if hertz:
            tone = pj.ToneDesc()
            tone.freq1, tone.freq2, tone.on_msec, tone.off_msec = hertz, 0, 1000, 0
            self.tones.play(pj.ToneDescVector([tone]), True)
        return {}

    # ------------------------------------------------------------------ life

    def turn(self) -> None:
        self.endpoint.libHandleEvents(_TURN_MS)
        while self.ended:  # the last reference: the library's call object goes here, outside of its callbacks
            gone = self.ended.pop()
            if gone is self.call:
                self.call, self.held = self.held, None
            elif gone is self.held:
                self.held = None
            del gone

    def close(self) -> None:
        self.endpoint.hangupAllCalls()
        deadline = time.monotonic() + 1.0
        while self.call is not None and time.monotonic() < deadline:
            self.turn()
        self.call = self.held = self.buddy = None
        self.ended.clear()
        if self.account_ is not None:
            self.account_.shutdown()
            self.account_ = None
        del self.tones
        self.endpoint.libDestroy()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--name", required=True)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--authorities", default="")
    arguments = parser.parse_args()
    phone = Phone(arguments.name, Path(arguments.directory), arguments.port)
    phone.authorities = arguments.authorities
    event("started", pid=os.getpid())
    rest = b""
    while True:
        phone.turn()
        if not select.select([0], [], [], 0)[0]:
            continue
        data = os.read(0, 65536)
        if not data:
            break
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            order = json.loads(line)
            number, word = order.pop("id"), order.pop("do")
            try:
                method = getattr(phone, "answering_" if word == "answering" else word)
                say({"re": number, "ok": True, "at": time.monotonic(), **method(**order)})
            except Exception as error:
                text = error.info() if isinstance(error, pj.Error) else str(error)
                say({"re": number, "ok": False, "at": time.monotonic(), "error": text})
    phone.close()
    os._exit(0)  # the library's own exit handlers find nothing left to do


if __name__ == "__main__":
    sys.exit(main())

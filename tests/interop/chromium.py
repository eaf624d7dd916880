"""A real browser with a real web phone (JsSIP) on a page of ours, steered over the browser's DevTools protocol.

JsSIP comes from npm when the test runs, into a cache directory of this user, and is bundled there by esbuild.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import ssl
import subprocess
import wave
from array import array
from itertools import count
from math import pi, sin
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

PACKAGES = ("jssip@3.13.8", "esbuild@0.25.12")
PAGE = """<!doctype html><title>phone</title><audio id="ear" autoplay></audio><script src="/jssip.js"></script><script>
const seen = [], pc = {iceServers: []}, media = {audio: true, video: false};
const ear = document.getElementById('ear'), sound = new AudioContext();
let agent, call, analyser, only = '';
function note(word) { seen.push(word); }
function listen(stream) {
  ear.srcObject = stream;
  analyser = new AnalyserNode(sound, {fftSize: 4096});
  sound.createMediaStreamSource(stream).connect(analyser);
}
function watch(connection) {
  connection.addEventListener('track', event => listen(event.streams[0]));
  connection.addEventListener('connectionstatechange', () => note('audio ' + connection.connectionState));
}
function reduced(sdp) {  // to the formats of `only`, a pattern like opus|telephone-event/48000
  const named = sdp.split('\\r\\n').map(line => line.match(/^a=rtpmap:(\\d+) (.*)/)).filter(found => found);
  const kept = named.filter(found => new RegExp(only).test(found[2])).map(found => found[1]);
  const dropped = named.map(found => found[1]).filter(number => !kept.includes(number));
  return sdp.split('\\r\\n')
    .filter(line => !dropped.some(number => line.match(`^a=(rtpmap|fmtp):${number} `)))
    .map(line => line.replace(/^(m=audio \\d+ \\S+).*/, '$1 ' + kept.join(' '))).join('\\r\\n');
}
function dial(number) { agent.call(`sip:${number}@127.0.0.1`, {mediaConstraints: media, pcConfig: pc}); }
function start(url, user, password) {
  const socket = new JsSIP.WebSocketInterface(url);
  agent = new JsSIP.UA({sockets: [socket], uri: `sip:${user}@127.0.0.1`, password: password, session_timers: false});
  agent.on('registered', () => note('registered'));
  agent.on('registrationFailed', event => note('registration failed: ' + event.cause));
  agent.on('newRTCSession', ({originator, session}) => {
    call = session;
    note(originator === 'remote' ? 'incoming' : 'outgoing');
    for (const word of ['confirmed', 'hold', 'unhold', 'ended', 'failed'])
      call.on(word, event => note(word + (event && event.originator ? ' by ' + event.originator : '')
        + (word === 'failed' ? ': ' + event.cause : '')));
    if (only) call.on('sdp', event => { if (event.originator === 'remote') event.sdp = reduced(event.sdp); });
    if (originator === 'remote') {
      call.on('peerconnection', ({peerconnection}) => watch(peerconnection));
      call.answer({mediaConstraints: media, pcConfig: pc});
    } else watch(call.connection);
  });
  agent.start();
}
function until(check, milliseconds) {
  const end = performance.now() + milliseconds;
  const look = done => {
    const value = check();
    if (value || performance.now() > end) done(value); else setTimeout(look, 50, done);
  };
  return new Promise(look);
}
function pitch() {
  if (!analyser) return [0, -200];
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  let best = 0;
  for (let n = 1; n < levels.length; n++) if (levels[n] > levels[best]) best = n;
  return [best * sound.sampleRate / analyser.fftSize, levels[best]];
}
</script>"""


class Trouble(Exception):
    """The browser cannot be had, or does not do what it should."""


def jssip() -> Path:
    """JsSIP as one file; fetched once. Trouble when it cannot be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "softswitch-tests" / "-".join(PACKAGES)
    script = cache / "jssip.js"
    if script.exists():
        return script
    if shutil.which("npm") is None:
        raise Trouble("npm is not installed (Debian: apt-get install npm)")
    cache.mkdir(parents=True, exist_ok=True)
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(cache), *PACKAGES]
    bundle = [
        *(str(cache / "node_modules/.bin/esbuild"), "jssip", "--bundle", "--format=iife", "--global-name=JsSIP"),
        *("--define:global=window", f"--outfile={script}.new"),
    ]
    for command in (install, bundle):
        done = subprocess.run(command, cwd=cache, capture_output=True, text=True, timeout=120)
        if done.returncode:
            raise Trouble(f"{command[0]}: {done.stderr[-500:]}")
    Path(f"{script}.new").rename(script)
    return script


def tone_file(path: Path, hertz: int) -> Path:
    """What the browser's microphone hears, over and over."""
    rate = 48_000
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(array("h", (round(8000 * sin(2 * pi * hertz * n / rate)) for n in range(2 * rate))).tobytes())
    return path


class Browser:
    """One page in one browser."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._numbers = count(1)
        self._process: asyncio.subprocess.Process | None = None
        self._close = contextlib.AsyncExitStack()
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    async def open(self, page: str, certificate: Path, key: Path, hertz: int) -> None:
        script = jssip()
        program = shutil.which("chromium")
        if program is None:
            raise Trouble("chromium is not installed (Debian: apt-get install chromium)")
        await self._serve(page, script, certificate, key)
        profile = self._directory / "profile"
        tone = tone_file(self._directory / "microphone.wav", hertz)
        self._process = await asyncio.create_subprocess_exec(
            *(program, "--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"),
            *(f"--user-data-dir={profile}", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
            *(f"--use-file-for-fake-audio-capture={tone}", "--autoplay-policy=no-user-gesture-required"),
            *("--ignore-certificate-errors", "--allow-loopback-in-peer-connection", "--disable-dev-shm-usage"),
            *("--no-first-run", "about:blank"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._close.push_async_callback(self._stop)
        async with asyncio.timeout(60):
            await self._attach(page)

    async def _serve(self, page: str, script: Path, certificate: Path, key: Path) -> None:
        app = web.Application()

        async def index(_: web.Request) -> web.Response:
            return web.Response(text=PAGE, content_type="text/html")

        async def library(_: web.Request) -> web.FileResponse:
            return web.FileResponse(script)

        app.add_routes([web.get("/", index), web.get("/jssip.js", library)])
        runner = web.AppRunner(app)
        await runner.setup()
        self._close.push_async_callback(runner.cleanup)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        host, _, port = page.removeprefix("https://").partition(":")
        await web.TCPSite(runner, host, int(port), ssl_context=context).start()

    async def _attach(self, page: str) -> None:
        assert self._process is not None
        assert self._process.stderr is not None
        found = None
        while found is None:  # "DevTools listening on ws://127.0.0.1:PORT/..."
            line = await self._process.stderr.readline()
            if not line:
                raise Trouble("chromium ended while it started")
            found = re.search(rb"DevTools listening on ws://([^/]+)/", line)
        self._rest = asyncio.create_task(self._process.stderr.read())  # or it would stop when the pipe is full
        session = await self._close.enter_async_context(aiohttp.ClientSession())
        async with session.get(f"http://{found[1].decode()}/json/list") as answer:
            tab = next(tab for tab in await answer.json() if tab["type"] == "page")
        self._socket = await session.ws_connect(tab["webSocketDebuggerUrl"], max_msg_size=0)
        await self._socket.send_json({"id": 0, "method": "Page.enable"})
        await self._socket.send_json({"id": 0, "method": "Page.navigate", "params": {"url": page}})
        async for message in self._socket:
            if json.loads(message.data).get("method") == "Page.loadEventFired":
                break
        if not await self.ask("typeof start === 'function' && typeof JsSIP === 'object'"):
            raise Trouble("the page does not load")

    async def _stop(self) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, 9)
        await self._process.wait()

    async def aclose(self) -> None:
        await self._close.aclose()

    async def ask(self, expression: str) -> Any:
        """The value of a JavaScript expression on the page."""
        assert self._socket is not None
        number = next(self._numbers)
        parameters = {"expression": expression, "awaitPromise": True, "returnByValue": True, "userGesture": True}
        await self._socket.send_json({"id": number, "method": "Runtime.evaluate", "params": parameters})
        async for message in self._socket:
            reply = json.loads(message.data)
            if reply.get("id") == number:
                result = reply.get("result", {})
                if "exceptionDetails" in result:
                    raise Trouble(f"{expression}: {result['exceptionDetails']}")
                return result.get("result", {}).get("value")
        raise Trouble("the browser is gone")

    async def until(self, expression: str, seconds: float = 20.0) -> Any:
        """Wait, on the page, until it is true."""
        value = await self.ask(f"until(() => {expression}, {seconds * 1000})")
        if not value:
            raise Trouble(f"not within {seconds:g} s: {expression}; seen {await self.ask('seen')}")
        return value

    async def hears(self, hertz: int, seconds: float = 20.0) -> None:
        """The loudest tone in the ear is this one (twice in a row, so that it is no remnant)."""
        for _ in range(2):
            await self.until(f"(([f, l]) => Math.abs(f - {hertz}) < 25 && l > -60)(pitch())", seconds)

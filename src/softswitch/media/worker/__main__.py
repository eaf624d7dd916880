"""`python -m softswitch.media.worker`: the media process.

It listens on the Unix socket PATH, says `ready` on stdout and serves the first connection; it ends when that
connection ends. With `--grace` it stays for so long afterwards, goes on with its legs, and serves whoever claims them
(`worker.line`). What keeps it from starting is one sentence on stdout and exit status 2.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import logging
import os
import random
import resource
import select
import signal
import socket
import sys
import time
from datetime import UTC, datetime

from softswitch.media.control import MediaEvent
from softswitch.media.messages import AllLegsFound, MediaSaid
from softswitch.media.worker import door
from softswitch.media.worker.answers import Answers
from softswitch.media.worker.carried import Carried
from softswitch.media.worker.channel import Channel
from softswitch.media.worker.dtls import Certificate
from softswitch.media.worker.keys import Keys
from softswitch.media.worker.line import Agreed, Line
from softswitch.media.worker.loop import MediaLoop
from softswitch.media.worker.mixer import Mixer
from softswitch.media.worker.music import Music
from softswitch.media.worker.pool import PortPool
from softswitch.media.worker.prompts import PromptLibrary
from softswitch.media.worker.recorder import Recorder
from softswitch.media.worker.relay import Clock, Relay
from softswitch.media.worker.report_desk import ReportDesk
from softswitch.media.worker.sockets import family
from softswitch.media.worker.switchboard import Switchboard

_CONNECT_SECONDS = 10.0
_MOST_LINES = 10_000  # of one round
_LONGEST_LINE = 4000  # with its traceback
_NICE = -10  # late audio is lost audio: ahead of whatever else uses the machine, where we may


class CannotStart(Exception):
    pass


def _port_range(text: str) -> tuple[int, int]:
    first, _, last = text.partition("..")
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no port range A..B")
    return int(first), int(last)


def _arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="softswitch.media.worker")
    parser.add_argument("--socket", required=True, help="Unix socket to listen on")
    parser.add_argument("--host", required=True, help="address of the RTP sockets")
    parser.add_argument("--ports", required=True, type=_port_range, help="A..B, of which the even ones are used")
    parser.add_argument("--prompts", required=True, help="directory of the <key>.ulaw files")
    parser.add_argument("--host6", default="", help="IPv6 address of the sockets of legs that need one")
    parser.add_argument("--dscp", type=int, default=0, help="mark of packets, 0 to 63")
    parser.add_argument(
        "--silence", type=float, default=30.0, help="seconds without RTP before it is reported as the end"
    )
    parser.add_argument("--alarm", type=float, default=0.0, help="and before it is reported for the first time")
    parser.add_argument("--quarantine", type=float, default=2.0, help="seconds a released port rests")
    parser.add_argument("--grace", type=float, default=0.0, help="seconds that calls go on without the switch")
    parser.add_argument("--fingerprint", default="", help="what a switch that claims this process has to say")
    parser.add_argument("--dtls", action="store_true", help="make a certificate, for browsers")
    return parser.parse_args(argv)


def _listen(path: str) -> socket.socket:
    try:
        listener = door.listen(path)
    except OSError as error:
        raise CannotStart(f"cannot listen on {path}: {error.strerror}") from error
    print("ready", flush=True)
    return listener


def _accept(listener: socket.socket, path: str) -> socket.socket:
    """The only connection there will be."""
    listener.settimeout(_CONNECT_SECONDS)
    try:
        connection, _ = listener.accept()
    except TimeoutError as error:
        raise CannotStart("nobody connected") from error
    finally:
        listener.close()
        os.unlink(path)
    return connection


def _check_host(host: str) -> None:
    with socket.socket(family(host), socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise CannotStart(f"media address {host} cannot be used: {error.strerror or error}") from error


def furnish(board: Switchboard, relay: Relay) -> None:
    """With all departments."""
    sound = Keys(board, relay), Answers(board, relay), Mixer(board, relay), Recorder(relay, board.events)
    for department in (*sound, Music(board)):
        board.departments.join(department)


def serve(options: argparse.Namespace) -> None:
    _check_host(options.host)
    if options.host6:
        _check_host(options.host6)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, _NICE)
    listener = _listen(options.socket)
    connection = None if options.grace else _accept(listener, options.socket)
    clock = Clock(time.monotonic())
    epoll = select.epoll()
    relay = Relay(clock)
    first, last = options.ports
    pool = PortPool(options.host, first, last, options.quarantine, options.dscp, options.host6)
    prompts = PromptLibrary(options.prompts)
    certificate = Certificate(datetime.fromtimestamp(time.time(), UTC)) if options.dtls else None
    bits = random.SystemRandom().getrandbits
    board = Switchboard(epoll, relay, pool, prompts, options.silence, bits, certificate, options.alarm)
    furnish(board, relay)
    board.departments.join(ReportDesk(board.legs, pool, clock))
    agreed = Agreed(options.fingerprint, options.grace, _CONNECT_SECONDS)
    line = Line(epoll, Carried(board, options.ports), agreed, listener if options.grace else None, clock.now)
    if connection is not None:
        line.serve(Channel(connection))
        board.events += [*board.own_certificate(*options.ports), AllLegsFound(*options.ports)]  # there is none yet
        board.refill(clock.now, first=True)
    else:
        _outlive(line, board)
    loop = MediaLoop(line, epoll, clock, relay, board)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
    loop.run()
    if options.grace:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(options.socket)


def _outlive(line: Line, board: Switchboard) -> None:
    """Nothing that belongs to the switch is held any longer: its terminal, its pipes. What there is to say is said
    over the line; what breaks Python itself is written to where stderr was led."""

    def end(number: int, frame: object) -> None:
        line.asked_to_end = True  # obeyed only while there is no switch

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
    logging.getLogger().handlers = [Telling(board.events)]


class Telling(logging.Handler):
    """Log lines are events for the switch."""

    def __init__(self, events: list[MediaEvent]) -> None:
        super().__init__()
        self._events = events

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._events) < _MOST_LINES:
            self._events.append(MediaSaid(record.levelno, self.format(record)[:_LONGEST_LINE]))


def main() -> int:
    options = _arguments(sys.argv[1:])
    # matrices of a few frames are no work for threads; read when numpy is loaded, with the first wide-band codec
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    logging.basicConfig(level=logging.INFO, format="media: %(message)s", stream=sys.stderr)
    # the switch decides when audio ends: by closing the connection, after its own calls are over
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        serve(options)
    except CannotStart as error:
        print(error, flush=True)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

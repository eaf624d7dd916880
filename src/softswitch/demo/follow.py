"""After the story: the line stays open, tells how to join with one's own softphone, and calls are followed live."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from typing import Any

import aiohttp
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from softswitch.demo.gateway import HOST as GATEWAY_HOST
from softswitch.demo.gateway import Gateway
from softswitch.demo.phones import PhoneTrouble
from softswitch.demo.scene import Scene

_REFRESH_SECONDS = 0.5


def invitation(scene: Scene) -> RenderableType:
    """How to take part."""
    switch, codes = scene.switch, scene.voice.settings.call.codes
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column()
    for row in (
        ("The line is open until Ctrl-C.", ""),
        ("", ""),
        ("Answer as Anna", "register a softphone of your own (UDP or TCP, no TLS):"),
        ("  user", scene.anna.user),
        ("  password", scene.passwords[scene.anna.id]),
        ("  server, domain", f"{switch.sip}"),
        ("  she dials", f"{codes.take_break} break, {codes.ready} ready, {codes.log_out} home, {codes.log_in} back"),
        ("", ""),
        ("Call as a customer", "press Enter here: customer A calls the bank; or, from a softphone without account,"),
        ("  dial", f"sip:{scene.voice.number}@{GATEWAY_HOST}:{switch.ports.gateway}   (through the demo's gateway)"),
        ("", f"the menu's key {scene.voice.key_to_queue()} leads to a person"),
        ("", ""),
        ("Look", f"http://{switch.http}/api/v1/calls  .../agents  .../queues  .../registrations  /metrics"),
        ("", f"softswitch agents --url http://{switch.http}"),
    ):
        grid.add_row(*(Text(word) for word in row))
    return grid


async def floor(scene: Scene) -> RenderableType:
    """Agents and calls now."""
    agents = Table(title="agents", title_justify="left", title_style="bold", box=None)
    for column in ("who", "state", "for", "reason", "talks to"):
        agents.add_column(column)
    for row in await scene.switch.look("agents"):
        agents.add_row(*_cells(row, "name", "state", "state_seconds", "reason", "talking_to"))
    calls = Table(title="calls", title_justify="left", title_style="bold", box=None)
    for column in ("caller", "dialled", "state", "for", "queue", "agent", "sticky"):
        calls.add_column(column)
    for row in await scene.switch.look("calls"):
        calls.add_row(*_cells(row, "caller", "dialled", "state", "state_seconds", "queue", "agent", "sticky"))
    return Group(agents, Text(), calls)


def _cells(row: dict[str, Any], *names: str) -> list[Text]:
    values = (row.get(name) for name in names)
    return [Text(f"{value:.0f} s" if isinstance(value, float) else str(value or "")) for value in values]


async def _people(scene: Scene) -> None:
    """Mart and Li answer by themselves; Anna's phone is free for the guest's."""
    for agent in (scene.mart, scene.li):
        await agent.phone.answering("at_once")
    with contextlib.suppress(PhoneTrouble):
        await scene.anna.phone.order("unregister")


async def _calls_on_enter(scene: Scene) -> None:
    """Enter on the terminal: A calls (or hangs up)."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop.add_reader(sys.stdin, lambda: lines.put_nowait(sys.stdin.readline()))
    try:
        while await lines.get():
            with contextlib.suppress(PhoneTrouble):
                reply = await scene.a.phone.hang_up(2) if scene.a.phone.in_call() else None
                if reply is None:
                    await scene.dial_in(scene.a, scene.voice.key_to_queue())
    finally:
        loop.remove_reader(sys.stdin)


async def follow(scene: Scene, gateway: Gateway, console: Console) -> None:
    """Until Ctrl-C."""
    loop, enough = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, enough.set)
    gateway.learn = True
    await _people(scene)
    console.print(invitation(scene))
    keys = asyncio.create_task(_calls_on_enter(scene)) if sys.stdin.isatty() else None
    try:
        with Live(console=console, auto_refresh=False, transient=True) as live:
            while not enough.is_set():
                with contextlib.suppress(aiohttp.ClientError, OSError):
                    live.update(await floor(scene), refresh=True)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(enough.wait(), _REFRESH_SECONDS)
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        if keys is not None:
            keys.cancel()

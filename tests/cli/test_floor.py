"""agents, queues and calls against a running API, as an operator types them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from softswitch.cli.floor import as_table, duration, plain
from softswitch.web.server import start_http


async def test_agents(cli: Any, url: str) -> None:
    seen = await cli("agents", "--url", url)
    assert (seen.status, seen.err) == (0, "")
    assert seen.out.split() == [
        *("agent", "name", "state", "for", "left", "with", "phone", "reason"),
        *("anna", "Anna", "Tamm", "suspended", "0:05", "registered", "did", "not", "answer"),
    ]


async def test_phones(cli: Any, url: str) -> None:
    seen = await cli("phones", "--url", url, COLUMNS="120")
    assert seen.out.split() == [
        *("agent", "by", "from", "through", "answers", "left", "phone"),
        *("anna", "wss", "x2", "[2001:db8::7]:5062", "sip:edge.example;lr", "no", "4:40", "JsSIP"),
    ]


async def test_queues_fit_a_terminal(cli: Any, url: str) -> None:
    seen = await cli("queues", "--url", url)
    heading, row = seen.out.splitlines()
    assert heading.split() == [
        "queue",
        "waiting",
        "longest",
        "ready",
        "talking",
        "offered",
        "answered",
        "abandoned",
        "level",
    ]
    assert row.split() == ["everyday", "2", "1:05", "3", "4", "12", "8", "3", "70", "%", "(80/20)"]


async def test_calls_from_the_environment(cli: Any, url: str) -> None:
    seen = await cli("calls", SOFTSWITCH_URL=url)
    assert "+3725550001" in seen.out
    assert "talking" in seen.out
    assert "1:15" in seen.out


async def test_numbers_stay_in_one_piece(cli: Any, url: str, floor: Any) -> None:
    for command in ("calls", "promises"):
        seen = await cli(command, "--url", url, COLUMNS="72")
        assert "+3725550001" in seen.out and max(map(len, seen.out.splitlines()[:-1])) <= 72
    assert str(1 << 60) in (await cli("calls", "--url", url, COLUMNS="72")).out
    floor.caller = "9" * 64
    assert max(map(len, (await cli("calls", "--url", url, COLUMNS="72")).out.splitlines())) <= 72


async def test_json_is_what_the_api_says(cli: Any, url: str) -> None:
    seen = await cli("calls", "--url", url, "--json")
    (call,) = json.loads(seen.out)["calls"]
    assert (call["call"], call["state"], call["agent"]) == (str(1 << 60), "talking", "anna")


async def test_what_callers_send_moves_no_cursor(cli: Any, url: str, floor: Any) -> None:
    floor.caller = "\x1b[2J\x07[red]1"
    seen = await cli("calls", "--url", url)
    assert "\x1b" not in seen.out
    assert "\x07" not in seen.out
    assert "[red]" in seen.out, "shown as it is, not taken for markup"


async def test_agents_are_set(cli: Any, url: str, floor: Any) -> None:
    seen = await cli("agents", "--url", url, "--set", "anna=ready", "--set", "anna=break:long lunch")
    assert seen.status == 0
    assert "anna" in seen.out
    assert [(agent, action.value, reason) for agent, action, reason in floor.orders] == [
        ("anna", "ready", ""),
        ("anna", "break", "long lunch"),
    ]


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ("anna", "write it like anna=ready"),
        ("=ready", "write it like anna=ready"),
        ("nobody=ready", "no agent 'nobody'"),
        ("anna=dance", "known are ready, break, login, logout"),
        ("../x=ready", "There is no"),
    ],
)
async def test_an_order_that_cannot_be(cli: Any, url: str, order: str, says: str) -> None:
    seen = await cli("agents", "--url", url, "--set", order)
    assert seen.status == 2
    assert says in seen.sentence()


async def test_a_refused_order(cli: Any, url: str, floor: Any) -> None:
    floor.refusal = "Her phone is not registered."
    seen = await cli("agents", "--url", url, "--set", "anna=ready")
    assert (seen.status, seen.sentence()) == (2, "Her phone is not registered.")


async def test_waiting_callers_are_moved(cli: Any, url: str, floor: Any) -> None:
    call = 1 << 60
    seen = await cli("calls", "--url", url, "--move", f"{call}=everyday", "--move", f"{call}=front")
    assert (seen.status, seen.err) == (0, "")
    assert [(queue, by) for _, queue, by in floor.moved] == [("everyday", "a supervisor"), (None, "a supervisor")]


@pytest.mark.parametrize(
    ("order", "says"),
    [("17", "write it like"), ("17=front", "no call '17'"), (f"{1 << 60}=nowhere", "no queue 'nowhere'")],
)
async def test_a_move_that_cannot_be(cli: Any, url: str, order: str, says: str) -> None:
    seen = await cli("calls", "--url", url, "--move", order)
    assert seen.status == 2
    assert says in seen.sentence()


@pytest.mark.parametrize("command", ["agents", "queues", "calls"])
async def test_nobody_answers(cli: Any, free_port: Callable[[], int], command: str) -> None:
    seen = await cli(command, "--url", f"http://127.0.0.1:{free_port()}")
    assert seen.status == 2
    assert "No switch answers at http://127.0.0.1:" in seen.sentence()


@pytest.mark.parametrize("bad", ["127.0.0.1:8060", "ftp://127.0.0.1", "http://", "file:///etc/passwd"])
async def test_an_address_that_is_none(cli: Any, bad: str) -> None:
    seen = await cli("calls", "--url", bad)
    assert seen.status == 2
    assert "is no address of a switch" in seen.sentence()


@pytest.mark.parametrize("body", ["hello", "[]", '{"other": 1}', '{"calls": 7}', '{"calls": [{"call": "1"}]}'])
async def test_something_else_answers(cli: Any, body: str) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_get("/{anything:.*}", answer)
    server = await start_http(app, "127.0.0.1", 0)
    seen = await cli("calls", "--url", f"http://127.0.0.1:{server.port}")
    await server.close()
    assert seen.status == 2
    assert "is not a switch" in seen.sentence()


async def test_a_proxy_is_never_asked(cli: Any, url: str) -> None:
    seen = await cli("calls", "--url", url, http_proxy="http://127.0.0.1:1", HTTP_PROXY="http://127.0.0.1:1")
    assert seen.status == 0


@pytest.mark.parametrize("extra", [[], ["--json"]])
async def test_watching_until_ctrl_c(url: str, floor: Any, extra: list[str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "softswitch", "calls", "--url", url, "--watch", *extra),
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    if extra:
        for _ in range(2):
            assert json.loads(await process.stdout.readline())["calls"]
    else:
        async with asyncio.timeout(20):
            await floor.watched.wait()
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 5.9, 65, 3600, 36_061, -1, None)] == [
        "0:00", "0:05", "1:05", "1:00:00", "10:01:01", "0:00", "0:00",
    ]  # fmt: skip


def test_plain() -> None:
    assert plain("Õie 王 +372\t\x1b\u202e") == "Õie 王 +372\ufffd\ufffd\ufffd"


def test_trunks_show_what_they_carry() -> None:
    row = {
        "trunk": "pstn",
        "host": "sip.carrier.example",
        "state": "up",
        "registration": "registered",
        "calls": 3,
        "max_calls": 30,
        "calls_per_second": 1.0,
        "most_per_second": 5.0,
        "refused": 2,
        "addresses": ["udp:192.0.2.10:5060", "tcp:192.0.2.11:5061"],
        "problem": "",
    }
    down = {**row, "trunk": "b\x1b[2J", "state": "down", "most_per_second": None, "problem": "x.example has no address"}
    console = Console(width=200, file=StringIO())
    console.print(as_table("trunks", [row, down]))
    shown = console.file.getvalue()  # type: ignore[attr-defined]
    assert "3/30" in shown and "1/5" in shown and "udp:192.0.2.10:5060 tcp:192.0.2.11:5061" in shown
    assert "x.example has no address" in shown and "\x1b" not in shown


def test_a_column_shows_who_is_recorded_when_somebody_is() -> None:
    row = {
        "call": "1", "caller": "+372", "dialled": "8000", "state": "talking", "state_seconds": 1.0, "queue": None,
        "agent": None, "sticky": "",
    }  # fmt: skip
    rows = [{**row, "recording": word} for word in ("off", "on", "paused")]
    assert "rec" not in [str(each.header) for each in as_table("calls", rows[:1]).columns]
    assert "rec" not in [str(each.header) for each in as_table("calls", [row]).columns]
    (column,) = (each for each in as_table("calls", rows).columns if str(each.header) == "rec")
    assert list(map(str, column.cells)) == ["off", "on", "paused"]

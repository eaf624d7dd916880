"""The HTTP API over a real listener."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import aiohttp
import pytest

from softswitch.call.errors import StartError
from softswitch.web.app import MAX_BODY_BYTES, make_app
from softswitch.web.server import HttpServer, start_http
from softswitch.web.views import AgentAction, HealthStatus, HealthView

LARGE = 1_887_436_800_000_017


async def get(client: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with client.get(path) as answer:
        assert answer.status == status
        assert answer.content_type == "application/json"
        return await answer.json()


# ------------------------------------------------------------------ pictures


async def test_calls(client: aiohttp.ClientSession) -> None:
    talking, in_menu = (await get(client, "/api/v1/calls"))["calls"]
    assert talking == {
        "call": str(LARGE), "interaction": str(LARGE + 1), "state": "talking", "caller": "+3725550001",
        "dialled": "8000", "queue": "everyday", "agent": "anna", "state_seconds": 12.346, "call_seconds": 40.0,
        "sticky": "direct", "notes": [], "identity": "",
        "forwarded_from": "", "caller_as_sent": "", "audio": "", "silent": "", "recording": "off",
    }  # fmt: skip
    assert (in_menu["interaction"], in_menu["queue"], in_menu["agent"]) == (None, None, None)


async def test_queues_with_the_formula_beside_the_number(client: aiohttp.ClientSession) -> None:
    document = await get(client, "/api/v1/queues")
    everyday, night = document["queues"]
    assert document["service_level_formula"] == "answered_within / (offered - abandoned_short)"
    assert everyday["service_level_percent"] == 70.0  # 7 / (12 - 2)
    assert (everyday["waiting"], everyday["longest_wait_seconds"], everyday["agents_talking"]) == (2, 17.5, 1)
    assert night["service_level_percent"] is None


async def test_agents(client: aiohttp.ClientSession) -> None:
    anna, mart = (await get(client, "/api/v1/agents"))["agents"]
    assert anna == {
        "agent": "anna", "name": "Anna Tamm", "state": "talking", "reason": "", "state_seconds": 12.0,
        "registered": True, "talking_to": "+3725550001", "queues": ["everyday"],
        "left_seconds": None, "calls": 0, "talk_share": None, "sticky_share": None,
        "on_duty_seconds": 0.0, "chats": 0, "chats_at_most": 0,
        "chats_served": 0, "chat_share": None,
    }  # fmt: skip
    assert (mart["state"], mart["reason"], mart["registered"]) == ("suspended", "did not answer", False)


async def test_registrations(client: aiohttp.ClientSession) -> None:
    (one,) = (await get(client, "/api/v1/registrations"))["registrations"]
    assert (one["agent"], one["remote"], one["expires_seconds"]) == ("anna", "192.0.2.7:5062", 280.0)


@pytest.mark.parametrize(
    ("health", "status"),
    [
        (HealthView(HealthStatus.OK, (), 12.5), 200),
        (HealthView(HealthStatus.DEGRADED, ("The database is away: connection refused.",), 12.5), 200),
        (HealthView(HealthStatus.STARTING, (), 0.1), 503),
        (HealthView(HealthStatus.STOPPING, ("Waiting for 2 calls to end.",), 90.0), 503),
    ],
)
async def test_health(client: aiohttp.ClientSession, floor: Any, health: HealthView, status: int) -> None:
    floor.health_now = health
    document = await get(client, "/healthz", status)
    assert document == {
        "status": health.status.value,
        "reasons": list(health.reasons),
        "up_seconds": health.up_seconds,
    }


# ------------------------------------------------------------------ orders


@pytest.mark.parametrize("action", list(AgentAction))
async def test_an_agent_is_set(client: aiohttp.ClientSession, floor: Any, action: AgentAction) -> None:
    async with client.post(f"/api/v1/agents/anna/{action.value}") as answer:
        assert (answer.status, await answer.json()) == (200, {"agent": "anna", "action": action.value})
    assert floor.orders == [("anna", action, "")]


async def test_a_break_with_its_reason(client: aiohttp.ClientSession, floor: Any) -> None:
    async with client.post("/api/v1/agents/anna/break", json={"reason": "lõuna"}) as answer:
        assert answer.status == 200
    assert floor.orders == [("anna", AgentAction.BREAK, "lõuna")]


async def test_a_refused_order(client: aiohttp.ClientSession, floor: Any) -> None:
    floor.refusal = "Mart's phone is not registered."
    async with client.post("/api/v1/agents/mart/ready") as answer:
        assert (answer.status, await answer.json()) == (409, {"error": "Mart's phone is not registered."})


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/api/v1/agents/nobody/ready", b"", 404),
        ("/api/v1/agents/anna/dance", b"", 404),
        ("/api/v1/agents/anna/break", b"{", 400),
        ("/api/v1/agents/anna/break", b"[]", 400),
        ("/api/v1/agents/anna/break", b"[" * 9000, 400),
        ("/api/v1/agents/anna/break", b"\xff\xfe", 400),
        ("/api/v1/agents/anna/break", b'{"reason": 7}', 400),
        ("/api/v1/agents/anna/break", b'{"reason": "two\\nlines"}', 400),
        ("/api/v1/agents/anna/break", b'{"reason": "x", "more": 1}', 400),
        ("/api/v1/agents/anna/break", json.dumps({"reason": "x" * 201}).encode(), 400),
        ("/api/v1/agents/anna/break", b"x" * (MAX_BODY_BYTES + 1), 413),
        ("/api/v1/calls", b"", 405),
        ("/", b"", 404),
    ],
)
async def test_a_bad_order(client: aiohttp.ClientSession, floor: Any, path: str, body: bytes, status: int) -> None:
    async with client.post(path, data=body) as answer:
        assert answer.status == status
        document = await answer.json()
    assert list(document) == ["error"]
    assert document["error"].endswith(".")
    assert floor.orders == []


async def test_a_fault_is_contained(client: aiohttp.ClientSession, floor: Any) -> None:
    floor.fault = RuntimeError("secret of the house")
    document = await get(client, "/api/v1/calls", 500)
    assert "secret" not in document["error"]
    floor.fault = None
    assert (await get(client, "/api/v1/calls"))["calls"]


# ------------------------------------------------------------------ metrics


async def test_metrics(client: aiohttp.ClientSession) -> None:
    async with client.get("/metrics") as answer:
        assert answer.status == 200
        assert answer.content_type == "text/plain"
        lines = (await answer.text()).splitlines()
    for line in (
        'softswitch_health{status="ok"} 1.0',
        'softswitch_health{status="degraded"} 0.0',
        "softswitch_calls_active 2.0",
        "softswitch_legs_active 3.0",
        "softswitch_calls_total 40.0",
        'softswitch_calls_refused_total{status="503"} 1.0',
        'softswitch_queue_waiting{queue="everyday"} 2.0',
        'softswitch_queue_answered_within_total{queue="everyday"} 7.0',
        'softswitch_agents{state="talking"} 1.0',
        'softswitch_agents{state="ready"} 0.0',
        "softswitch_agents_registered 1.0",
        "softswitch_registrations 1.0",
        'softswitch_security_events_total{kind="auth_failed"} 5.0',
        'softswitch_sip_messages_total{direction="received"} 400.0',
        'softswitch_media_ports{state="free"} 94.0',
        "softswitch_store_depth 1.0",
        'softswitch_promises_total{state="kept"} 1.0',
    ):
        assert line in lines
    assert not any(line.startswith(("python_", "process_")) for line in lines), "own registry"


# ------------------------------------------------------------------ who may


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LocalHost:8080", 200),
        ("127.0.0.1:8080", 200),
        ("127.9.9.9", 200),
        ("[::1]:8080", 200),
        ("rebind.example.com", 403),
        ("127.0.0.1.example.com", 403),
        ("localhost.example.com:8080", 403),
        ("192.0.2.1", 403),
        ("0.0.0.0", 403),
        ("[2001:db8::1]", 403),
        ("", 400),
        ("[::1", 400),
        ("localhost:80:80", 400),
        ("localhost:x", 400),
    ],
)
async def test_only_loopback_names_are_answered(client: aiohttp.ClientSession, host: str, status: int) -> None:
    async with client.get("/api/v1/calls", headers={"Host": host}) as answer:
        assert answer.status == status
        assert ("error" in await answer.json()) is (status != 200)


async def test_a_name_that_the_operator_allows(floor: Any) -> None:
    server = await start_http(make_app(floor, floor, more_hosts=["Switch.example.com"]), "127.0.0.1", 0)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
        for host, status in (("switch.example.com", 200), ("other.example.com", 403), ("localhost", 200)):
            async with client.get("/api/v1/calls", headers={"Host": host}) as answer:
                assert answer.status == status
    await server.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
async def test_pages_of_another_origin_are_refused(
    client: aiohttp.ClientSession, floor: Any, headers: dict[str, str], status: int
) -> None:
    async with client.post("/api/v1/agents/anna/break", headers=headers) as answer:
        assert answer.status == status
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert len(floor.orders) == (status == 200)


async def test_a_page_of_the_same_origin_is_answered(client: aiohttp.ClientSession, server: HttpServer) -> None:
    origin = f"http://127.0.0.1:{server.port}"
    async with client.post("/api/v1/agents/anna/break", headers={"Origin": origin}) as answer:
        assert answer.status == 200


async def test_no_version_number_to_nobody(client: aiohttp.ClientSession) -> None:
    async with client.get("/healthz") as answer:
        assert "Server" not in answer.headers or not any(one.isdigit() for one in answer.headers["Server"])


async def test_broken_requests_learn_no_version(server: HttpServer) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"GARBAGE\r\n\r\n")
    answer = await asyncio.wait_for(reader.read(), 20)
    writer.close()
    assert b" 400 " in answer and b"aiohttp" not in answer and b"Python" not in answer


# ------------------------------------------------------------------ the listener


async def test_a_taken_port_is_said_in_one_sentence(floor: Any, server: HttpServer) -> None:
    with pytest.raises(StartError, match=rf"127\.0\.0\.1:{server.port} cannot be opened: it is taken\.$"):
        await start_http(make_app(floor, floor), "127.0.0.1", server.port)


async def test_an_address_of_somebody_else(floor: Any) -> None:
    with pytest.raises(StartError, match=r"^The HTTP address 192\.0\.2\.1:8080 cannot be opened: .*\.$"):
        await start_http(make_app(floor, floor), "192.0.2.1", 8080)


async def test_escalations(client: aiohttp.ClientSession) -> None:
    (one,) = (await get(client, "/api/v1/escalations"))["escalations"]
    assert one == {
        "promise": str(LARGE + 9), "interaction": str(LARGE + 1), "queue": "everyday", "agent": "anna",
        "because": "not kept in time", "ago_seconds": 5.0,
    }  # fmt: skip


async def test_a_caller_is_passed_on(client: aiohttp.ClientSession, floor: Any) -> None:
    body = json.dumps({"queue": "night", "note": "a loan"})
    async with client.post(f"/api/v1/calls/{LARGE}/pass", data=body) as answer:
        assert answer.status == 200
    assert floor.passed == [(LARGE + 1, "night", "a loan")]


@pytest.mark.parametrize(
    ("call", "body", "status"),
    [
        (str(LARGE + 77), '{"queue": "night"}', 404),
        (str(LARGE + 5), '{"queue": "night"}', 404),
        (str(LARGE), '{"queue": "nigth"}', 404),
        (str(LARGE), "", 404),
        (str(LARGE), '{"queue": 7}', 400),
        (str(LARGE), '{"to": "night"}', 400),
    ],
)
async def test_what_cannot_be_passed_on(
    client: aiohttp.ClientSession, floor: Any, call: str, body: str, status: int
) -> None:
    async with client.post(f"/api/v1/calls/{call}/pass", data=body) as answer:
        assert answer.status == status
        assert (await answer.json())["error"]
    assert floor.passed == []


async def test_why_he_cannot_be_passed_on_now_is_told(client: aiohttp.ClientSession, floor: Any) -> None:
    floor.refusal = "Nobody talks with this caller."
    async with client.post(f"/api/v1/calls/{LARGE}/pass", data='{"queue": "night"}') as answer:
        assert (answer.status, (await answer.json())["error"]) == (409, floor.refusal)

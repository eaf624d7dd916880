"""Typed chats through the HTTP API of a whole switch: entered, offered, accepted, closed, and what the store keeps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import create_engine, text

from softswitch.acd import messages as acd
from softswitch.acd.journal import Replay, Segment
from softswitch.app.switch import Switch
from softswitch.call.settings import ListenSettings, Settings
from softswitch.config import load
from softswitch.demo.ports import free_range
from softswitch.ids import AgentId
from softswitch.runtime.journal import files_of

ANNA = AgentId("anna")


@pytest.fixture
def settings(project: Path, tmp_path: Path, free_port: Callable[[], int]) -> Settings:
    passwords = {f"{agent}_PASSWORD": "secret-of-a-test" for agent in ("ANNA", "MART", "LI")}
    bank = load(project / "configs" / "bank", env=passwords)
    first_port, last_port = free_range(82)
    agents = tuple(replace(each, chats=2 if each.id == ANNA else 0) for each in bank.acd.agents)
    return replace(
        bank,
        acd=replace(bank.acd, agents=agents),
        listen=(ListenSettings("udp", "127.0.0.1", free_port()),),
        http_port=free_port(),
        database_url=f"sqlite:///{tmp_path}/line.db",
        prompt_cache=str(tmp_path / "prompts"),
        tts="",
        media=replace(bank.media, port_first=first_port, port_last=last_port),
    )


class Api:
    def __init__(self, session: aiohttp.ClientSession, switch: Switch) -> None:
        self.session, self.switch = session, switch

    async def post(self, path: str, **words: str) -> tuple[int, Any]:
        async with self.session.post(f"/api/v1/{path}", json=words) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> tuple[int, Any]:
        async with self.session.get(f"/api/v1/{path}") as answer:
            return answer.status, await answer.json()


@pytest.fixture
async def api(settings: Settings) -> AsyncIterator[Api]:
    switch = await Switch.start(settings)
    try:
        switch.post(acd.PhoneRegistered(ANNA))
        async with aiohttp.ClientSession(f"http://127.0.0.1:{settings.http_port}") as session:
            yield Api(session, switch)
    finally:
        await switch.stop()


async def test_a_chat_from_its_beginning_to_its_end(api: Api, settings: Settings, tmp_path: Path) -> None:
    queue = settings.acd.agents[0].queues[0]
    status, chat = await api.post("interactions", kind="chat", queue=queue, customer="c-1", language="en")
    assert (status, chat["state"], chat["agent"], chat["queue"]) == (201, "offered", "anna", queue)
    number = chat["interaction"]
    assert await api.post(f"interactions/{number}/accept", agent="mart") == (
        409, {"error": f"Chat {number} is not offered to 'mart' now."},
    )  # fmt: skip
    assert (await api.post(f"interactions/{number}/accept", agent="anna"))[0] == 200
    assert (await api.get(f"interactions/{number}"))[1]["state"] == "open"
    assert (await api.post(f"interactions/{number}/accept", agent="anna"))[0] == 409
    (row,) = [each for each in (await api.get("agents"))[1]["agents"] if each["agent"] == "anna"]
    assert (row["chats"], row["chats_at_most"], row["chats_served"]) == (1, 2, 1)
    assert (await api.post(f"interactions/{number}/close"))[0] == 200
    assert (await api.get(f"interactions/{number}"))[0] == 404
    _, told = await api.get("chat-events")
    assert [event["what"] for event in told["events"]] == [
        "entered", "offered", "offer ended", "left the queue", "closed",
    ]  # fmt: skip
    again = await api.get(f"chat-events?after={told['next']}")
    assert again[1] == {"events": [], "next": told["next"]}
    digest = api.switch.cores.engine.digest()
    await api.switch.stop()
    with create_engine(f"sqlite:///{tmp_path}/line.db").connect() as store:
        assert store.execute(text("SELECT dialled, outcome, agent FROM interaction")).all() == [
            ("chat", "answered", "anna")
        ]
        assert store.execute(text("SELECT queue, because FROM queue_entry")).all() == [(queue, "chat")]
        assert store.execute(text("SELECT agent, result FROM ring_attempt")).all() == [("anna", "answered")]
        assert store.execute(text("SELECT agent, customer FROM talk")).all() == [("anna", "c-1")]
    journal = Segment(files_of(tmp_path / "journal")[-1].read_bytes())
    assert Replay(journal).run().digest() == digest, "chats are in the journal"


async def test_a_request_about_one_chat_looks_at_no_other(
    api: Api, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With thousands of them open, calls would wait for it."""

    def all_of_them(_floor: Any) -> Any:
        raise AssertionError("all chats are looked at")

    monkeypatch.setattr("softswitch.app.chat_desk.snapshot.chats", all_of_them)
    status, chat = await api.post("interactions", kind="chat", queue=settings.acd.agents[0].queues[0])
    assert status == 201
    path = f"interactions/{chat['interaction']}"
    async with api.session.get("/metrics") as metrics:
        assert 'state="offered"} 1.0' in await metrics.text()
    _, told = await api.get("chat-events")
    assert [each["number"] for each in told["events"]] == [1, 2]
    assert [each["number"] for each in (await api.get("chat-events?after=1"))[1]["events"]] == [2]
    for step, words in (("accept", {"agent": "anna"}), ("close", {})):
        assert (await api.get(path))[0] == 200
        assert (await api.post(f"{path}/{step}", **words))[0] == 200
    assert (await api.get(path))[0] == 404


async def test_the_one_who_wrote_last_time_is_offered_the_next(api: Api, settings: Settings) -> None:
    sticky = next(queue for queue in settings.acd.queues if queue.sticky is not None)
    status, chat = await api.post("interactions", kind="chat", queue=sticky.id, previous_agent="anna")
    assert (status, chat["sticky"]) == (201, "direct")


async def test_who_waits_is_told_why_and_is_offered_when_there_is_room(api: Api, settings: Settings) -> None:
    queue = settings.acd.agents[0].queues[0]
    numbers = []
    for _ in range(3):
        _, chat = await api.post("interactions", kind="chat", queue=queue)
        numbers.append(chat["interaction"])
        if chat["state"] == "offered":
            await api.post(f"interactions/{chat['interaction']}/accept", agent="anna")
    _, waiting = await api.get("interactions?kind=chat")
    assert [each["state"] for each in waiting["interactions"]] == ["open", "open", "waiting"]
    assert waiting["next"] is None
    pages, after = [], "0"
    while after is not None:  # page by page
        _, page = await api.get(f"interactions?limit=2&after={after}")
        pages.append([each["interaction"] for each in page["interactions"]])
        after = page["next"]
    assert pages == [numbers[:2], numbers[2:]]
    async with api.session.get("/metrics") as metrics:
        assert f'softswitch_chats{{queue="{queue}",state="open"}} 2.0' in await metrics.text()
    _, why = await api.get(f"interactions/{numbers[2]}/why?agent=anna")
    assert why["agents"][0]["reasons"][0]["reason"] == "chats full"
    _, told = await api.get("chat-events")
    await api.post(f"interactions/{numbers[0]}/close")
    _, news = await api.get(f"chat-events?after={told['next']}&wait=5")
    assert {event["what"] for event in news["events"]} == {"closed", "offered"}
    assert (await api.post(f"interactions/{numbers[2]}/decline", agent="anna"))[0] == 200
    assert (await api.get(f"interactions/{numbers[2]}"))[1]["state"] == "waiting"


WRONG: tuple[tuple[str, dict[str, str], int, str], ...] = (
    ("interactions", {"kind": "fax", "queue": "everyday"}, 400, "kind must be one of chat"),
    ("interactions", {"kind": "chat", "queue": "nowhere"}, 404, "There is no queue 'nowhere'"),
    ("interactions", {"kind": "chat", "queue": "everyday", "previous_agent": "nobody"}, 404, "no agent 'nobody'"),
    ("interactions", {"kind": "chat", "queue": "everyday", "customer": "x" * 300}, 400, "at most 200 characters"),
    ("interactions", {"kind": "chat", "mood": "good"}, 400, "The body must be"),
    ("interactions/17/accept", {"agent": "anna"}, 404, "There is no chat '17' now."),
    ("interactions/17/close", {}, 404, "There is no chat '17' now."),
)


async def test_what_is_wrong_is_said(api: Api) -> None:
    for path, words, status, error in WRONG:
        found, answer = await api.post(path, **words)
        assert found == status and error in answer["error"], path
    for path in ("interactions?limit=0", "interactions?limit=201", "interactions?after=-1", "interactions?after=a"):
        assert (await api.get(path))[0] == 400, path
    for path in ("chat-events?after=x", "chat-events?wait=99", "chat-events?wait=nan", "interactions?kind=call"):
        assert (await api.get(path))[0] == 400, path

"""Typed chats by HTTP: what an integrator's chat needs of the queues today.

    POST /api/v1/interactions                {"kind": "chat", "queue": "...", "customer": "...", "language": "...",
                                              "previous_agent": "..."}: into the line; 201 with the chat
    GET  /api/v1/interactions?kind=chat      {"interactions": [...]}: all that wait, are offered or are open
    GET  /api/v1/interactions/{id}           one of them
    POST /api/v1/interactions/{id}/accept    {"agent": "..."}: she takes what she was offered
    POST /api/v1/interactions/{id}/decline   {"agent": "..."}: she does not; the next one is offered it
    POST /api/v1/interactions/{id}/close     it is over, or given up while it waits
    GET  /api/v1/chat-events?after=N&wait=S  {"events": [...], "next": M}: since N; waits up to S seconds

What is written in a chat never comes here: this is about who talks with whom.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from aiohttp import web
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from softswitch.ids import AgentId, InteractionId, QueueId

MOST_WAIT_SECONDS = 30.0
PAGE = 200  # chats in one answer
KINDS = ("chat",)
_MOST_DIGITS = 20  # of an interaction's number
Words = Callable[..., Awaitable[dict[str, str]]]
Refuse = Callable[[int, str], web.Response]


class ChatError(Exception):
    """It cannot be done; `status` is that of the answer, `str()` one sentence."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class ChatView:
    interaction: str
    kind: str
    queue: QueueId
    state: str  # waiting, offered, open
    agent: AgentId | None  # to whom it is offered, or who writes
    position: int | None  # in the line, while it waits
    customer: str | None
    language: str
    state_seconds: float
    waited_seconds: float  # until it was accepted, or up to now
    sticky: str  # how it went with the previous agent


@dataclass(frozen=True, slots=True)
class NewChat:
    queue: QueueId
    customer: str = ""
    language: str = ""
    previous_agent: AgentId | None = None


class ChatDeskView(Protocol):
    """What the composition root offers; a `ChatError` says what is wrong."""

    async def enter(self, chat: NewChat) -> InteractionId: ...
    def answer(self, interaction: InteractionId, agent: AgentId, accept: bool) -> None: ...
    def close(self, interaction: InteractionId) -> None: ...
    def chats(self, after: int, most: int) -> Sequence[ChatView]:
        """In the order of their numbers, at most so many after this one."""

    def chat(self, interaction: InteractionId) -> ChatView | None: ...
    def counted(self) -> Mapping[tuple[QueueId, str], int]: ...
    async def events(self, after: int, wait_seconds: float) -> tuple[Sequence[Mapping[str, Any]], int]: ...


class ChatCollector(Collector):
    """Chats for /metrics: how many of each queue wait, are offered, are open."""

    def __init__(self, desk: ChatDeskView) -> None:
        self._desk = desk

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        gauge = GaugeMetricFamily("softswitch_chats", "Typed chats now, by state", labels=["queue", "state"])
        for labels, number in self._desk.counted().items():
            gauge.add_metric(labels, number)
        yield gauge


def add_chats(app: web.Application, desk: ChatDeskView, words: Words, refuse: Refuse) -> None:
    """The routes of this module. `words` reads a body of short texts, `refuse` makes the answer of an error."""
    routes = _Routes(desk, words)

    def guarded(handler: Callable[[web.Request], Awaitable[web.Response]]) -> Any:
        async def handle(request: web.Request) -> web.Response:
            try:
                return await handler(request)
            except ChatError as error:
                return refuse(error.status, str(error))
            except ValueError as error:
                return refuse(400, str(error))

        return handle

    router = app.router
    router.add_post("/api/v1/interactions", guarded(routes.enter))
    router.add_get("/api/v1/interactions", guarded(routes.listing))
    router.add_get("/api/v1/interactions/{interaction}", guarded(routes.show))
    router.add_post("/api/v1/interactions/{interaction}/{answer:accept|decline}", guarded(routes.answer))
    router.add_post("/api/v1/interactions/{interaction}/close", guarded(routes.close))
    router.add_get("/api/v1/chat-events", guarded(routes.events))


def _shown(chat: ChatView) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in asdict(chat).items()}


class _Routes:
    def __init__(self, desk: ChatDeskView, words: Words) -> None:
        self._desk, self._words = desk, words

    def _one(self, request: web.Request) -> ChatView:
        number = request.match_info["interaction"]
        is_number = number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS
        found = self._desk.chat(InteractionId(int(number))) if is_number else None
        if found is None:
            raise ChatError(404, f"There is no chat {number[:24]!r} now.")
        return found

    async def enter(self, request: web.Request) -> web.Response:
        said = await self._words(request, "kind", "queue", "customer", "language", "previous_agent")
        if said.get("kind") not in KINDS:
            raise ChatError(400, f"kind must be one of {', '.join(KINDS)}; calls come in by telephone.")
        previous = AgentId(said["previous_agent"]) if said.get("previous_agent") else None
        queue = QueueId(said.get("queue", ""))
        new = NewChat(queue, said.get("customer", ""), said.get("language", ""), previous)
        found = self._desk.chat(await self._desk.enter(new))
        if found is None:
            raise ChatError(409, f"Queue {queue!r} takes no chat now: nobody is there, or it is full.")
        return web.json_response(_shown(found), status=201)

    async def listing(self, request: web.Request) -> web.Response:
        if request.query.get("kind", "chat") not in KINDS:
            raise ChatError(400, "kind must be chat; calls are at /api/v1/calls.")
        try:
            after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", str(PAGE)))
        except ValueError:
            raise ChatError(400, "after and limit are whole numbers.") from None
        if after < 0 or not 1 <= limit <= PAGE:
            raise ChatError(400, f"limit is from 1 to {PAGE}, after is the number of a chat.")
        found = [_shown(chat) for chat in self._desk.chats(after, limit)]
        following = found[-1]["interaction"] if len(found) == limit else None
        return web.json_response({"interactions": found, "next": following})

    async def show(self, request: web.Request) -> web.Response:
        return web.json_response(_shown(self._one(request)))

    async def answer(self, request: web.Request) -> web.Response:
        said, chat = await self._words(request, "agent"), self._one(request)
        agent = AgentId(said.get("agent", ""))
        accept = request.match_info["answer"] == "accept"
        self._desk.answer(InteractionId(int(chat.interaction)), agent, accept)
        word = "open" if accept else "declined"
        return web.json_response({"interaction": chat.interaction, "agent": agent, "state": word})

    async def close(self, request: web.Request) -> web.Response:
        chat = self._one(request)
        self._desk.close(InteractionId(int(chat.interaction)))
        return web.json_response({"interaction": chat.interaction, "state": "closed"})

    async def events(self, request: web.Request) -> web.Response:
        try:
            after, wait = int(request.query.get("after", "0")), float(request.query.get("wait", "0"))
        except ValueError:
            raise ChatError(400, "after and wait are numbers.") from None
        if not 0 <= wait <= MOST_WAIT_SECONDS or after < 0:
            raise ChatError(400, f"wait is from 0 to {MOST_WAIT_SECONDS:g} seconds, after not below 0.")
        found, following = await self._desk.events(after, wait)
        return web.json_response({"events": list(found), "next": following})

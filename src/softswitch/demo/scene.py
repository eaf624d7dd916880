"""The scene of the demo: the switch, the gateway, the phones, and what people do with them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from softswitch.demo.gateway import HOST as GATEWAY_HOST
from softswitch.demo.listen import Heard, Prompt
from softswitch.demo.phones import Event, Handset, PhoneTrouble
from softswitch.demo.steps import Differs, Note, ensure
from softswitch.demo.switch import Switch, SwitchTrouble
from softswitch.demo.voice import Voice
from softswitch.ids import QueueId
from softswitch.runtime.prompt_library import build_catalog

_EARLY_SECONDS = 0.5
SOON = 15.0  # what comes within a moment, also on a machine that is busy with something else


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with a phone. `hertz` is his voice: a tone nobody else has."""

    name: str
    phone: Handset
    hertz: int
    id: str  # agent id, or the caller's number
    user: str = ""  # what an agent's phone registers as

    def mark(self) -> int:
        return self.phone.mark()


def caller_of(event: Event) -> str:
    """The number that a ringing phone shows."""
    return str(event.get("peer", "")).partition(":")[2].partition("@")[0]


class Scene:
    """Who is there, and the moves that the steps are made of. Each move notes what it saw as evidence."""

    voice: Voice  # known once the switch has started: then everything it can say is in the prompt cache

    def __init__(self, switch: Switch, agents: Sequence[Party], callers: Sequence[Party], stranger: Handset) -> None:
        self.switch = switch
        self.stranger = stranger
        self.anna, self.mart, self.li = agents
        self.a, self.b, self.c = callers
        self.agents = tuple(agents)
        self.callers = tuple(callers)
        self.notes: list[Note] = []
        self.passwords: dict[str, str] = {}

    def note(self, who: str, what: str, at: float) -> None:
        self.notes.append(Note(at, who, what))

    async def switch_voice(self) -> Voice:
        settings = self.switch.settings()
        number = settings.call.call_back_caller
        return Voice(settings, await build_catalog(settings), number, QueueId(settings.call.human.queue))

    # ------------------------------------------------------------------ callers

    async def dial_in(self, caller: Party, keys: str = "") -> tuple[int, float]:
        """The caller dials the line and is answered, and perhaps presses keys at once. His mark, and the time from
        which on he can have heard something (audio may come before the phone has reported the answer)."""
        mark = caller.mark()
        number = self.voice.number
        await caller.phone.dial(f"sip:{number}@{GATEWAY_HOST}:{self.switch.ports.gateway}")
        talking = await caller.phone.expect("talking", "ended", after=mark, seconds=SOON)
        ensure(talking["event"] == "talking", f"the line refuses {caller.name}: {talking.get('status')}")
        self.note(caller.name, f"dials {number}, is answered", talking.at)
        if keys:
            await caller.phone.expect("hearing", after=mark, seconds=SOON)
            await self.press(caller, keys)
        return mark, talking.at - _EARLY_SECONDS

    async def press(self, caller: Party, keys: str) -> float:
        reply = await caller.phone.order("press", keys=keys)
        self.note(caller.name, f"presses {keys}", reply["at"])
        return float(reply["at"])

    async def hears(
        self, party: Party, prompt: Prompt, *, after: int, since: float, seconds: float = 0.0, part: float = 0.8
    ) -> Heard:
        limit = seconds or prompt.seconds + SOON
        heard = await party.phone.hears_prompt(prompt, after=after, since=since, seconds=limit, part=part)
        self.note(party.name, f"hears {prompt.name} ({heard.share:.0%} of it)", heard.began)
        return heard

    # ------------------------------------------------------------------ agents

    async def rings(
        self, agents: Sequence[Party], marks: dict[str, int], seconds: float, but: Sequence[Party] = ()
    ) -> tuple[Party, Event]:
        """Which of these agents rings first; none of the others (`but`) may have rung by then."""
        waiting = {
            asyncio.ensure_future(one.phone.expect("incoming", after=marks[one.name], seconds=seconds)): one
            for one in agents
        }
        try:
            done, _ = await asyncio.wait(waiting, timeout=seconds + 0.5, return_when=asyncio.FIRST_COMPLETED)
            first = next((task for task in done if task.exception() is None), None)
            if first is None:
                names = " or ".join(one.name for one in agents)
                rang = [one.name for one in but if one.phone.since(marks[one.name], "incoming")]
                raise Differs(f"{names} did not ring within {seconds:g} s; {', '.join(rang) or 'nobody'} did")
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        agent, event = waiting[first], first.result()
        self.note(agent.name, f"rings, {caller_of(event)} is shown", event.at)
        for other in but:
            early = other.phone.since(marks[other.name], "incoming")
            ensure(not early, f"{other.name} rang as well")
        return agent, event

    def marks(self) -> dict[str, int]:
        return {party.name: party.mark() for party in (*self.agents, *self.callers)}

    async def answer(self, agent: Party, after: int) -> float:
        await agent.phone.order("answer")
        talking = await agent.phone.expect("talking", after=after, seconds=SOON)
        self.note(agent.name, "answers", talking.at)
        return talking.at

    async def both_hear(self, agent: Party, caller: Party, marks: dict[str, int], since: float) -> str:
        """Each hears the other's tone; the proof of audio both ways."""
        heard = await asyncio.gather(
            caller.phone.hears_tone(agent.hertz, after=marks[caller.name], since=since, seconds=SOON),
            agent.phone.hears_tone(caller.hertz, after=marks[agent.name], since=since, seconds=SOON),
        )
        self.note(caller.name, f"hears {agent.name}'s {agent.hertz} Hz", heard[0].began)
        self.note(agent.name, f"hears {caller.name}'s {caller.hertz} Hz", heard[1].began)
        return f"{caller.name} hears {agent.hertz} Hz, {agent.name} hears {caller.hertz} Hz"

    async def hang_up(self, party: Party, *others: Party) -> float:
        """One hangs up; the others' phones end too."""
        marks = {other.name: other.mark() for other in others}
        ended = await party.phone.hang_up()
        self.note(party.name, "hangs up", ended.at)
        for other in others:
            seen = await other.phone.expect("ended", after=marks[other.name], seconds=SOON)
            self.note(other.name, "is hung up", seen.at)
        return ended.at

    async def ready(self, *agents: Party, seconds: float = SOON) -> None:
        for agent in agents:
            await self.switch.wait_for_agent(agent.id, "ready", seconds)

    async def dial_code(self, agent: Party, code: str, state: str, prompt: Prompt | None = None) -> dict[str, Any]:
        """An agent dials a feature code, hears the confirmation, and is in that state."""
        mark = agent.mark()
        await agent.phone.dial(f"sip:{code}@{self.switch.sip}")
        talking = await agent.phone.expect("talking", "ended", after=mark, seconds=SOON)
        ensure(talking["event"] == "talking", f"{agent.name} dials {code} and is refused: {talking.get('status')}")
        self.note(agent.name, f"dials {code}", talking.at)
        if prompt is not None:
            await self.hears(agent, prompt, after=mark, since=talking.at - _EARLY_SECONDS)
        await agent.phone.expect("ended", after=mark, seconds=SOON)
        return await self.switch.wait_for_agent(agent.id, state, SOON)

    async def break_(self, *agents: Party) -> None:
        said = self.voice.prompt("that she is on break", self.voice.settings.call.texts.on_break)
        code = self.voice.settings.call.codes.take_break
        await asyncio.gather(*(self.dial_code(agent, code, "break", said) for agent in agents))

    async def back(self, *agents: Party) -> None:
        said = self.voice.prompt("that she is ready", self.voice.settings.call.texts.now_ready)
        code = self.voice.settings.call.codes.ready
        await asyncio.gather(*(self.dial_code(agent, code, "ready", said) for agent in agents))

    # ------------------------------------------------------------------ larger moves

    async def connect(
        self, caller: Party, agents: Sequence[Party], but: Sequence[Party] = (), seconds: float = SOON
    ) -> tuple[Party, dict[str, int], float, str]:
        """The caller dials in, presses the key of the queue, one of the agents rings and answers, both talk."""
        marks = self.marks()
        await self.dial_in(caller, self.voice.key_to_queue())
        agent, _ = await self.rings(agents, marks, seconds, but)
        since = await self.answer(agent, marks[agent.name])
        heard = await self.both_hear(agent, caller, marks, since)
        return agent, marks, since, heard

    async def talked(self, caller: Party, seconds: float) -> None:
        """Wait until this caller has talked for so long."""

        def so(rows: list[dict[str, Any]]) -> bool:
            return any(
                row["caller"] == caller.id and row["state"] == "talking" and row["state_seconds"] > seconds
                for row in rows
            )

        await self.switch.wait_for("calls", so, seconds + SOON, f"{caller.name} talking for {seconds:g} s")

    def last_interaction(self, caller: Party) -> dict[str, Any]:
        rows = self.switch.rows("SELECT * FROM interaction WHERE caller = ? ORDER BY began_at DESC LIMIT 1", caller.id)
        return rows[0] if rows else {}

    async def sticky_word(self, caller: Party) -> str:
        """How the sticky rule ended for the caller's last call, once it is written down."""
        row = await self.switch.wait_for_row(
            "SELECT sticky FROM interaction WHERE id = (SELECT id FROM interaction WHERE caller = ?"
            " ORDER BY began_at DESC LIMIT 1) AND ended_at IS NOT NULL",
            caller.id,
            seconds=SOON,
            wish=f"ended interaction of {caller.name}",
        )
        return str(row["sticky"])

    async def tidy_up(self) -> None:
        """After a step that differs: everybody hangs up, all agents are ready again."""
        for party in (*self.callers, *self.agents):
            with contextlib.suppress(PhoneTrouble):
                await party.phone.hang_up(2)
        with contextlib.suppress(PhoneTrouble, SwitchTrouble, Differs, OSError):
            rows = await self.switch.look("agents")
            away = {row["agent"] for row in rows if row["state"] in ("break", "suspended")}
            for agent in self.agents:
                if agent.id in away:
                    await self.back(agent)
            await self.ready(*self.agents)

"""kill -9 in the middle of a running switch: its journal leads to a state that the live engine was in, and to none
before the last one that had reached the disk."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from softswitch.acd.journal import Replay, Segment
from softswitch.demo.ports import free_range
from softswitch.runtime.journal import files_of

LINES = 300  # of its output, after which it is killed

# A whole switch that works, tells the digest of its engine after every line of the journal, and says what is on disk.
SWITCH = """
import asyncio, sys
from dataclasses import replace
from pathlib import Path
from softswitch.acd import messages as acd
from softswitch.acd.journal import RecordedEngine
from softswitch.app.switch import Switch
from softswitch.call.settings import ListenSettings
from softswitch.config import load
from softswitch.ids import AgentId, InteractionId

class Told(RecordedEngine):
    def handle(self, event, now, plain=RecordedEngine.handle):
        commands = plain(self, event, now)
        print("state", self.engine.digest(), flush=True)
        return commands

    def tick(self, now, plain=RecordedEngine.tick):
        commands = plain(self, now)
        print("state", self.engine.digest(), flush=True)
        return commands

RecordedEngine.handle, RecordedEngine.tick = Told.handle, Told.tick

async def main():
    config, folder, sip, http, rtp = Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:])
    bank = load(config, env={f"{name}_PASSWORD": "secret-of-a-test" for name in ("ANNA", "MART", "LI")})
    agents = tuple(replace(agent, chats=3) for agent in bank.acd.agents)
    queues = tuple(replace(queue, ring_seconds=0.05, max_wait_seconds=2.0) for queue in bank.acd.queues)
    settings = replace(
        bank, acd=replace(bank.acd, agents=agents, queues=queues, no_offer_seconds=0.2), http_port=http, tts="",
        listen=(ListenSettings("udp", "127.0.0.1", sip),), database_url=f"sqlite:///{folder}/line.db",
        prompt_cache=str(folder / "prompts"), media=replace(bank.media, port_first=rtp, port_last=rtp + 80),
    )
    switch = await Switch.start(settings)
    journal = switch.edges.journal
    for agent in agents:
        switch.post(acd.PhoneRegistered(agent.id))
    number = 0
    while True:
        number += 1
        agent = agents[number % len(agents)].id
        switch.post(acd.ChatEntered(InteractionId(number), queues[number % len(queues)].id))
        offered = [chat.id for chat in switch.cores.engine.floor.chats.chats.values() if chat.answered_at is None]
        if offered and number % 3:
            switch.post(acd.ChatAccepted(offered[-1]))
        if number % 5 == 0:
            switch.post(acd.ChatClosed(InteractionId(number - 4)))
        if number % 7 == 0:
            switch.post(acd.AgentWentOnBreak(agent, "coffee"))
            switch.post(acd.AgentWentReady(agent))
        if number % 4 == 0:
            told = switch.cores.engine.digest()
            journal.flush()
            if journal._writing is not None:
                await asyncio.wait({journal._writing})
            print("durable", told, flush=True)

asyncio.run(main())
"""


@pytest.mark.serial
async def test_the_journal_of_a_killed_switch_leads_to_a_state_it_was_in(
    project: Path, tmp_path: Path, free_port: Callable[[], int]
) -> None:
    ports = [str(free_port()), str(free_port()), str(free_range(82)[0])]
    command = [sys.executable, "-c", SWITCH, str(project / "configs" / "bank"), str(tmp_path), *ports]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    assert process.stdout is not None
    seen: list[list[str]] = []
    try:
        while sum(one[0] in ("state", "durable") for one in seen) < LINES:
            line = await asyncio.wait_for(process.stdout.readline(), 60)
            assert line, "the switch ended by itself"
            seen.append(line.decode().split() or [""])
    finally:
        process.kill()
    seen += [line.decode().split() or [""] for line in (await process.stdout.read()).splitlines() if line]
    assert await process.wait() == -9
    states = [one[1] for one in seen if one[0] == "state" and len(one) == 2]
    durable = [one[1] for one in seen if one[0] == "durable" and len(one) == 2]
    (path,) = files_of(tmp_path / "journal")
    replay = Replay(Segment(path.read_bytes()))
    reached = replay.run().digest()
    assert not replay.broken and not replay.diverged
    assert reached in states, "the journal leads to a state that never was"
    last = max(at for at, digest in enumerate(states) if digest == durable[-1])
    assert max(at for at, digest in enumerate(states) if digest == reached) >= last, "what was on disk is gone"

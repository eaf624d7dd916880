"""The steps of the story about restarts: what is acknowledged survives kill -9, and an ordered stop."""

from __future__ import annotations

from typing import Any

from softswitch.demo.scene import SOON, Scene
from softswitch.demo.steps import Step, ensure


def _contacts(scene: Scene) -> list[dict[str, Any]]:
    """Who is registered from where, and with which REGISTER: it changes with every refresh."""
    return scene.switch.rows("SELECT agent, uri, call_id, cseq FROM contact ORDER BY agent, place")


_WRITTEN = (
    "SELECT id, agent, state, reason FROM agent_event ORDER BY id",
    "SELECT attempt, agent, caller, seconds FROM talk ORDER BY attempt",
    "SELECT id, agent, caller, state FROM promise ORDER BY id",
    "SELECT attempt, agent, result FROM ring_attempt ORDER BY attempt",
)


def _written(scene: Scene) -> list[list[dict[str, Any]]]:
    """The journal of the agents, the talks, the promises, the rings."""
    return [scene.switch.rows(question) for question in _WRITTEN]


def _lost(before: list[list[dict[str, Any]]], after: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for old, new in zip(before, after, strict=True) for row in old if row not in new]


def _sound(scene: Scene) -> str:
    answer = scene.switch.rows("PRAGMA integrity_check")
    return str(next(iter(answer[0].values())))


async def _remembered(scene: Scene, contacts: list[dict[str, Any]]) -> None:
    """After a start: the phones are registered, and none of them had to do it again."""
    rows = await scene.switch.look("registrations")
    registered = sorted(row["agent"] for row in rows)
    ensure(registered == sorted(agent.id for agent in scene.agents), f"registered are {registered}")
    ensure(_contacts(scene) == contacts, f"the contacts have changed: {_contacts(scene)}")


async def killed(scene: Scene) -> str:
    await scene.break_(scene.mart, scene.li)
    await scene.connect(scene.b, [scene.anna], but=[scene.mart, scene.li])
    mark, since = await scene.dial_in(scene.c, scene.voice.key_to_queue())
    wait = scene.voice.prompt("'please hold the line'", scene.voice.texts.please_wait)
    await scene.hears(scene.c, wait, after=mark, since=since)
    await scene.switch.wait_for("queues", lambda rows: any(row["waiting"] for row in rows), SOON, "anybody waiting")
    contacts, written = _contacts(scene), _written(scene)
    before = {row["agent"]: (row["state"], row["reason"]) for row in await scene.switch.look("agents")}

    await scene.switch.kill()
    sound = _sound(scene)
    ensure(sound == "ok", f"integrity check after kill -9: {sound}")
    ensure(not _lost(written, _written(scene)), f"lost: {_lost(written, _written(scene))}")
    seconds = await scene.switch.start()

    await _remembered(scene, contacts)
    after = {row["agent"]: (row["state"], row["reason"]) for row in await scene.switch.look("agents")}
    for agent in (scene.mart, scene.li):
        ensure(after[agent.id] == before[agent.id], f"{agent.name} was {before[agent.id]}, is {after[agent.id]}")
    states = sorted(row["state"] for row in await scene.switch.look("calls"))
    ensure(states == ["talking", "waiting"], f"the calls are {states}")
    ensure(after[scene.anna.id][0] == "talking", f"Anna is {after[scene.anna.id]}")
    for party in (scene.b, scene.c, scene.anna):
        await party.phone.hang_up()
    await scene.ready(scene.anna)
    return (
        f"killed with C in the queue and B talking; integrity check: {sound}; healthy again after {seconds:.1f} s; "
        "three phones registered without a new REGISTER; Mart and Li still on break; B talks on with Anna, C waits on; "
        "they hang up, Anna ready"
    )


async def same_person_after_kill(scene: Scene) -> str:
    await scene.back(scene.mart, scene.li)
    await scene.break_(scene.anna)
    await scene.back(scene.anna)  # from now on Anna has idled least
    return await _anna_again(scene)


async def stopped(scene: Scene) -> str:
    await scene.break_(scene.li)
    contacts = _contacts(scene)
    before = {row["agent"]: (row["state"], row["reason"]) for row in await scene.switch.look("agents")}
    status, took = await scene.switch.stop()
    ensure(status == 0, f"exit status {status} after SIGTERM")
    sound = _sound(scene)
    ensure(sound == "ok", f"integrity check after the stop: {sound}")
    seconds = await scene.switch.start()
    await _remembered(scene, contacts)
    after = {row["agent"]: (row["state"], row["reason"]) for row in await scene.switch.look("agents")}
    ensure(after == before, f"the agents were {before}, are {after}")
    return (
        f"SIGTERM: exit 0 after {took:.1f} s; healthy again after {seconds:.1f} s; registrations and states are there"
    )


async def same_person_after_stop(scene: Scene) -> str:
    await scene.back(scene.li)
    return await _anna_again(scene)


async def _anna_again(scene: Scene) -> str:
    others = [scene.mart, scene.li]
    _, _, _, heard = await scene.connect(scene.a, [scene.anna], but=others)
    await scene.hang_up(scene.a, scene.anna)
    word = await scene.sticky_word(scene.a)
    ensure(word == "direct", f"the interaction says sticky={word!r}")
    await scene.ready(*scene.agents)
    return f"Anna rings at once; {heard}; written down as 'direct'"


STEPS: tuple[Step[Scene], ...] = (
    Step("kill -9 while C waits in the queue, then a start", "nothing acknowledged is lost", killed),
    Step("A calls again after the kill", "Anna again", same_person_after_kill),
    Step("SIGTERM, then a start", "exit 0; registrations and states are there", stopped),
    Step("A calls again after the stop", "Anna again", same_person_after_stop),
)

"""The steps of the story about calls: registration, the menu, the returning caller, the choice, no answer."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from math import ceil
from zoneinfo import ZoneInfo

from softswitch.demo.scene import SOON, Party, Scene, caller_of
from softswitch.demo.steps import Differs, Step, ensure
from softswitch.demo.switch import TALKED_AT_LEAST
from softswitch.ivr.messages import Say

_MENU_PART = 0.9
_CHOICE_PART = 0.8


async def start(scene: Scene) -> str:
    seconds = await scene.switch.start()
    scene.voice = await scene.switch_voice()
    queues = await scene.switch.look("queues")
    names = ", ".join(queue["queue"] for queue in queues)
    return f"healthy after {seconds:.1f} s; SIP on {scene.switch.sip}; queues: {names}"


async def register(scene: Scene) -> str:
    for agent in scene.agents:  # one after another: Anna has idled longest from now on
        reply = await agent.phone.register(agent.user, scene.passwords[agent.id], scene.switch.sip)
        scene.note(agent.name, f"registers: {reply['status']}", reply["at"])
        ensure(reply["registered"], f"{agent.name} is refused: {reply['status']} {reply['reason']}")
    rows = await scene.switch.look("registrations")
    registered = [row["agent"] for row in rows]
    ensure(sorted(registered) == sorted(agent.id for agent in scene.agents), f"registered are {registered}")
    await scene.ready(*scene.agents)
    phones = {row["user_agent"] for row in rows}
    return f"200 for {', '.join(agent.name for agent in scene.agents)}; all are ready; phones: {', '.join(phones)}"


async def wrong_password(scene: Scene) -> str:
    before = [row["remote"] for row in await scene.switch.look("registrations")]
    stranger = scene.stranger
    wrong = "wrong-" + scene.passwords[scene.anna.id]
    answers = []
    for user, password, words in (
        (scene.anna.user, wrong, ""),
        ("9999", wrong, ""),
        (scene.anna.user, "", "without one"),
    ):
        reply = await stranger.register(user, password, scene.switch.sip)
        answer = f"{reply['status']} {reply['reason']}"
        scene.note("Stranger", f"registers as {user} {words}: {answer}", reply["at"])
        ensure(not reply["registered"], f"{user} is registered {words}")
        ensure(reply["status"] in (401, 403), f"{user}: answered {answer}")
        answers.append(answer)
    ensure(answers[0] == answers[1], f"a known user is told from an unknown one: {answers[0]}, {answers[1]}")
    await stranger.close()  # it would go on trying
    after = [row["remote"] for row in await scene.switch.look("registrations")]
    ensure(before == after, f"registered were {before}, are {after}")
    return f"{answers[0]}; the same for an unknown user; {answers[2]} without a password; Anna stays registered"


async def greeting_and_menu(scene: Scene) -> str:
    mark, since = await scene.dial_in(scene.a)
    for prompt in scene.voice.greeting():
        since = (await scene.hears(scene.a, prompt, after=mark, since=since)).began
    menu = scene.voice.prompt("the menu", scene.voice.menu.say)
    heard = await scene.hears(scene.a, menu, after=mark, since=since, part=_MENU_PART)
    return f"greeting and menu heard, {heard.share:.0%} of {menu.seconds:.1f} s"


async def wrong_key(scene: Scene) -> str:
    call = scene.voice.settings.call
    key = scene.voice.key_to_nowhere()
    pressed = await scene.press(scene.a, key)
    sorry = scene.voice.prompt("that the key was wrong", scene.voice.menu.wrong_key or call.texts.wrong_key)
    heard = await scene.hears(scene.a, sorry, after=0, since=pressed - 1.0)
    menu = scene.voice.prompt("the menu again", scene.voice.menu.say)
    again = await scene.hears(scene.a, menu, after=0, since=heard.began, part=0.25)
    return f"after key {key}: the apology, and the menu again {again.began - heard.began:.1f} s later"


async def right_key(scene: Scene) -> str:
    marks = scene.marks()
    key = scene.voice.key_to_queue()
    await scene.press(scene.a, key)
    agent, _ = await scene.rings([scene.anna], marks, SOON, but=(scene.mart, scene.li))
    calls = await scene.switch.look("calls")
    states = [(row["state"], row["queue"], row["agent"]) for row in calls]
    ensure(("ringing", scene.voice.queue, agent.id) in states, f"the API shows {states}")
    entry = await scene.switch.wait_for_row(
        "SELECT * FROM queue_entry ORDER BY at DESC LIMIT 1", seconds=SOON, wish="queue entry"
    )
    since = await scene.answer(agent, marks[agent.name])
    connecting = scene.voice.prompt("'connecting'", scene.voice.texts.connecting, agent=_name(scene, agent))
    await scene.hears(scene.a, connecting, after=0, since=since - 0.5)
    # The tones of the whole call count: A's recording began long before this step.
    heard = await scene.both_hear(agent, scene.a, {**marks, scene.a.name: 0}, since)
    await scene.talked(scene.a, TALKED_AT_LEAST + 0.3)
    return f"key {key}: queued in {entry['queue']}, Anna rings, A is told her name; {heard}"


async def wrap_up(scene: Scene) -> str:
    ended = await scene.hang_up(scene.a, scene.anna)
    await scene.switch.wait_for_agent(scene.anna.id, "wrap-up", SOON)
    await scene.ready(scene.anna)
    seconds = time.monotonic() - ended
    scene.note("Anna", "is ready again", ended + seconds)
    ensure(2.5 < seconds < 9.0, f"Anna was ready again {seconds:.1f} s after the call")
    return f"Anna in wrap-up, ready again after {seconds:.1f} s"


async def same_person_again(scene: Scene) -> str:
    idle = {row["agent"]: row["state_seconds"] for row in await scene.switch.look("agents")}
    others = [scene.mart, scene.li]
    ensure(all(idle[one.id] > idle[scene.anna.id] + 3 for one in others), f"idle seconds: {idle}")
    _, _, _, heard = await scene.connect(scene.a, [scene.anna], but=others)
    await scene.hang_up(scene.a, scene.anna)
    word = await scene.sticky_word(scene.a)
    ensure(word == "direct", f"the interaction says sticky={word!r}")
    await scene.ready(scene.anna)
    return (
        f"Anna rings at once, though idle for {idle[scene.anna.id]:.0f} s only (Mart {idle[scene.mart.id]:.0f} s, "
        f"Li {idle[scene.li.id]:.0f} s); {heard}; written down as 'direct'"
    )


async def breaks(scene: Scene) -> str:
    await scene.break_(scene.mart, scene.li)
    _, _, _, heard = await scene.connect(scene.b, [scene.anna], but=[scene.mart, scene.li])
    await scene.back(scene.mart, scene.li)
    return f"Mart and Li are on break by code, B gets Anna ({heard}); then Mart and Li are ready by code"


# ---------------------------------------------------------------------- the choice


def _name(scene: Scene, agent: Party) -> Say:
    return scene.voice.spoken_name(agent.id)


async def _offered(scene: Scene) -> tuple[dict[str, int], int]:
    """A calls while Anna talks to B and hears the choice: her name, and the wait in minutes."""
    talking = [row for row in await scene.switch.look("calls") if row["agent"] == scene.anna.id]
    ensure(any(row["state"] == "talking" for row in talking), "Anna is not talking to anybody")
    marks = scene.marks()
    mark, since = await scene.dial_in(scene.a, scene.voice.key_to_queue())
    intro = scene.voice.choice_intro(scene.anna.id)
    heard = await scene.hears(scene.a, intro, after=mark, since=since, part=_CHOICE_PART)
    about = await scene.hears(scene.a, scene.voice.wait_told(), after=mark, since=heard.began, part=_CHOICE_PART)
    deadline = time.monotonic() + SOON
    while True:
        recording = scene.a.phone.recording(mark)
        told = scene.voice.minutes_heard(recording, about.ended) if recording else None
        if told is not None:
            break
        if time.monotonic() > deadline:
            raise Differs("the caller does not hear how many minutes the wait would be")
        await asyncio.sleep(0.1)
    minutes = told[0]
    scene.note("A", f"hears the wait: about {minutes} min", told[1].began)
    rang = [one.name for one in scene.agents if one.phone.since(marks[one.name], "incoming")]
    ensure(not rang, f"{rang} rang before A chose")
    return marks, minutes


async def choose_wait(scene: Scene) -> str:
    marks, minutes = await _offered(scene)
    pressed = await scene.press(scene.a, scene.voice.choice_key("wait"))
    kept = scene.voice.prompt("'I keep your place'", scene.voice.texts.wait_for_agent, agent=_name(scene, scene.anna))
    await scene.hears(scene.a, kept, after=marks["A"], since=pressed - 0.5)
    marks["Anna"] = scene.anna.mark()
    freed = await scene.hang_up(scene.b, scene.anna)
    _, rang = await scene.rings([scene.anna], marks, SOON, but=[scene.mart, scene.li])
    since = await scene.answer(scene.anna, marks["Anna"])
    heard = await scene.both_hear(scene.anna, scene.a, marks, since)
    await scene.hang_up(scene.a, scene.anna)
    word = await scene.sticky_word(scene.a)
    await scene.ready(scene.anna)
    return (
        f"told Anna's name and about {minutes} min; waits in her line; {rang.at - freed:.1f} s after B hung up "
        f"(wrap-up 3 s) she rings, nobody else did; {heard}; written down as '{word}'"
    )


async def choose_colleague(scene: Scene) -> str:
    await scene.connect(scene.b, [scene.anna], but=[scene.mart, scene.li])
    marks, minutes = await _offered(scene)
    pressed = await scene.press(scene.a, scene.voice.choice_key("colleague"))
    agent, rang = await scene.rings([scene.mart, scene.li], marks, SOON, but=[scene.anna])
    since = await scene.answer(agent, marks[agent.name])
    heard = await scene.both_hear(agent, scene.a, marks, since)
    await scene.hang_up(scene.a, agent)
    word = await scene.sticky_word(scene.a)
    return (
        f"told about {minutes} min; {agent.name} rings {max(0.0, rang.at - pressed):.1f} s after the key, "
        f"Anna still talks to B; {heard}; written down as '{word}'"
    )


async def choose_call_back(scene: Scene) -> str:
    marks, _ = await _offered(scene)
    pressed = await scene.press(scene.a, scene.voice.choice_key("call_back"))
    promise = await scene.switch.wait_for_row(
        "SELECT * FROM promise WHERE caller = ? ORDER BY made_at DESC LIMIT 1", scene.a.id, seconds=SOON, wish="promise"
    )
    clock = _clock(scene, promise["due_at"])
    confirmed = scene.voice.prompt(
        f"'Anna calls you back by {clock}'",
        scene.voice.texts.call_back_confirmed,
        agent=_name(scene, scene.anna),
        time=clock,
    )
    await scene.hears(scene.a, confirmed, after=marks["A"], since=pressed - 0.5)
    ended = await scene.a.phone.expect("ended", after=marks["A"], seconds=SOON)
    scene.note("A", "the line hangs up", ended.at)
    return (
        f"promise {promise['state']} in the database for {promise['agent']} by {clock}; A hears exactly that; hung up"
    )


async def call_back_kept(scene: Scene) -> str:
    freed = await scene.hang_up(scene.b, scene.anna)
    marks = scene.marks()
    _, rang = await scene.rings([scene.anna], marks, SOON, but=[scene.mart, scene.li])
    since = await scene.answer(scene.anna, marks["Anna"])
    incoming = await scene.a.phone.expect("incoming", after=marks["A"], seconds=SOON)
    scene.note("A", f"rings, {caller_of(incoming)} is shown", incoming.at)
    intro = scene.voice.prompt("'Call-back'", scene.voice.settings.call.texts.call_back_intro)
    await scene.hears(scene.anna, intro, after=marks["Anna"], since=since - 0.5)
    talking = await scene.answer(scene.a, marks["A"])
    heard = await scene.both_hear(scene.anna, scene.a, marks, talking)
    await scene.hang_up(scene.a, scene.anna)
    row = await scene.switch.wait_for_row(
        "SELECT * FROM promise WHERE caller = ? AND state <> 'open'",
        scene.a.id,
        seconds=SOON,
        wish="promise that is settled",
    )
    ensure(row["state"] == "kept", f"the promise is {row['state']}: {row['because']}")
    await scene.ready(*scene.agents)
    return (
        f"{rang.at - freed:.1f} s after B hung up Anna rings, hears that it is a call-back; A rings through the trunk "
        f"{max(0.0, incoming.at - since):.1f} s after her answer; {heard}; the promise is {row['state']}"
    )


def _clock(scene: Scene, wall: float) -> str:
    zone = ZoneInfo(scene.voice.settings.call.timezone)
    return datetime.fromtimestamp(ceil(wall / 60) * 60, zone).strftime("%H:%M")


# ---------------------------------------------------------------------- no answer


async def no_answer(scene: Scene) -> str:
    marks = scene.marks()
    await scene.dial_in(scene.b, scene.voice.key_to_queue())
    _, rang = await scene.rings([scene.anna], marks, SOON, but=[scene.mart, scene.li])
    agent, second = await scene.rings([scene.mart, scene.li], marks, SOON)
    stopped = await scene.anna.phone.expect("ended", after=marks["Anna"], seconds=SOON)
    scene.note("Anna", "stops ringing, unanswered", stopped.at)
    since = await scene.answer(agent, marks[agent.name])
    heard = await scene.both_hear(agent, scene.b, marks, since)
    row = await scene.switch.wait_for_agent(scene.anna.id, "suspended", SOON)
    ensure(row["reason"], "Anna is suspended without a reason")
    await scene.hang_up(scene.b, agent)
    return (
        f"Anna rings {stopped.at - rang.at:.1f} s in vain; {agent.name} rings "
        f"{max(0.0, second.at - stopped.at):.1f} s later; {heard}; Anna is suspended: '{row['reason']}'"
    )


async def back_by_code(scene: Scene) -> str:
    await scene.back(scene.anna)
    await scene.ready(*scene.agents)
    return "Anna dials the code, hears that she is ready, and is"


STEPS: tuple[Step[Scene], ...] = (
    Step("The switch starts", "healthy, with the bank's queues", start, vital=True),
    Step("Anna, Mart and Li register", "challenged by digest, then 200; all three ready", register),
    Step("A stranger registers as Anna", "refused: wrong password, none, or an unknown user", wrong_password),
    Step("A calls the bank", "hears the greeting and the menu", greeting_and_menu),
    Step("A presses a wrong key", "is told so, and asked again", wrong_key),
    Step("A presses the right key", "queued; Anna rings; both hear each other", right_key),
    Step("A hangs up", "Anna has 3 s of wrap-up, then is ready", wrap_up),
    Step("A calls again", "straight to Anna, although others have idled longer", same_person_again),
    Step("B calls while Mart and Li are on break", "B talks to Anna; the others come back", breaks),
    Step("A calls, Anna is busy, A waits", "hears the choice; Anna takes A when she is free", choose_wait),
    Step("A calls, Anna is busy, A takes a colleague", "hears the choice; another rings at once", choose_colleague),
    Step("A calls, Anna is busy, A wants a call-back", "hears the choice; the promise is made", choose_call_back),
    Step("Anna is free: the call-back", "Anna rings, then A; both talk; promise kept", call_back_kept),
    Step("B calls, Anna does not answer", "on to a colleague; Anna suspended with a reason", no_answer),
    Step("Anna comes back", "ready again", back_by_code),
)

"""The ACD with real phones: the three-way choice, departments, call-backs both ways, a supervisor, rings in common.

Nothing here sleeps: every step waits for an event of a phone or a state of the switch, with a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import sqlite3
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from softswitch.demo.listen import find_prompt
from softswitch.demo.ports import free_port
from softswitch.ids import QueueId

from .acd_live import AGENTS, Floor, opened
from .conftest import PJSUA
from .wire import Wire, register

pytestmark = [pytest.mark.interop, pytest.mark.asyncio(loop_scope="session")]
EVERYDAY, BACK = QueueId("everyday"), QueueId("back")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Floor]:
    async with opened(tmp_path_factory.mktemp("acd")) as floor:
        yield floor


@pytest_asyncio.fixture(loop_scope="session")
async def floor(house: Floor) -> AsyncIterator[Floor]:
    await house.tidy()
    yield house


async def returning(floor: Floor) -> None:
    """Anna has talked with the one customer, and now talks with the other."""
    await floor.switch.set_agent("mart", "break")
    await floor.talks(floor.one, "anna")
    await floor.switch.wait_for_row(
        "SELECT * FROM interaction WHERE agent = 'anna' AND caller = ?", floor.one, seconds=20, wish="his talk"
    )
    await _talked(floor, 1.2)
    await floor.phones[floor.one].hang_up()
    await floor.free("anna")
    await floor.talks(floor.other, "anna")
    await floor.switch.set_agent("mart", "ready")


async def _talked(floor: Floor, seconds: float) -> None:
    def so(rows: list[dict[str, float]]) -> bool:
        return any(row["state"] == "talking" and row["state_seconds"] >= seconds for row in rows)

    await floor.switch.wait_for("calls", so, seconds + 20, f"talked for {seconds} s")


async def test_busy_he_waits_for_her_and_is_hers(floor: Floor) -> None:
    await returning(floor)
    phone = await floor.dial(floor.one)
    await floor.switch.call_of(floor.one, "choosing")
    await phone.press("1")
    row = await floor.switch.call_of(floor.one, "waiting")
    assert row["sticky"] == "waiting for anna"
    mark = floor.agents["anna"].mark()
    await floor.phones[floor.other].hang_up()
    await floor.agents["anna"].expect("talking", after=mark, seconds=20)  # after her wrap-up
    assert (await floor.switch.call_of(floor.one, "talking"))["agent"] == "anna"
    assert (await floor.switch.agent("mart"))["calls"] == 0


async def test_busy_he_takes_a_colleague_now(floor: Floor) -> None:
    await returning(floor)
    phone = await floor.dial(floor.one)
    await floor.switch.call_of(floor.one, "choosing")
    mark = floor.agents["mart"].mark()
    await phone.press("2")
    await floor.agents["mart"].expect("talking", after=mark, seconds=20)
    assert (await floor.switch.call_of(floor.one, "talking"))["agent"] == "mart"


async def test_busy_she_calls_him_back_agent_first(floor: Floor) -> None:
    await returning(floor)
    phone, anna = await floor.dial(floor.one), floor.agents["anna"]
    await floor.switch.call_of(floor.one, "choosing")
    mark = phone.mark()
    await phone.press("3")
    await floor.switch.wait_for_row(
        "SELECT * FROM promise WHERE caller = ? AND state = 'open'", floor.one, seconds=20, wish="promise"
    )
    await phone.hang_up()
    at_anna, mark = anna.mark(), phone.mark()
    await anna.tone(440)
    await phone.tone(770)
    await floor.phones[floor.other].hang_up()
    rang = await anna.expect("incoming", after=at_anna, seconds=20)
    called = await phone.expect("incoming", after=mark, seconds=20)
    assert called.at > rang.at, "her phone first"
    talking = await phone.expect("talking", after=mark, seconds=20)
    await phone.hears_tone(440, after=mark, since=talking.at, seconds=20)
    await anna.hears_tone(770, after=at_anna, since=talking.at, seconds=20)
    row = await floor.switch.wait_for_row(  # a tone that goes on is no machine
        "SELECT * FROM promise WHERE caller = ? AND state = 'kept'", floor.one, seconds=20, wish="kept promise"
    )
    assert (row["agent"], row["answered_by"]) == ("anna", "unknown")
    for each in (anna, phone):
        await each.tone(0)


async def test_call_back_customer_first_with_his_key(floor: Floor) -> None:
    anna, phone = floor.agents["anna"], floor.phones[floor.other]
    await floor.switch.set_agent("anna", "break")
    await floor.dial(floor.other, "300")
    await floor.switch.call_of(floor.other, "waiting")
    await phone.press("1")
    await floor.switch.wait_for_row(
        "SELECT * FROM promise WHERE caller = ? AND state = 'open'", floor.other, seconds=20, wish="promise"
    )
    await phone.hang_up()
    at_anna, mark = anna.mark(), phone.mark()
    await floor.switch.set_agent("anna", "ready")
    there = await phone.expect("talking", after=mark, seconds=20)
    assert (await floor.switch.agent("anna"))["state"] == "ringing"  # she is kept free, and her phone is silent
    assert anna.since(at_anna, "incoming") == []
    ask = floor.prompt(floor.settings.call.queue_texts[BACK].call_back_texts.ask_customer)
    await phone.hears_prompt(ask, after=mark, since=there.at - 0.3, seconds=20, part=0.3)
    await phone.press("1")
    rang = await anna.expect("incoming", after=at_anna, seconds=20)
    assert rang.at > there.at
    talking = await anna.expect("talking", after=at_anna, seconds=20)
    await phone.tone(770)
    await anna.hears_tone(770, after=at_anna, since=talking.at, seconds=20)
    await floor.switch.wait_for_row(
        "SELECT * FROM promise WHERE caller = ? AND state = 'kept'", floor.other, seconds=20, wish="kept promise"
    )
    await phone.tone(0)


async def test_departments_a_question_and_back_then_too_many_passes(floor: Floor) -> None:
    await floor.switch.set_agent("mart", "break")
    await floor.talks(floor.one, "anna")
    await floor.switch.set_agent("mart", "ready")
    anna, mart, li = (floor.agents[name] for name in ("anna", "mart", "li"))
    call = (await floor.switch.call_of(floor.one, "talking"))["call"]
    marks = anna.mark(), mart.mark(), li.mark()
    body = {"queue": "loans", "note": "a loan", "come_back": True}
    assert (await floor.switch.order("POST", f"calls/{call}/pass", body))[0] == 200
    await anna.expect("ended", after=marks[0], seconds=20)
    await mart.expect("talking", after=marks[1], seconds=20)
    row = await floor.switch.call_of(floor.one, "talking")
    assert (row["agent"], row["queue"], row["notes"][-1]) == ("mart", "loans", "passed on by anna: a loan (pass 1)")
    await floor.switch.set_agent("anna", "ready")
    back = anna.mark()
    await mart.hang_up()  # the question is answered, and the caller stays
    await anna.expect("talking", after=back, seconds=20)
    row = await floor.switch.call_of(floor.one, "talking")
    assert (row["agent"], row["notes"][-1]) == ("anna", "back to anna after a question to mart")
    assert (await floor.switch.order("POST", f"calls/{call}/pass", {"queue": "loans"}))[0] == 200
    await li.expect("talking", after=marks[2], seconds=20)  # nobody is kicked around like a ball
    row = await floor.switch.call_of(floor.one, "talking")
    assert (row["agent"], row["queue"]) == ("li", "supervisors")
    assert floor.phones[floor.one].in_call()


async def test_a_supervisor_frees_an_agent_in_a_talk_and_the_caller_goes_on(floor: Floor) -> None:
    await floor.switch.set_agent("mart", "break")
    await floor.talks(floor.other, "anna")
    await floor.switch.set_agent("mart", "ready")
    anna, mart = floor.agents["anna"], floor.agents["mart"]
    marks = anna.mark(), mart.mark()
    await anna.answering("never")
    await floor.switch.order("POST", "agents/anna/free", {"reason": "stuck"})
    await anna.expect("ended", after=marks[0], seconds=20)
    await floor.switch.wait_for_row(
        "SELECT * FROM agent_event WHERE agent = 'anna' AND reason LIKE 'freed by%stuck'", seconds=20, wish="audit line"
    )
    await mart.expect("talking", after=marks[1], seconds=20)  # perhaps after her phone has rung for him in vain
    assert (await floor.switch.call_of(floor.other, "talking"))["agent"] == "mart"


async def test_a_phone_rings_in_vain_the_caller_is_moved_and_goes_on_and_she_is_back_by_code(floor: Floor) -> None:
    anna, mart = floor.agents["anna"], floor.agents["mart"]
    await anna.answering("never")
    await floor.switch.set_agent("mart", "break")
    rung = anna.mark()
    await floor.dial(floor.one)
    await anna.expect("incoming", after=rung, seconds=20)
    seen = await floor.switch.wait_for_agent("anna", "suspended", 20)
    await anna.expect("ended", after=rung, seconds=20)
    assert seen["reason"] == "no answer"
    row = await floor.switch.call_of(floor.one, "waiting")
    for body in ({"to": "front", "by": "kadri"}, {"queue": "loans", "by": "kadri"}):
        assert (await floor.switch.order("POST", f"calls/{row['call']}/move", body))[0] == 200
    row = await floor.switch.call_of(floor.one, "waiting")
    assert (row["queue"], row["notes"][-2:]) == ("loans", ["moved to the front by kadri", "moved to loans by kadri"])
    mark = mart.mark()
    await floor.switch.set_agent("mart", "ready")
    await mart.expect("talking", after=mark, seconds=20)
    await mart.hang_up()
    code = anna.mark()  # *13 by her phone, with its spoken answer
    await anna.dial(f"sip:*13@{floor.switch.sip}")
    said = floor.prompt(floor.settings.call.texts.now_ready)
    talking = await anna.expect("talking", after=code, seconds=20)
    await anna.hears_prompt(said, after=code, since=talking.at - 0.5, seconds=20, part=0.5)
    await anna.expect("ended", after=code, seconds=20)
    await floor.switch.wait_for_agent("anna", "ready", 20)


async def test_the_owner_of_his_case_gets_him_as_a_ticket_system_said(floor: Floor) -> None:
    """Anna talked with him last, and idles longer; the owner comes first all the same."""
    for action in ("break", "ready"):
        await floor.switch.set_agent("mart", action)
    path = f"callers/{floor.one}/owner"
    assert (await floor.switch.order("PUT", path, {"agent": "mart"}))[0] == 200
    await floor.talks(floor.one, "mart")
    assert (await floor.switch.order("DELETE", path)) == (200, {"caller": floor.one, "owner": None})
    await floor.phones[floor.one].hang_up()
    await floor.talks(floor.one, "anna")


async def test_more_time_by_phone_with_the_truth_spoken(floor: Floor) -> None:
    await floor.switch.set_agent("mart", "break")
    await floor.talks(floor.one, "anna")
    anna = floor.agents["anna"]
    over = anna.mark()
    await floor.phones[floor.one].hang_up()
    await anna.expect("ended", after=over, seconds=20)
    seen = await floor.switch.wait_for_agent("anna", "wrap-up", 20)
    texts = floor.settings.call.texts
    for say, left in ((texts.more_time, 20.0), (texts.not_possible, None)):
        if left is None:
            await floor.switch.set_agent("anna", "ready")
        mark = anna.mark()
        await anna.dial(f"sip:*18@{floor.switch.sip}")
        talking = await anna.expect("talking", after=mark, seconds=20)
        await anna.hears_prompt(floor.prompt(say), after=mark, since=talking.at - 0.5, seconds=20, part=0.5)
        await anna.expect("ended", after=mark, seconds=20)
        if left is not None:
            seen = await floor.switch.agent("anna")
            assert seen["state"] == "wrap-up" and seen["left_seconds"] > left


async def test_she_passes_him_on_by_her_phone_with_the_code_of_a_department(floor: Floor) -> None:
    """Another make of phone: one that holds a call while it places a second one."""
    baresip = floor.agents["anna"]
    await baresip.order("unregister")
    await floor.switch.wait_for_agent("anna", "offline", 20)
    phone = await floor.rack.phone("pjsua", program=PJSUA)
    try:
        await floor.register("anna", phone)
        await phone.answering("at_once")
        floor.agents["anna"] = phone
        await floor.switch.set_agent("mart", "break")
        await floor.talks(floor.one, "anna")
        await floor.switch.set_agent("mart", "ready")
        mart = floor.agents["mart"]
        mark = mart.mark()
        await phone.order("consult", to=f"sip:*152@{floor.switch.sip}")
        await mart.expect("talking", after=mark, seconds=20)
        row = await floor.switch.call_of(floor.one, "talking")
        assert (row["agent"], row["queue"], row["notes"][-1]) == ("mart", "loans", "passed on by anna (pass 1)")
        await floor.phones[floor.one].hang_up()
    finally:
        floor.agents["anna"] = baresip
        await phone.close()
        await floor.register("anna", baresip)


async def test_all_phones_ring_both_answer_at_once_and_one_of_them_talks(floor: Floor) -> None:
    anna, mart = floor.agents["anna"], floor.agents["mart"]
    marks = anna.mark(), mart.mark()
    await floor.dial(floor.one, "400")
    await asyncio.gather(
        anna.expect("incoming", after=marks[0], seconds=20), mart.expect("incoming", after=marks[1], seconds=20)
    )
    row = await floor.switch.call_of(floor.one, "talking")
    winner, loser, mark = (anna, mart, marks[1]) if row["agent"] == "anna" else (mart, anna, marks[0])
    await loser.expect("ended", after=mark, seconds=20)
    assert winner.in_call()
    await floor.switch.wait_for_agent("mart" if winner is anna else "anna", "ready", 20)


async def test_two_answers_cross_and_the_loser_is_released_with_a_reason(floor: Floor) -> None:
    """RFC 3326, RFC 3261 9.1: CANCEL with the reason; the 200 that crosses it is acknowledged and ended by BYE."""
    host = "127.0.0.1"
    for name in ("anna", "mart"):
        await floor.agents[name].order("unregister")
        await floor.switch.wait_for_agent(name, "offline", 20)
    ports = [free_port(host) for _ in range(2)]
    for name, port in zip(("anna", "mart"), ports, strict=True):
        await register(floor.switch.sip, host, port, AGENTS[name], floor.passwords[name], 60)
        await floor.switch.wait_for_agent(name, "ready", 20)
    wires = [await Wire.open(floor.switch.sip, host, port) for port in ports]
    ends: list[asyncio.Future[list[str]]] = []
    try:
        await floor.dial(floor.one, "400")
        invites = [await _until(wire, "INVITE") for wire in wires]
        for wire, invite in zip(wires, invites, strict=True):
            wire.send(_ok(invite, wire.port))  # both before either has heard anything more
        ends = [asyncio.ensure_future(_until_bye(wire)) for wire in wires]
        done, _ = await asyncio.wait(ends, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        (over,) = done
        lost, seen = ends.index(over), over.result()
        kinds = [text.split(" ", 1)[0] for text in seen]
        assert kinds in (["CANCEL", "ACK", "BYE"], ["ACK", "BYE"]), kinds
        for text in (seen[0], seen[-1]):
            assert text.startswith("ACK") or 'Reason: SIP;cause=200;text="Call completed elsewhere"' in text
        row = await floor.switch.call_of(floor.one, "talking")
        assert row["agent"] == ("mart" if lost == 0 else "anna")
    finally:
        for each in ends:
            each.cancel()
        for wire in wires:
            wire.close()
        await floor.phones[floor.one].hang_up()
        for name in ("anna", "mart"):
            await floor.register(name, floor.agents[name])


async def _until(wire: Wire, method: str) -> str:
    while not (text := await wire.next()).startswith(method):
        if text.startswith("OPTIONS"):
            wire.send(_answer(text, "200 OK"))
    return text


async def _until_bye(wire: Wire) -> list[str]:
    """What comes on this wire up to its BYE; all of it is answered."""
    came: list[str] = []
    while not came or not came[-1].startswith("BYE"):
        came.append(await wire.next())
        if not came[-1].startswith("ACK"):
            wire.send(_answer(came[-1], "200 OK"))
        if came[-1].startswith("OPTIONS"):
            del came[-1]
    return came


def _answer(request: str, status: str, more: str = "", body: str = "") -> str:
    """A response with what RFC 3261 8.2.6.2 wants copied."""
    kept = re.findall(r"^(?:Via|From|Call-ID|CSeq|Record-Route):[^\r]*\r\n", request, re.MULTILINE)
    found = re.search(r"^To:([^\r]*)\r\n", request, re.MULTILINE)
    assert found
    to = found[1] if "tag=" in found[1] else f"{found[1]};tag=live"
    return f"SIP/2.0 {status}\r\n{''.join(kept)}To:{to}\r\n{more}Content-Length: {len(body)}\r\n\r\n{body}"


def _ok(invite: str, port: int) -> str:
    body = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        "m=audio 40002 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
    )
    contact = f"Contact: <sip:live@127.0.0.1:{port}>\r\nContent-Type: application/sdp\r\n"
    return _answer(invite, "200 OK", contact, body)


async def test_what_he_hears_is_cut_within_200_ms_of_her_answer(floor: Floor) -> None:
    """The best of four: on a machine that is busy with something else it is the machine that is measured."""
    anna, phone = floor.agents["anna"], floor.phones[floor.one]
    comfort = floor.prompt(floor.settings.call.queue_texts[EVERYDAY].please_wait)
    cut: list[float] = []
    await floor.switch.set_agent("mart", "break")
    await anna.tone(440)
    for _ in range(4):
        await floor.switch.set_agent("anna", "break")
        mark, at_anna = phone.mark(), anna.mark()
        await floor.dial(floor.one)
        began = await phone.expect("talking", after=mark, seconds=20)
        await phone.hears_prompt(comfort, after=mark, since=began.at - 0.5, seconds=20, part=0.2)
        await floor.switch.set_agent("anna", "ready")  # in the middle of the sentence
        answered = await anna.expect("talking", after=at_anna, seconds=20)
        heard = await phone.hears_tone(440, after=mark, since=answered.at, seconds=20)
        recording = phone.recording(mark)
        assert recording is not None and heard is not None
        said = find_prompt(recording, comfort, since=began.at - 0.5)
        assert said is not None
        cut.append(said.ended - answered.at)
        await phone.hang_up()
        await floor.free("anna")
        if cut[-1] <= 0.2:
            break
    await anna.tone(0)
    assert min(cut) <= 0.2, cut


async def test_killed_while_two_wait_one_of_them_passed_on_both_are_called_back_in_order(floor: Floor) -> None:
    """kill -9. He who was passed on came to this queue last and to the line first: he is called first. Runs last."""
    switch, mart = floor.switch, floor.agents["mart"]
    first, second = floor.phones[floor.one], floor.phones[floor.other]
    await switch.set_agent("mart", "break")
    await floor.talks(floor.one, "anna")
    await floor.dial(floor.other, "200")
    await switch.call_of(floor.other, "waiting")
    call = (await switch.call_of(floor.one, "talking"))["call"]
    assert (await switch.order("POST", f"calls/{call}/pass", {"queue": "loans"}))[0] == 200
    await switch.call_of(floor.one, "waiting")
    await switch.wait_for_row(
        "SELECT * FROM queue_entry WHERE queue = 'loans' AND because = 'passed on by anna' AND interaction = ?",
        int(call), seconds=20, wish="his place in the other queue",
    )  # fmt: skip
    await switch.kill()
    marks = {phone: phone.mark() for phone in (first, second, mart)}
    for phone in (first, second, floor.agents["anna"]):
        await phone.hang_up()
    # As if the kill had come before they were written down: the next switch does not go on with them.
    with contextlib.closing(sqlite3.connect(switch.database, timeout=20)) as database, database:
        database.execute("DELETE FROM live_call WHERE id > 0")
    await switch.start()
    lost = "SELECT * FROM promise WHERE queue = 'loans' AND state = 'open' AND caller = ?"
    for number in (floor.one, floor.other):
        assert (await switch.wait_for_row(lost, number, seconds=20, wish="promise"))["agent"] == ""
    await switch.set_agent("mart", "ready")
    kept = "SELECT * FROM promise WHERE queue = 'loans' AND state = 'kept' AND caller = ?"
    await first.expect("incoming", after=marks[first], seconds=20)
    await first.expect("talking", after=marks[first], seconds=20)
    await switch.wait_for_row(kept, floor.one, seconds=20, wish="kept promise")  # it is no machine
    assert not second.since(marks[second], "incoming"), "in order"
    await mart.hang_up()
    await second.expect("incoming", after=marks[second], seconds=20)
    await second.expect("talking", after=marks[second], seconds=20)
    await switch.wait_for_row(kept, floor.other, seconds=20, wish="kept promise")

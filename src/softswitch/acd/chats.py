"""Typed chats: they enter, are offered, accepted, closed. Who has room for them is in `chat_room`, with the diagram.

The same rules as for calls: the oldest of those she may take comes first (head starts and time already waited count),
the previous agent before all others while she has room, an offer has a deadline, who lets one go by is not offered it
again for a while and, after so many, is suspended; the queue's limits of waiting and of callers count for chats too.
"""

from __future__ import annotations

from softswitch.acd import deadlines, duty
from softswitch.acd.agents import NO_ANSWER, READY, SUSPENDED
from softswitch.acd.chat_room import Chat, ChatEntry, Load
from softswitch.acd.floor import Floor, Rejection
from softswitch.acd.messages import (
    AgentState,
    AgentStateChanged,
    AgentWentReady,
    ChatAccepted,
    ChatClosed,
    ChatDeclined,
    ChatEnded,
    ChatEntered,
    ChatLeftQueue,
    ChatOfferEnded,
    Command,
    Event,
    OfferChat,
    Outcome,
    RingEnd,
)
from softswitch.acd.waiting import Place, add_place, remove_place
from softswitch.ids import RingAttemptId

_KEEPS_OFFERS = (READY, AgentState.RINGING)

# ------------------------------------------------------------------ events


def entered(floor: Floor, event: ChatEntered, now: float) -> None:
    room, queue = floor.chats, floor.queues.get(event.queue)
    if queue is None:
        floor.reject(Rejection.UNKNOWN_QUEUE)
        _left_at_once(floor, event, "unknown queue", now)
        return
    if event.interaction in room.entries or event.interaction in floor.entries:
        floor.reject(Rejection.DUPLICATE)
        return
    line = room.line(queue, event.skills, event.language)
    most = floor.settings.most_head_start_seconds
    head_start = max(-most, min(event.head_start_seconds, most))
    entry = ChatEntry(event, line, now, now - head_start - event.waited_seconds)
    settings = queue.settings
    if settings.overflow_when_nobody and not line.staffed:
        _left_at_once(floor, event, "nobody logged in", now)
        return
    load = _previous(floor, entry) or line.first(entry.no_offer)
    if load is None and settings.most_waiting is not None and room.in_line(settings.id) >= settings.most_waiting:
        _left_at_once(floor, event, "queue full", now)
        return
    line.open += 1
    room.entries[entry.id] = entry
    floor.deadlines.add(now + settings.max_wait_seconds, deadlines.CHAT_WAIT, entry)
    if load is None:
        add_place(line.waiting, entry.place)
    else:
        _offer(floor, entry, load, now, entry.sticky == "direct")


def _left_at_once(floor: Floor, event: ChatEntered, because: str, now: float) -> None:
    floor.out.append(ChatLeftQueue(event.interaction, event.queue, Outcome.OVERFLOWED, None, now, now, because=because))


def _previous(floor: Floor, entry: ChatEntry) -> Load | None:
    """The same person as last time, where the queue is sticky and she has room."""
    facts = entry.facts
    if facts.previous_agent is None or entry.line.queue.settings.sticky is None:
        return None
    load = floor.chats.loads.get(facts.previous_agent)
    if load is None or load not in entry.line.members:
        entry.sticky = "gave_up: takes no such chats"
    elif not load.has_room:
        entry.sticky = "gave_up: " + ("busy" if load.may_chat else load.agent.state.value)
    else:
        entry.sticky = "direct"
        return load
    return None


def accepted(floor: Floor, event: ChatAccepted, now: float) -> None:
    """Compare-and-set on the attempt: only the live one is connected."""
    chat = _offered(floor, event.attempt)
    if chat is None:
        return
    entry, load = chat.entry, chat.load
    chat.answered_at = now
    load.no_answers = 0
    load.served += 1
    if load.busy_since is None:
        load.busy_since = now
    floor.deadlines.add(now + floor.settings.longest_chat_seconds, deadlines.CHAT_OVER, chat)
    _offer_ended(floor, chat, RingEnd.ANSWERED, now)
    _left(floor, entry, Outcome.ANSWERED, now)


def declined(floor: Floor, event: ChatDeclined, now: float) -> None:
    chat = _offered(floor, event.attempt)
    if chat is not None:
        _let_go_by(floor, chat, RingEnd.REJECTED, now)


def closed(floor: Floor, event: ChatClosed, now: float) -> None:
    entry = floor.chats.entries.get(event.interaction)
    if entry is None:
        floor.reject(Rejection.UNKNOWN_INTERACTION)
        return
    chat = entry.chat
    if chat is not None and chat.answered_at is not None:
        _end(floor, chat, "", now)
        return
    if chat is None:
        remove_place(entry.line.waiting, entry.place)
    else:
        _take_back(floor, chat, RingEnd.CANCELLED, now)
    _left(floor, entry, Outcome.ABANDONED, now)
    _forget(floor, entry)
    if chat is not None:
        _changed(floor, chat.load, now)


def _offered(floor: Floor, attempt: RingAttemptId) -> Chat | None:
    chat = floor.chats.chats.get(attempt)
    if chat is None or chat.answered_at is not None:
        floor.reject(Rejection.STALE_ATTEMPT)
        return None
    return chat


# ------------------------------------------------------------------ offers


def _offer(floor: Floor, entry: ChatEntry, load: Load, now: float, sticky: bool = False) -> None:
    assert load.has_room and entry.chat is None
    chat = entry.chat = Chat(RingAttemptId(floor.ids.number()), entry, load, now, sticky)
    load.chats[chat.id] = chat
    floor.chats.chats[chat.id] = chat
    load.last_at = now
    deadline = now + entry.line.queue.settings.ring_seconds
    floor.deadlines.add(deadline, deadlines.CHAT_OFFER, chat)
    floor.out.append(OfferChat(chat.id, entry.id, load.agent.id, deadline, sticky))
    _relist(load)


def _relist(load: Load) -> None:
    """Whatever her lines knew of her is out of date."""
    load.stamp += 1
    if load.has_room:
        for line in load.lines:
            line.list_idle(load)


def _changed(floor: Floor, load: Load, now: float) -> None:
    """She may have room now: as many of the oldest as fit."""
    while load.has_room:
        best: Place | None = None
        for line in load.lines:
            for place in line.waiting:
                if load.agent.id not in floor.chats.entries[place[1]].no_offer:
                    if best is None or place < best:
                        best = place
                    break
        if best is None:
            break
        entry = floor.chats.entries[best[1]]
        remove_place(entry.line.waiting, best)
        _offer(floor, entry, load, now)
    _relist(load)


def _take_back(floor: Floor, chat: Chat, end: RingEnd, now: float) -> None:
    """The offer is void; the chat has no agent, and her place is free."""
    chat.over = True
    chat.entry.chat = None
    del chat.load.chats[chat.id], floor.chats.chats[chat.id]
    _offer_ended(floor, chat, end, now)


def _offer_ended(floor: Floor, chat: Chat, end: RingEnd, now: float) -> None:
    entry = chat.entry
    queue, agent = entry.line.queue.settings.id, chat.load.agent.id
    floor.out.append(ChatOfferEnded(chat.id, entry.id, queue, agent, chat.began_at, now, end, chat.sticky))


def _let_go_by(floor: Floor, chat: Chat, end: RingEnd, now: float) -> None:
    entry, load = chat.entry, chat.load
    _take_back(floor, chat, end, now)
    if chat.sticky:
        entry.sticky = f"gave_up: {end.value.replace('_', ' ')}"
    seconds = floor.settings.no_offer_seconds
    if seconds > 0:
        entry.no_offer[load.agent.id] = now + seconds
        floor.deadlines.add(now + seconds, deadlines.CHAT_AGAIN, (entry, load))
    _on(floor, entry, now)
    _changed(floor, load, now)


def _on(floor: Floor, entry: ChatEntry, now: float) -> None:
    """To the next agent, or back into the line at his own place."""
    load = entry.line.first(entry.no_offer)
    settings = entry.line.queue.settings
    if load is not None:
        _offer(floor, entry, load, now)
    elif now >= entry.entered_at + settings.max_wait_seconds:
        _left(floor, entry, Outcome.OVERFLOWED, now, "waited too long")
        _forget(floor, entry)
    elif settings.overflow_when_nobody and not entry.line.staffed:
        _left(floor, entry, Outcome.OVERFLOWED, now, "nobody logged in")
        _forget(floor, entry)
    else:
        add_place(entry.line.waiting, entry.place)


# ------------------------------------------------------------------ the end


def _left(floor: Floor, entry: ChatEntry, outcome: Outcome, now: float, because: str = "") -> None:
    agent = entry.chat.load.agent.id if entry.chat is not None else None
    queue = entry.line.queue.settings.id
    floor.out.append(ChatLeftQueue(entry.id, queue, outcome, agent, entry.entered_at, now, entry.sticky, because))


def _forget(floor: Floor, entry: ChatEntry) -> None:
    entry.line.open -= 1
    del floor.chats.entries[entry.id]


def _end(floor: Floor, chat: Chat, because: str, now: float) -> None:
    entry, load = chat.entry, chat.load
    assert chat.answered_at is not None
    chat.over = True
    del load.chats[chat.id], floor.chats.chats[chat.id]
    _forget(floor, entry)
    if load.busy_since is not None and all(one.answered_at is None for one in load.chats.values()):
        load.busy_seconds += now - load.busy_since
        load.busy_since = None
    queue = entry.line.queue.settings.id
    floor.out.append(ChatEnded(chat.id, entry.id, queue, load.agent.id, chat.answered_at, now, because))
    _changed(floor, load, now)


# ------------------------------------------------------------------ the clock


def offer_due(floor: Floor, subject: object, when: float, now: float) -> None:
    """Nobody looked at it: on to the next, and she is suspended after so many, as with calls."""
    assert isinstance(subject, Chat)
    if subject.over or subject.answered_at is not None:
        return
    load, queue = subject.load, subject.entry.line.queue.settings
    load.no_answers += 1
    limit = queue.suspend_after_no_answers
    limit = floor.settings.suspend_after_no_answers if limit is None else limit
    if limit and load.no_answers >= limit and load.agent.state is READY:
        load.no_answers = 0
        _let_go_by_suspended(floor, subject, now)
    else:
        _let_go_by(floor, subject, RingEnd.NO_ANSWER, now)


def _let_go_by_suspended(floor: Floor, chat: Chat, now: float) -> None:
    entry, load = chat.entry, chat.load
    _take_back(floor, chat, RingEnd.NO_ANSWER, now)
    entry.no_offer[load.agent.id] = now + floor.settings.no_offer_seconds
    floor.deadlines.add(now + floor.settings.no_offer_seconds, deadlines.CHAT_AGAIN, (entry, load))
    duty.away(floor, load.agent, SUSPENDED, NO_ANSWER, now)
    _on(floor, entry, now)


def wait_due(floor: Floor, subject: object, when: float, now: float) -> None:
    assert isinstance(subject, ChatEntry)
    if floor.chats.entries.get(subject.id) is subject and subject.chat is None:
        remove_place(subject.line.waiting, subject.place)
        _left(floor, subject, Outcome.OVERFLOWED, now, "waited too long")
        _forget(floor, subject)


def again(floor: Floor, subject: object, when: float, now: float) -> None:
    """She may be offered this chat again."""
    assert isinstance(subject, tuple)
    entry, load = subject
    if entry.no_offer.get(load.agent.id) == when:
        del entry.no_offer[load.agent.id]
        if floor.chats.entries.get(entry.id) is entry:
            _changed(floor, load, now)


def over(floor: Floor, subject: object, when: float, now: float) -> None:
    assert isinstance(subject, Chat)
    if not subject.over:
        _end(floor, subject, "open for too long", now)


# ------------------------------------------------------------------ what calls do to chats


def after(floor: Floor, event: Event | None, out: list[Command], now: float) -> None:
    """Agents who take chats and have changed in this step: their offers end when they cannot look at them any more,
    and room is filled. Called after every step of an engine where anybody takes chats."""
    loads = floor.chats.loads
    changed = dict.fromkeys(command.agent for command in out if type(command) is AgentStateChanged)
    if type(event) is AgentWentReady:  # the break she had asked for is off
        changed[event.agent] = None
    for agent in changed:
        if agent in loads:
            _agent_changed(floor, loads[agent], now)


def _agent_changed(floor: Floor, load: Load, now: float) -> None:
    state = load.agent.state
    if not load.may_chat and state not in _KEEPS_OFFERS:
        offers = [chat for chat in load.chats.values() if chat.answered_at is None]
        for chat in offers:
            _take_back(floor, chat, RingEnd.CANCELLED, now)
        for chat in offers:
            _on(floor, chat.entry, now)
        if state is AgentState.OFFLINE:
            _nobody_left(floor, load, now)
    _changed(floor, load, now)


def _nobody_left(floor: Floor, load: Load, now: float) -> None:
    for line in load.lines:
        if line.waiting and line.queue.settings.overflow_when_nobody and not line.staffed:
            for place in list(line.waiting):
                entry = floor.chats.entries[place[1]]
                remove_place(line.waiting, place)
                _left(floor, entry, Outcome.OVERFLOWED, now, "nobody logged in")
                _forget(floor, entry)

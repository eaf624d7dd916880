"""What a caller hears and is asked while he waits: comfort, position, music, and the sticky three-way choice.

The choice itself is a one-menu flow made from the queue's texts; its variables are the agent's spoken name, the
estimated wait in minutes and the time by which she would call back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import ceil

from softswitch.acd.matching import POSITION
from softswitch.acd.messages import (
    AnnounceWaiting,
    CallBackRequested,
    CallerEntered,
    CallerLetOthersFirst,
    CallerWentOn,
    Choice,
    ChoiceMade,
    ConfirmCallBack,
    OfferChoice,
    StickyRule,
)
from softswitch.acd.places import OTHERS_FIRST
from softswitch.call.board import Board
from softswitch.call.call_back_desk import CallBackDesk, when_said
from softswitch.call.comfort import in_line_said, join_says, so_long, wait_said
from softswitch.call.known import Memory, QueuePlace
from softswitch.call.leg import CallLeg
from softswitch.call.prompts import RINGBACK, music_segment
from softswitch.call.records import FindPreviousAgent, InteractionQueued, PreviousAgentFound
from softswitch.ids import AgentId, CustomerId, FlowId, InteractionId, PlaybackId, QueueId
from softswitch.ivr.flow import FlowRun
from softswitch.ivr.messages import EnterQueue, Flow, FlowStarted, MenuStep, Say, Segment, Target, Unclear

_CHOICE_FLOW = FlowId("choice")
_NOT_HERS = ("wait limit", "call-back not saved")  # why a caller is no longer kept for his agent (acd.sticky)
_NO_LOOK_BACK = StickyRule(look_back_seconds=0.0)
_MOST_NOTES = 20
_MOST_OVERFLOWS = 8  # queue -> queue -> queue: then it is a loop in the configuration
_IN_FRONT_SECONDS = 1e9  # more than the queues allow: they give what they do
_MOST_MINUTES = 60  # the longest wait that is spoken as a number

_NO_BRACKETS = str.maketrans("[]", "()")  # what stands in brackets is ours to say


class Waiting:
    """The queue side of a caller's session."""

    def __init__(self, board: Board, leg: CallLeg, language: str) -> None:
        self._board = board
        self._leg = leg
        self.memory = Memory()
        self._interaction: InteractionId | None = None
        self._music: PlaybackId | None = None
        self.language = language
        self.caller_name = ""
        self.can_be_called_back = False
        self.sticky_note = ""  # for the eyes of a supervisor
        self.place: QueuePlace | None = None
        self.personal: AgentId | None = None  # in whose own line he waits
        self.desk: CallBackDesk | None = None  # asks him about a call-back

    def identity_values(self) -> dict[str, str]:
        """What a flow can branch by."""
        identity = self._leg.facts.identity
        return {} if identity is None else {"attestation": identity.attestation, "identity": identity.word}

    @property
    def shown_name(self) -> str:
        """What an agent's phone shows: a number that is not proven is marked, so that nobody takes it for proof."""
        identity, name = self._leg.facts.identity, self.caller_name.translate(_NO_BRACKETS)
        return name if identity is None else f"{name} [{identity.summary}]".strip()

    # -------------------------------------------------------------- who was it last time?

    def ask_ahead(self, interaction: InteractionId, now: float) -> None:
        """Ask the store by number while the greeting plays, when every sticky queue looks back the same way."""
        rule = self._board.line.sticky_everywhere
        if rule is not None:
            self.memory.asked_ahead = True
            self._ask(interaction, None, rule.look_back_seconds, rule.talked_at_least_seconds, now)

    def _ask(
        self, interaction: InteractionId, customer: CustomerId | None, look_back: float, talked: float, now: float
    ) -> None:
        caller = self._leg.facts.customer
        since = self._board.line.wall(now) - look_back
        today = None
        if self._board.line.asks_history:
            local = self._board.line.local_time(self._board.line.wall(now))
            today = local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()
        with_owner = self._board.line.asks_owner
        self._board.emit(FindPreviousAgent(interaction, caller, customer, since, talked, today, with_owner))

    def prepare(self, interaction: InteractionId, command: EnterQueue, now: float) -> bool:
        """The caller is about to enter a queue. True: wait (briefly) for the store to name the previous agent."""
        customer = CustomerId(command.customer_id) if command.customer_id else None
        self.place = QueuePlace(command.queue, customer, command.entered, command.path, command.because)
        if command.owner:
            self._flow_says_owner(command.owner)
        rule = self._board.line.queues[command.queue].sticky
        memory = self.memory
        if rule is None:
            if not self._board.line.asks_history or memory.answered:
                return False
            rule = _NO_LOOK_BACK  # only how often he has called today
        if memory.asked_ahead and customer is None:
            return not memory.answered
        memory.answered = False
        self._ask(interaction, customer, rule.look_back_seconds, rule.talked_at_least_seconds, now)
        return True

    def previous_agent_found(self, event: PreviousAgentFound) -> bool:
        """True: it answers the last question, and not the one asked ahead by number only."""
        place = self.place
        if place is not None and event.customer != place.customer:
            return False
        self.memory.answered = True
        self.memory.previous = event.agent
        self.memory.earlier_calls = event.earlier_calls
        self.memory.was_cut_off = event.was_cut_off
        if not self.memory.owner_said:
            self.memory.owner = event.owner or self.memory.owner
        return True

    def set_owner(self, agent: AgentId | None) -> None:
        """Of this call only: it counts more than what is stored of the customer or of his number."""
        self.memory.owner, self.memory.owner_said = agent, True
        self.note(f"the owner is {agent}" if agent is not None else "nobody owns this case")

    def _flow_says_owner(self, name: str) -> None:
        agent = self._board.line.places.agent(name)
        if agent is None:
            self.note("the flow named an owner who is no agent")
        else:
            self.set_owner(agent)

    # -------------------------------------------------------------- in the line

    @property
    def has_entered(self) -> bool:
        """He has stood in a line: how that ended is the ACD's to say."""
        return self._interaction is not None

    def _record_entry(self, interaction: InteractionId, place: QueuePlace, now: float) -> None:
        self._interaction = interaction
        self.personal = None
        place.entered_at = now
        self._board.emit(
            InteractionQueued(
                interaction,
                place.queue,
                place.customer,
                self._board.line.wall(now),
                place.because,
                place.entered,
                place.path,
                self._previous(place),
            )
        )

    def _previous(self, place: QueuePlace) -> AgentId | None:
        """To whom he is to be brought back: who had him here before in this call, else who owns his case, else his
        named banker, else who talked with him last."""
        rule, memory = self._board.line.queues[place.queue].sticky, self.memory
        if rule is None:
            return None
        here_before = memory.served_by.get(place.queue)
        if here_before is not None:
            return here_before if here_before != memory.passed_by else None
        agent = memory.previous
        if rule.ticket_owner and memory.owner is not None:
            return memory.owner if memory.owner != memory.passed_by else None
        if rule.named_banker and place.customer is not None:
            known = self._board.call.customers.get(place.customer)
            if known is not None and known.banker is not None:
                agent = known.banker
        return agent if agent != memory.passed_by else None  # she has just given him away

    def passed_on(
        self, agent: AgentId, to: Target, note: str, talk_began_at: float, come_back: bool = False
    ) -> EnterQueue | None:
        """He goes to another department with all that is known; None: not into a queue. What he waited still counts."""
        place, memory = self.place, self.memory
        assert place is not None
        memory.waited_before += max(talk_began_at - place.entered_at, 0.0)
        memory.passes += 1
        memory.passed_by = agent
        memory.served_by[place.queue] = agent
        if come_back and to.queue:
            memory.returns_to = (place.queue, agent)
        because = f"passed on by {agent}" + (f": {note}" if note else "")
        self.note(f"{because} (pass {memory.passes})")
        if not to.queue:
            return None
        path = (*place.path, f"passed on to {to.queue}")
        customer = place.customer or ""
        return EnterQueue(QueueId(to.queue), because, self.language, place.entered, path, customer)

    @property
    def returns(self) -> bool:
        """He is with a colleague for a question only."""
        return self.memory.returns_to is not None

    def back_to(self, colleague: AgentId) -> EnterQueue | None:
        """The question is answered: back to her who had it."""
        place, memory = self.place, self.memory
        assert place is not None
        if memory.returns_to is None:
            return None
        (queue, agent), memory.returns_to = memory.returns_to, None
        memory.passed_by = colleague
        because = f"back to {agent} after a question to {colleague}"
        self.note(because)
        path = (*place.path, f"back to {queue}")
        return EnterQueue(queue, because, self.language, place.entered, path, place.customer or "")

    def adopt(self, interaction: InteractionId, place: QueuePlace) -> None:
        """He did not come through a line of his own: he was called back."""
        self._interaction, self.place = interaction, place
        self.memory.answered = True

    def emit(self, event: CallerWentOn) -> None:
        self._board.emit(event)

    def pass_target(self, queue: QueueId) -> Target:
        """Where he really goes: after too many passes to whom the queue names for that."""
        place = self.place
        assert place is not None
        ways = self._board.texts(place.queue).ways
        if ways.most_passes is not None and ways.after_passes is not None and self.memory.passes >= ways.most_passes:
            return ways.after_passes
        return Target(queue=queue)

    def _is_asked(self, place: QueuePlace, now: float) -> bool:
        """Whether he lets others go first."""
        first = self._board.texts(place.queue).ways.let_first
        return first is not None and (first.when is None or first.when.holds(self._facts(place, now)))

    def let_others_first(self, interaction: InteractionId) -> bool:
        """By his key, and by the same key back again. True: then he is to be called back."""
        memory, place = self.memory, self.place
        assert place is not None
        first = self._board.texts(place.queue).ways.let_first
        if first is None or not (memory.may_let_first or memory.lets_first):
            return False
        undo = memory.lets_first
        self._board.emit(CallerLetOthersFirst(interaction, undo))
        return first.call_back and not undo

    def _head_start(self, place: QueuePlace, now: float) -> float:
        """What the rules of the queue give him, each noted."""
        in_front, self.memory.in_front = self.memory.in_front, False
        if in_front:
            return _IN_FRONT_SECONDS
        rules = self._board.texts(place.queue).ways.rules
        if not rules:
            return 0.0
        facts = self._facts(place, now)
        applied = [rule for rule in rules if rule.when.holds(facts)]
        for rule in applied:
            self.note(f"rule {rule.name}: {rule.head_start_seconds:g} s head start")
        return sum(rule.head_start_seconds for rule in applied)

    def _facts(self, place: QueuePlace, now: float) -> dict[str, str | int | bool]:
        """What is known of him, for the rules."""
        line, memory = self._board.line, self.memory
        known = line.call.customers.get(place.customer) if place.customer is not None else None
        facts: dict[str, str | int | bool] = dict.fromkeys(line.collected, "")
        facts.update(place.entered)
        facts["language"] = self.language
        facts["segment"] = known.segment if known is not None else ""
        facts["calls_today"] = memory.earlier_calls + 1
        facts["was_cut_off"] = memory.was_cut_off
        facts["passes"] = memory.passes
        facts["hour"] = line.local_time(line.wall(now)).hour
        facts["has_customer"] = place.customer is not None
        facts.update({"attestation": "", "identity": "", **self.identity_values()})
        return facts

    def _away(self, now: float) -> tuple[AgentId, ...]:
        """Who is absent by the calendar today."""
        line = self._board.line
        absences = line.call.absences
        if not absences:
            return ()
        today = line.local_time(line.wall(now)).date().isoformat()
        return tuple(each.agent for each in absences if each.first <= today <= each.last)

    def goes_in_front(self) -> None:
        """Back in the line through no fault of his."""
        self.memory.in_front = True

    def overflowed_too_often(self) -> bool:
        self.memory.overflows += 1
        return self.memory.overflows > _MOST_OVERFLOWS

    def note(self, note: str) -> None:
        """Something decided about him, for the eyes of a supervisor."""
        notes = self.memory.notes
        if len(notes) < _MOST_NOTES and note not in notes:
            notes.append(note)

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(self.memory.notes)

    def enter(self, interaction: InteractionId, now: float) -> None:
        place, memory = self.place, self.memory
        assert place is not None
        self._record_entry(interaction, place, now)
        self._board.emit(
            CallerEntered(
                interaction,
                place.queue,
                self._leg.facts.caller,
                place.customer,
                self.language,
                self._previous(place),
                head_start_seconds=self._head_start(place, now),
                waited_seconds=memory.waited_before,
                can_be_called_back=self.can_be_called_back,
                away=self._away(now),
                passes=memory.passes,
            )
        )

    def request_call_back(self, interaction: InteractionId, number: str, now: float, fresh: bool = False) -> None:
        """From the line at his place there; `fresh`: he never entered it."""
        place = self.place
        assert place is not None
        if fresh:
            self._record_entry(interaction, place, now)
        self.sticky_note = "chose call_back"
        waited = self.memory.waited_before if fresh else 0.0
        because = place.because if fresh else "asked in the line"
        self._board.emit(
            CallBackRequested(
                interaction,
                place.queue,
                number,
                place.customer,
                self.language,
                fresh,
                because,
                waited_seconds=waited,
            )
        )

    def way_out(self, digit: str) -> Target | None:
        """What a key means while he waits."""
        place = self.place
        assert place is not None
        texts = self._board.texts(place.queue)
        if self.personal is not None and digit in texts.choice_keys:
            return texts.choice_keys[digit]
        return texts.ways.keys.get(digit)

    def offer_at(self) -> float | None:
        """When he is told that he can be called back."""
        place = self.place
        assert place is not None
        after = self._board.texts(place.queue).ways.offer_call_back_seconds
        return None if after is None else place.entered_at + after

    def say_offer(self) -> None:
        place = self.place
        assert place is not None
        if self.personal is None and not self._leg.play(self._offer(place)):
            self.play_music()

    def _offer(self, place: QueuePlace) -> tuple[Segment, ...]:
        return self._say(self._board.texts(place.queue).call_back_texts.offer_call_back)

    def left_line(self, now: float) -> None:
        """Out of this line; the time waited counts in the next one."""
        place = self.place
        assert place is not None
        self.memory.waited_before += now - place.entered_at

    def _say(self, say: Say, values: Mapping[str, str | Say] | None = None) -> tuple[Segment, ...]:
        return self._board.speak(say, self.language, values)

    def announce(self, command: AnnounceWaiting, now: float) -> None:
        """Comfort first, then music (`play_music`, when this came to its end)."""
        place = self.place
        assert place is not None
        texts = self._board.texts(place.queue)
        self.personal = command.agent
        memory = self.memory
        waiting = {"waiting": so_long(now - place.entered_at + memory.waited_before)}
        if command.agent is not None:
            self.sticky_note = f"waiting for {command.agent}"
            segments = self._say(texts.wait_for_agent, self._about(command.agent))
            for say, values in wait_said(texts, command.low_seconds, command.high_seconds):
                segments += self._say(say, {**values, **waiting})
            if Choice.COLLEAGUE.value in texts.choice_parts:  # the way out, at any time
                segments += self._say(texts.choice_parts[Choice.COLLEAGUE.value])
        elif command.because in _NOT_HERS or command.because.startswith("gone"):
            segments = self._say(texts.sorry_gone)
        else:
            asks = command.may_let_others_first and self._is_asked(place, now)
            memory.may_let_first = memory.may_let_first or asks
            memory.lets_first = command.because == OTHERS_FIRST or (memory.lets_first and command.because == POSITION)
            segments = ()
            for say, values in in_line_said(texts, command, asks):
                segments += self._say(say, {**values, **waiting})
            offer_at = self.offer_at()
            if offer_at is not None and offer_at <= now:
                segments += self._offer(place)
        if not self._leg.play(segments):
            self.play_music()

    def play_music(self) -> None:
        place = self.place
        assert place is not None
        self._leg.play((music_segment(self._board.texts(place.queue).music),), loops=0)
        self._music = self._leg.playback

    def prompt_over(self, playback: PlaybackId) -> None:
        """Music follows what was said; when it was the music itself that ended, it cannot be played."""
        if playback != self._music:
            self.play_music()

    def play_ringback(self) -> None:
        self._leg.play((RINGBACK,), loops=0)

    def say_goodbye(self) -> None:
        self._leg.play(self._say(self._board.call.texts.goodbye))

    def say_nobody_there(self) -> None:
        place = self.place
        assert place is not None
        self._leg.play(self._say(self._board.texts(place.queue).nobody_there))

    def connecting(self, agent: AgentId) -> tuple[Segment, ...]:
        """What the caller hears first: with whom he talks."""
        place = self.place
        assert place is not None
        return self._say(self._board.texts(place.queue).connecting, self._about(agent))

    # -------------------------------------------------------------- the choice

    def _about(self, agent: AgentId) -> dict[str, str | Say]:
        voice = self._board.call.agents.get(agent)
        return {"agent": voice.spoken_name if voice is not None else Say()}

    def choice_menu(self, command: OfferChoice) -> FlowRun:
        place = self.place
        assert place is not None
        texts = self._board.texts(place.queue)
        offered = {choice.value for choice in command.choices}
        keys = {key: target for key, target in texts.choice_keys.items() if target.choose in offered}
        parts = texts.choice_parts
        says = [parts["intro"], *(parts[each.value] for each in command.choices)] if parts else [texts.choice]
        if command.instead_of is not None and texts.away.texts:
            says.insert(0, texts.away)
        say = join_says(says)
        colleague = Target(choose=Choice.COLLEAGUE.value)
        menu = MenuStep("choice", say, keys, Unclear(again=1, then=colleague, no_input_seconds=5.0))
        rules = replace(self._board.line.flow_rules, human=colleague)
        flows = {_CHOICE_FLOW: Flow(_CHOICE_FLOW, (menu,))}
        return FlowRun(flows, _CHOICE_FLOW, self._board.ids, rules)

    def choice_values(self, command: OfferChoice, now: float) -> FlowStarted:
        minutes = min(_MOST_MINUTES, max(1, ceil(command.wait_seconds / 60)))
        values: dict[str, str | Say] = dict(self._about(command.agent))
        values["minutes"] = str(minutes)
        values["time"] = self._clock(command.call_back_by)
        if command.instead_of is not None:
            values["absent"] = self._about(command.instead_of)["agent"]
        return FlowStarted(self.language, values)

    def _clock(self, at: float) -> str:
        """Monotonic -> "HH:MM" of the line, rounded up to the minute: a promise is not due earlier than told."""
        line = self._board.line
        return line.local_time(ceil(line.wall(at) / 60) * 60).strftime("%H:%M")

    def chosen(self, value: str) -> None:
        """The caller chose (or said nothing clear, which counts as a colleague)."""
        self.sticky_note = f"chose {value or Choice.COLLEAGUE.value}"
        assert self._interaction is not None
        offered = {choice.value: choice for choice in Choice}
        self._board.emit(ChoiceMade(self._interaction, offered.get(value, Choice.COLLEAGUE)))

    def say_call_back(self, command: ConfirmCallBack, now: float) -> bool:
        place = self.place
        assert place is not None
        values = self._about(command.agent)
        texts = self._board.texts(place.queue)
        say, at = texts.call_back_confirmed, command.due_at
        if not command.agent or command.not_before > now:
            say, at = when_said(self._board, texts.call_back_texts, command, now)
        values["time"] = self._clock(at)
        return self._leg.play(self._say(say, values))

"""The voice menu: what a caller hears and what each key does, with a clock in the test's hand."""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.ids import FlowId, IdSource, PlaybackId, QueueId
from softswitch.ivr.flow import MAX_STEPS_WITHOUT_KEY, MAX_TYPED_AHEAD, PROMPT_GUARD_SECONDS, FlowRules, FlowRun
from softswitch.ivr.messages import (
    BranchStep,
    CollectStep,
    DigitPressed,
    EnterQueue,
    Flow,
    FlowCommand,
    FlowFinished,
    FlowStarted,
    GotoStep,
    LanguageStep,
    MenuStep,
    PlayPrompt,
    PromptEnded,
    RecordCall,
    RecordStep,
    Say,
    SayStep,
    Segment,
    SetStep,
    Step,
    StopPrompt,
    Target,
    Unclear,
)

HUMAN = Target(queue="human")
RULES = FlowRules(
    languages=("en", "et"),
    wrong_key=Say({"en": "Wrong.", "et": "Vale."}),
    no_input=Say({"en": "No key."}),
    human=HUMAN,
)


def say(text: str) -> Say:
    return Say({"en": text, "et": f"{text} eesti"})


def menu(name: str, keys: Mapping[str, Target], again: int = 2, then: Target | None = None) -> MenuStep:
    return MenuStep(name, say(f"{name}?"), keys, Unclear(again, then, 5.0))


def collect(name: str, low: int, high: int, secret: bool = False, customer: bool = False) -> CollectStep:
    unclear = Unclear(1, Target(queue="human", because=f"no {name}"), 5.0)
    return CollectStep(name, say(f"{name}?"), low, high, unclear, secret, 4.0, customer)


class Caller:
    """Holds the machine and the clock; `heard` is the text of the prompt that plays."""

    def __init__(self, *steps: Step, language: str = "en", **others: tuple[Step, ...]) -> None:
        flows = {FlowId("main"): Flow(FlowId("main"), steps)}
        flows |= {FlowId(name): Flow(FlowId(name), more) for name, more in others.items()}
        self.run = FlowRun(flows, FlowId("main"), IdSource(), RULES)
        self.now = 100.0
        self.playback: PlaybackId | None = None
        self.heard = ""
        self.end: FlowCommand | None = None
        self.commands: list[FlowCommand] = []
        self.recording: list[str] = []
        self._take(self.run.handle(FlowStarted(language, {"caller": "+3725551"}), self.now))

    def _take(self, commands: list[FlowCommand]) -> None:
        self.commands = commands
        for command in commands:
            assert self.end is None, "nothing comes after the end"
            if isinstance(command, PlayPrompt):
                self.playback = command.playback
                self.heard = " ".join(segment.text or segment.file for segment in command.segments)
            elif isinstance(command, StopPrompt):
                assert self.playback is not None, "nothing plays that could be stopped"
                self.playback, self.heard = None, ""
            elif isinstance(command, RecordCall):
                self.recording.append(command.action)
            else:
                self.end = command

    def key(self, digits: str) -> None:
        for digit in digits:
            self._take(self.run.handle(DigitPressed(digit), self.now))

    def listen(self) -> None:
        """Until the prompt is over."""
        assert self.playback is not None
        playback, self.playback, self.heard = self.playback, None, ""
        self._take(self.run.handle(PromptEnded(playback), self.now))

    def wait(self) -> None:
        """Until the machine itself does something."""
        deadline = self.run.next_deadline()
        assert deadline is not None
        assert self.run.tick(deadline - 0.001) == []
        self.now = deadline
        self._take(self.run.tick(self.now))

    @property
    def queued(self) -> EnterQueue:
        assert isinstance(self.end, EnterQueue)
        return self.end

    @property
    def finished(self) -> FlowFinished:
        assert isinstance(self.end, FlowFinished)
        return self.end


MAIN = menu("main", {"1": Target(queue="fraud"), "2": Target(step="number"), "0": HUMAN})


def test_a_prompt_then_a_menu_then_a_queue() -> None:
    caller = Caller(SayStep("", say("Welcome.")), MAIN)
    assert caller.heard == "Welcome."
    caller.listen()
    assert caller.heard == "main?"
    caller.listen()
    caller.key("1")
    assert caller.queued == EnterQueue(QueueId("fraud"), "", "en", {}, ("main 1",))
    assert caller.run.over
    assert caller.run.next_deadline() is None


def test_barge_in_stops_the_prompt_and_the_key_counts() -> None:
    caller = Caller(SayStep("", say("Welcome.")), MAIN)
    caller.key("1")
    assert caller.commands[0] == StopPrompt()
    assert caller.queued.queue == "fraud"


def test_a_notice_is_not_cut_but_the_key_is_kept() -> None:
    caller = Caller(SayStep("record_notice", say("Recorded."), interruptible=False), MAIN)
    caller.key("1")
    assert caller.commands == []
    assert caller.heard == "Recorded."
    caller.listen()
    assert caller.queued.path == ("record_notice", "main 1")


def test_typed_ahead_keys_skip_the_prompts_they_answer_but_not_a_notice() -> None:
    caller = Caller(
        SayStep("", say("Welcome.")),
        MAIN,
        SayStep("number", say("Your number now.")),
        SayStep("", say("Recorded."), interruptible=False),
        collect("customer", 4, 4),
    )
    caller.key("21234")
    assert caller.heard == "Recorded."
    caller.listen()
    assert caller.finished.path == ("main 2", "number", "customer")


def test_typed_ahead_keys_do_not_skip_a_message_that_nothing_is_asked_after() -> None:
    caller = Caller(menu("m", {"1": Target(step="bye")}), SayStep("bye", say("Goodbye.")))
    caller.key("1")
    assert caller.heard == "Goodbye."
    caller.listen()
    assert caller.finished.because == "end of flow"


def test_type_ahead_is_bounded() -> None:
    caller = Caller(SayStep("", say("Long."), interruptible=False), collect("customer", 1, 64))
    caller.key("7" * 500)
    caller.listen()
    caller.wait()
    assert caller.finished.because == "end of flow"
    assert caller.run._kept.entered["customer"] == "7" * MAX_TYPED_AHEAD


def test_a_wrong_key_asks_only_this_step_again_and_keeps_what_was_entered() -> None:
    second = menu("second", {"1": Target(queue="everyday")})
    caller = Caller(collect("customer", 4, 6, customer=True), second)
    caller.key("1234#")
    assert caller.heard == "second?"
    caller.key("9")
    assert caller.heard == "Wrong. second?"
    caller.key("1")
    assert caller.queued.entered == {"customer": "1234"}
    assert caller.queued.customer_id == "1234"
    assert caller.queued.path == ("customer", "second wrong key", "second 1")


def test_after_the_last_failure_a_human_gets_everything() -> None:
    then = Target(queue="everyday", because="unclear in second")
    caller = Caller(collect("customer", 4, 6), menu("second", {"1": Target(queue="x")}, again=1, then=then))
    caller.key("1234#")
    caller.key("9")
    caller.listen()
    caller.wait()
    assert caller.queued.queue == "everyday"
    assert caller.queued.because == "unclear in second"
    assert caller.queued.entered == {"customer": "1234"}
    assert caller.queued.path == ("customer", "second wrong key", "second no key")


def test_unclear_without_a_target_leads_to_a_human() -> None:
    caller = Caller(menu("main", {"1": Target(queue="x")}, again=0))
    caller.key("5")
    assert (caller.queued.queue, caller.queued.because) == ("human", "unclear in main")


def test_silence_asks_again_with_the_text_for_silence() -> None:
    caller = Caller(MAIN)
    caller.listen()
    assert caller.run.next_deadline() == caller.now + 5.0
    caller.wait()
    assert caller.heard == "No key. main?"


def test_the_own_text_of_a_menu_for_a_wrong_key() -> None:
    caller = Caller(MenuStep("m", say("m?"), {"1": HUMAN}, Unclear(), wrong_key=say("Only 1 works.")))
    caller.key("4")
    assert caller.heard == "Only 1 works. m?"


def test_collect_ends_by_hash_by_maximum_and_by_silence() -> None:
    for keys, silence in (("12345#", False), ("12345678", False), ("12345", True)):
        caller = Caller(collect("number", 4, 8), menu("m", {"1": HUMAN}))
        caller.listen()
        caller.key(keys)
        if silence:
            assert caller.run.next_deadline() == caller.now + 4.0
            caller.wait()
        caller.key("1")
        assert caller.queued.entered == {"number": keys.rstrip("#")}


def test_a_hash_after_the_last_possible_digit_is_no_wrong_key() -> None:
    caller = Caller(collect("number", 4, 4), menu("m", {"1": HUMAN}))
    caller.key("1234")
    assert caller.heard == "m?"
    caller.key("#")
    assert caller.heard == "m?"
    caller.key("#")
    assert caller.heard == "Wrong. m?"
    late = Caller(collect("number", 4, 4), menu("m", {"1": HUMAN}))
    late.key("1234")
    late.now += 4.0
    late.key("#")
    assert late.heard == "Wrong. m?"
    ahead = Caller(SayStep("", say("Notice."), interruptible=False), collect("number", 4, 4), menu("m", {"1": HUMAN}))
    ahead.key("1234#1")
    ahead.listen()
    assert ahead.queued.path == ("number", "m 1")


def test_star_begins_the_entry_anew() -> None:
    caller = Caller(collect("number", 4, 8), menu("m", {"1": HUMAN}))
    caller.key("99*1234#1")
    assert caller.queued.entered == {"number": "1234"}


def test_star_alone_does_not_stop_the_clock() -> None:
    caller = Caller(collect("number", 4, 8))
    caller.key("*")
    assert caller.run.next_deadline() == caller.now + 5.0
    caller.wait()
    assert caller.heard == "No key. number?"


def test_letters_are_no_digits() -> None:
    caller = Caller(collect("number", 2, 2), menu("m", {"1": HUMAN}))
    caller.key("A")
    assert caller.run.next_deadline() is not None
    caller.key("1B21")
    assert caller.queued.entered == {"number": "12"}


def test_too_few_digits_ask_again_and_then_lead_on() -> None:
    caller = Caller(collect("number", 4, 8))
    caller.key("12#")
    assert caller.heard == "Wrong. number?"
    caller.key("1")
    caller.wait()
    assert caller.queued.because == "no number"
    assert caller.queued.entered == {}
    assert caller.queued.path == ("number too short", "number too short")


def test_a_secret_never_leaves() -> None:
    steps = (collect("customer", 4, 4), collect("pin", 4, 4, secret=True), menu("m", {"1": HUMAN}))
    caller = Caller(*steps)
    caller.key("1111")
    caller.key("8642")
    caller.key("8")
    caller.key("1")
    assert caller.queued.entered == {"customer": "1111"}
    assert "8642" not in repr(caller.queued)
    assert caller.run._kept.secrets == {"pin": "8642"}
    assert "8642" not in repr(caller.run._kept)


def test_what_was_entered_can_be_spoken() -> None:
    caller = Caller(
        collect("customer", 2, 2), MenuStep("m", Say({"en": "{customer}, right?"}), {"1": HUMAN}, Unclear())
    )
    caller.key("42")
    assert caller.heard == "four two right?"


def test_language_goto_and_another_flow() -> None:
    caller = Caller(
        menu("main", {"1": Target(flow="estonian")}),
        estonian=(LanguageStep("", "et"), GotoStep("", Target(step="ask")), menu("ask", {"1": HUMAN})),
    )
    caller.key("1")
    assert caller.heard == "ask? eesti"
    caller.key("5")
    assert caller.heard == "Vale. ask? eesti"
    caller.key("1")
    assert caller.queued.language == "et"
    assert caller.queued.path == ("main 1", "-> estonian", "ask wrong key", "ask 1")


def test_a_missing_language_falls_back_to_the_first_of_the_line() -> None:
    caller = Caller(SayStep("", Say({"en": "Hello."})), language="et")
    assert caller.commands == [PlayPrompt(caller.playback or PlaybackId(0), (Segment("en", "Hello."),))]


def test_files_are_played_as_they_are() -> None:
    caller = Caller(SayStep("", Say(texts={"en": "Hello."}, files={"et": "hello.wav"})), language="et")
    command = caller.commands[0]
    assert isinstance(command, PlayPrompt)
    assert command.segments == (Segment("et", file="hello.wav"),)


def test_a_flow_goes_on_with_what_was_entered_in_the_one_before() -> None:
    ask = MenuStep("m", Say({"en": "{customer}?"}), {"1": HUMAN}, Unclear())
    run = FlowRun({FlowId("main"): Flow(FlowId("main"), (ask,))}, FlowId("main"), IdSource(), RULES)
    started = FlowStarted("en", {"caller": "+372"}, {"customer": "7"}, ("main 2",), "7")
    (prompt,) = run.handle(started, 0.0)
    assert isinstance(prompt, PlayPrompt)
    assert prompt.segments == (Segment("en", "seven"),)
    assert run.handle(DigitPressed("1"), 1.0)[-1] == EnterQueue(
        QueueId("human"), "", "en", {"customer": "7"}, ("main 2", "m 1"), "7"
    )


def test_choose_ends_a_one_menu_flow() -> None:
    caller = Caller(menu("choice", {"1": Target(choose="wait"), "2": Target(choose="colleague")}))
    caller.key("2")
    assert caller.finished == FlowFinished("", "colleague", ("choice 2",))


def test_hang_up_says_why() -> None:
    caller = Caller(SayStep("", say("Closed.")), GotoStep("", Target(hang_up=True, because="closed")))
    caller.listen()
    assert caller.finished == FlowFinished("closed")


def test_a_circle_without_any_key_ends_with_a_human() -> None:
    caller = Caller(SayStep("again", say("Round.")), GotoStep("", Target(step="again")))
    rounds = 0
    while caller.end is None:
        caller.listen()
        rounds += 1
    assert rounds <= MAX_STEPS_WITHOUT_KEY
    assert (caller.queued.queue, caller.queued.because) == ("human", "the menu went in circles")
    silent = Caller(GotoStep("again", Target(step="again")))
    assert silent.queued.queue == "human"


def test_a_prompt_whose_end_is_never_told_does_not_hold_the_caller() -> None:
    caller = Caller(SayStep("", say("Welcome.")), MAIN)
    assert caller.run.next_deadline() == caller.now + PROMPT_GUARD_SECONDS
    caller.wait()
    assert caller.heard == "main?"


def test_old_and_foreign_prompt_ends_are_ignored() -> None:
    caller = Caller(SayStep("", say("Welcome.")), MAIN)
    welcome = caller.playback
    assert welcome is not None
    caller.key("5")
    assert caller.heard == "Wrong. main?"
    assert caller.run.handle(PromptEnded(welcome), caller.now) == []
    assert caller.run.handle(PromptEnded(PlaybackId(12345)), caller.now) == []


def test_after_the_end_and_before_the_start_nothing_happens() -> None:
    flows = {FlowId("main"): Flow(FlowId("main"), (MAIN,))}
    run = FlowRun(flows, FlowId("main"), IdSource(), RULES)
    assert run.handle(DigitPressed("1"), 0.0) == []
    assert run.tick(1000.0) == []
    caller = Caller(GotoStep("", HUMAN))
    assert caller.run.handle(DigitPressed("1"), caller.now) == []
    assert caller.run.handle(FlowStarted("en", {}), caller.now) == []
    assert caller.run.tick(1e9) == []


def test_what_a_flow_sets_goes_on_with_the_caller_and_secrets_do_not() -> None:
    caller = Caller(
        collect("code", 4, 4),
        collect("pin", 4, 4, secret=True),
        SetStep("", {"reason": "{code} from {caller}", "hidden": "[{pin}]"}, "{code}"),
        BranchStep("", "reason", {"1001 from +3725551": Target(queue="cards")}),
    )
    caller.key("1001")
    caller.key("4711")
    end = caller.end
    assert isinstance(end, EnterQueue) and end.queue == "cards"
    assert end.entered == {"code": "1001", "reason": "1001 from +3725551", "hidden": "[]"}
    assert end.owner == "1001"


def test_what_is_set_has_a_bound() -> None:
    steps = tuple(SetStep(f"s{nth}", {"x": "{x}{x}ab"}) for nth in range(20))
    end = Caller(*steps, GotoStep("", HUMAN)).end
    assert isinstance(end, EnterQueue)
    assert len(end.entered["x"]) == 200


# ------------------------------------------------------------------ recording


def test_a_notice_is_told_of_and_steps_start_and_stop_the_recording() -> None:
    steps = (
        SayStep("record_notice", Say(texts={"en": "This call is recorded."}), interruptible=False),
        RecordStep("", "start"),
        SayStep("", Say(texts={"en": "Hello."})),
        RecordStep("", "stop"),
    )
    caller = Caller(*steps)
    assert caller.recording == ["notice ahead"]
    caller.listen()
    assert caller.recording == ["notice ahead", "announced", "start"]
    caller.listen()
    assert caller.recording == ["notice ahead", "announced", "start", "stop"]


def test_a_notice_counts_when_it_was_heard_and_keys_typed_before_do_not_skip_it() -> None:
    notice = SayStep("record_notice", Say(texts={"en": "This call is recorded."}), interruptible=True)
    hello = SayStep("", Say(texts={"en": "Hello."}), interruptible=False)
    menu = MenuStep("main", Say(texts={"en": "Press 1."}), {"1": Target(queue="cards")}, Unclear())
    caller = Caller(RecordStep("", "start"), hello, notice, menu)
    assert caller.recording == ["notice ahead", "start"]  # who obeys waits with it
    caller.key("1")
    caller.listen()
    assert caller.heard == "This call is recorded." and caller.recording == ["notice ahead", "start"]
    caller.listen()
    assert caller.recording == ["notice ahead", "start", "announced"] and caller.queued.queue == "cards"


def test_who_goes_another_way_is_not_told() -> None:
    notice = SayStep("record_notice", Say(texts={"en": "This call is recorded."}), interruptible=False)
    menu = MenuStep("main", Say(texts={"en": "Press 1."}), {"1": Target(queue="cards")}, Unclear())
    caller = Caller(menu, notice)
    caller.key("1")
    assert caller.recording == ["notice ahead", "no notice"] and caller.queued.queue == "cards"


def test_keys_of_a_secret_that_were_typed_ahead_are_hidden_since_the_first_of_them() -> None:
    hello = SayStep("", Say(texts={"en": "Hello."}), interruptible=False)
    pin = CollectStep("pin", Say(texts={"en": "Your PIN."}), 4, 4, Unclear(again=1), secret=True)
    caller = Caller(hello, pin)
    for digit in "1234":
        caller.key(digit)
        caller.now += 0.5
    caller.now += 1.0
    caller.listen()
    secret, public, _ = caller.commands  # answered in the same moment
    assert secret == RecordCall("secret", 3.0) and public == RecordCall("public")
    caller = Caller(hello, MenuStep("main", Say(texts={"en": "1."}), {"1": Target(step="pin")}, Unclear()), pin)
    caller.key("1")  # of the menu: no part of it
    caller.now += 2.0
    caller.key("9")
    caller.now += 1.0
    caller.listen()
    assert caller.commands[0] == RecordCall("secret", 1.0) and caller.recording == ["secret"]
    caller.key("876")
    assert caller.recording == ["secret", "public"]


def test_while_a_secret_is_asked_for_nothing_is_recorded() -> None:
    pin = CollectStep("pin", Say(texts={"en": "Your PIN."}), 4, 4, Unclear(again=1), secret=True)
    number = CollectStep("number", Say(texts={"en": "Your number."}), 4, 4, Unclear(again=1))
    caller = Caller(pin, number)
    assert caller.recording == ["secret"]
    assert type(caller.commands[0]) is RecordCall  # before the question, that he may answer at once
    caller.key("12")
    assert caller.recording == ["secret"]
    caller.key("34")
    assert caller.recording == ["secret", "public"]
    caller = Caller(number, pin)
    caller.key("1234")
    assert caller.recording == ["secret"]
    caller.key("#" * 2)
    caller.key("##")
    assert caller.recording == ["secret", "public"] and caller.end is not None  # he gave up: a human hears him now

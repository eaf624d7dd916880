"""Any flow, any keys, any silence: the menu never breaks, always ends, and loses nothing that was entered."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.ids import FlowId, IdSource, PlaybackId
from softswitch.ivr.flow import MAX_PATH, MAX_TYPED_AHEAD, FlowRules, FlowRun
from softswitch.ivr.messages import (
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
    Say,
    SayStep,
    Step,
    StopPrompt,
    Target,
    Unclear,
)

FLOWS = ("f0", "f1", "f2")
KEYS = "0123456789*#ABCD"

texts = st.sampled_from([Say(), Say({"en": "Hello."}), Say({"et": "Tere {collect0}."}), Say(files={"en": "a.wav"})])


def targets(names: list[str]) -> st.SearchStrategy[Target]:
    return st.one_of(
        st.builds(Target, step=st.sampled_from(names)),
        st.builds(Target, flow=st.sampled_from(FLOWS)),
        st.just(Target(queue="everyday", because="so")),
        st.just(Target(hang_up=True)),
        st.just(Target(choose="wait")),
    )


def unclear(names: list[str]) -> st.SearchStrategy[Unclear]:
    return st.builds(Unclear, st.integers(0, 3), st.one_of(st.none(), targets(names)), st.just(5.0))


@st.composite
def steps(draw: st.DrawFn, name: str, names: list[str]) -> Step:
    kind = draw(st.sampled_from(["say", "menu", "collect", "language", "goto"]))
    if kind == "say":
        return SayStep(name, draw(texts), draw(st.booleans()))
    if kind == "menu":
        keys = draw(st.dictionaries(st.sampled_from(KEYS), targets(names), max_size=4))
        return MenuStep(name, draw(texts), keys, draw(unclear(names)))
    if kind == "collect":
        low = draw(st.integers(1, 5))
        secret = draw(st.booleans())
        high = low + draw(st.integers(0, 4))
        return CollectStep(name, draw(texts), low, high, draw(unclear(names)), secret, 4.0, draw(st.booleans()))
    if kind == "language":
        return LanguageStep(name, draw(st.sampled_from(["en", "et"])))
    return GotoStep(name, draw(targets(names)))


@st.composite
def flow_sets(draw: st.DrawFn) -> dict[FlowId, Flow]:
    flows = {}
    for flow in FLOWS:
        names = [f"{flow}_{index}" for index in range(draw(st.integers(1, 5)))]
        flows[FlowId(flow)] = Flow(FlowId(flow), tuple(draw(steps(name, names)) for name in names))
    return flows


actions = st.lists(
    st.one_of(
        st.sampled_from(KEYS).map(lambda key: ("key", key)),
        st.just(("prompt over", "")),
        st.just(("stale prompt", "")),
        st.just(("silence", "")),
        st.floats(0.0, 6.0).map(lambda seconds: ("pass", str(seconds))),
    ),
    max_size=100,
)


class Listener:
    """Obeys the commands and checks what must hold after every event."""

    def __init__(self, flows: dict[FlowId, Flow]) -> None:
        self.secret = {s.name for f in flows.values() for s in f.steps if isinstance(s, CollectStep) and s.secret}
        human = Target(queue="human")
        self.run = FlowRun(flows, FlowId("f0"), IdSource(), FlowRules(("en", "et"), Say({"en": "No."}), Say(), human))
        self.playing: PlaybackId | None = None
        self.end: FlowCommand | None = None
        self.entered: set[str] = set()
        self.now = 0.0
        self.hidden = False  # a secret is keyed in

    def take(self, commands: list[FlowCommand]) -> None:
        for command in commands:
            assert self.end is None, "nothing comes after the end"
            if isinstance(command, PlayPrompt):
                assert self.playing is None, "one prompt at a time"
                assert command.segments
                self.playing = command.playback
            elif isinstance(command, StopPrompt):
                assert self.playing is not None
                self.playing = None
            elif isinstance(command, RecordCall):
                assert command.action == ("public" if self.hidden else "secret") and command.since_seconds >= 0.0
                self.hidden = not self.hidden
            else:
                self.end = command
                assert self.playing is None, "a flow ends after its last prompt"
        assert len(self.run._keys) <= MAX_TYPED_AHEAD
        assert self.run.over == (self.end is not None)
        entered = set(self.run._kept.entered)
        assert entered >= self.entered, "what was entered stays"
        assert not entered & self.secret
        self.entered = entered
        step = None if self.run.over else self.run._step()
        assert self.hidden == (isinstance(step, CollectStep) and step.secret)
        if self.end is None:
            assert self.run.next_deadline() is not None, "there is always something that goes on by itself"
        if isinstance(self.end, EnterQueue | FlowFinished):
            assert len(self.end.path) <= MAX_PATH
        if isinstance(self.end, EnterQueue):
            assert set(self.end.entered) == self.entered

    def do(self, what: str, value: str) -> None:
        deadline = self.run.next_deadline()
        if what == "key":
            self.take(self.run.handle(DigitPressed(value), self.now))
        elif what == "prompt over" and self.playing is not None:
            playback, self.playing = self.playing, None
            self.take(self.run.handle(PromptEnded(playback), self.now))
        elif what == "stale prompt":
            assert self.run.handle(PromptEnded(PlaybackId(0)), self.now) == []
        elif what == "silence" and deadline is not None:
            self.now = max(self.now, deadline)
            self.playing = None  # a prompt that lasts until its guard is over for the machine
            self.take(self.run.tick(self.now))
        elif what == "pass":
            self.now += float(value)
            if deadline is not None and deadline <= self.now:
                self.playing = None
            self.take(self.run.tick(self.now))


@settings(max_examples=150, deadline=None)
@given(flow_sets(), actions)
def test_any_flow_survives_any_caller(flows: dict[FlowId, Flow], what_happens: list[tuple[str, str]]) -> None:
    listener = Listener(flows)
    listener.take(listener.run.handle(FlowStarted("et", {"caller": "+372"}), 0.0))
    for what, value in what_happens:
        listener.do(what, value)
    for _ in range(400):  # now the caller is silent for good
        if listener.end is not None:
            break
        listener.do("silence", "")
    assert listener.end is not None, "every flow ends"

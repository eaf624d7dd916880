"""One caller's way through the voice menu: a pure machine of prompts, keys and silence.

    start --FlowStarted--> [next step]
    [next step]  say       -> SAYING     --PromptEnded, key--> [next step]
                 menu,     -> ASKING     --PromptEnded--> LISTENING --key--> [target]
                 collect      ASKING     --key (StopPrompt)--> LISTENING
                              LISTENING  --wrong, silence--> ASKING (this step only), then `unclear.then`
                 language, goto, branch, set: at once
                 queue, hang up, choose, end of flow -> OVER

Keys that come while nobody listens are kept (type-ahead, bounded) and feed the next menu or collect step, whose
prompt is then not played. What was entered in earlier steps is never lost. A machine that loops without any key
from the caller is led to a human. What a secret step collected stays inside this object.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from softswitch.ids import FlowId, IdSource, PlaybackId, QueueId
from softswitch.ivr.messages import (
    BranchStep,
    CollectStep,
    DigitPressed,
    EnterQueue,
    Flow,
    FlowCommand,
    FlowEvent,
    FlowFinished,
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
)
from softswitch.ivr.recorded import RECORD_NOTICE, Recorded
from softswitch.ivr.speech import filled_in, speak

MAX_TYPED_AHEAD = 32  # keys kept while nobody listens
MAX_STEPS_WITHOUT_KEY = 50  # steps taken and questions repeated since the last key, before a human helps
MAX_PATH = 100  # entries of `path`
PROMPT_GUARD_SECONDS = 300.0  # a prompt whose end is never reported counts as ended after this

_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, slots=True)
class FlowRules:
    """What is the same for every flow of a line."""

    languages: tuple[str, ...]  # the line's; the first one is used where a text lacks the call's language
    wrong_key: Say = field(default_factory=Say)
    no_input: Say = field(default_factory=Say)
    human: Target = field(default_factory=lambda: Target(hang_up=True))  # where a lost caller goes


class _Phase(Enum):
    NEW = auto()
    SAYING = auto()
    ASKING = auto()
    LISTENING = auto()
    OVER = auto()


@dataclass(slots=True)
class _Now:
    """The present step: what is playing, what was keyed, how often it went wrong."""

    phase: _Phase = _Phase.NEW
    playback: PlaybackId | None = None
    deadline: float | None = None
    digits: str = ""
    failures: int = 0
    swallow_hash_until: float = 0.0  # a # right after the last possible digit ends nothing any more


@dataclass(slots=True)
class _Kept:
    """What the caller has entered so far."""

    entered: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    path: list[str] = field(default_factory=list)
    customer_id: str = ""
    owner: str = ""


def choose_language(say: Say, language: str, languages: tuple[str, ...]) -> str:
    """The call's language if the text has it, else the line's first that it has, else any. "" when it is empty."""
    for candidate in (language, *languages, *say.files, *say.texts):
        if candidate in say.files or candidate in say.texts:
            return candidate
    return ""


def say_segments(
    say: Say, language: str, languages: tuple[str, ...], values: Mapping[str, str | Say]
) -> tuple[Segment, ...]:
    """The audio of a `Say` for a caller of this language."""
    chosen = choose_language(say, language, languages)
    if not chosen:
        return ()
    if chosen in say.files:
        return (Segment(language=chosen, file=say.files[chosen]),)
    return speak(say.texts[chosen], chosen, values)


class FlowRun:
    """See the module. One object per call and flow; the call room feeds it and obeys its commands."""

    def __init__(self, flows: Mapping[FlowId, Flow], start: FlowId, ids: IdSource, rules: FlowRules) -> None:
        self._flows = flows
        self._flow = flows[start]
        self._at = 0
        self._ids = ids
        self._rules = rules
        self._language = rules.languages[0] if rules.languages else ""
        self._values: dict[str, str | Say] = {}
        self._kept = _Kept()
        self._keys: deque[tuple[str, float]] = deque()  # and when each was pressed
        self._now = _Now()
        self._steps_without_key = 0
        self._recording = Recorded()

    # -------------------------------------------------------------- the contract

    def handle(self, event: FlowEvent, now: float) -> list[FlowCommand]:
        out: list[FlowCommand] = []
        if isinstance(event, DigitPressed):
            self._digit(event.digit, now, out)
        elif isinstance(event, PromptEnded):
            if self._now.playback is not None and event.playback == self._now.playback:
                self._prompt_over(now, out, event.finished)
        elif self._now.phase is _Phase.NEW:
            self._language = event.language or self._language
            self._values.update(event.entered)
            self._values.update(event.values)
            self._kept = _Kept(dict(event.entered), {}, list(event.path[:MAX_PATH]), event.customer_id)
            self._run(now, out)
        return self._hide(out)

    def tick(self, now: float) -> list[FlowCommand]:
        out: list[FlowCommand] = []
        state = self._now
        if state.deadline is None or now < state.deadline:
            return out
        state.deadline = None
        if state.playback is not None:
            self._prompt_over(now, out, finished=False)
        elif state.phase is _Phase.LISTENING:
            self._silence(now, out)
        return self._hide(out)

    def next_deadline(self) -> float | None:
        return self._now.deadline

    @property
    def over(self) -> bool:
        """True once `EnterQueue` or `FlowFinished` was given."""
        return self._now.phase is _Phase.OVER

    @property
    def language(self) -> str:
        """The language of the call at this moment."""
        return self._language

    @property
    def entered(self) -> Mapping[str, str]:
        """What was entered so far, without secrets."""
        return self._kept.entered

    def _hide(self, out: list[FlowCommand]) -> list[FlowCommand]:
        started = not self.over and self._now.phase is not _Phase.NEW
        self._recording.look(self._flow.steps[self._at :] if started else (), self.over, out)
        return out

    # -------------------------------------------------------------- events

    def _digit(self, digit: str, now: float, out: list[FlowCommand]) -> None:
        state = self._now
        if state.phase in (_Phase.NEW, _Phase.OVER):
            return
        swallow, state.swallow_hash_until = now < state.swallow_hash_until, 0.0
        if swallow and digit == "#":
            return
        self._steps_without_key = 0
        if len(self._keys) < MAX_TYPED_AHEAD:
            self._keys.append((digit, now))
        if state.phase is _Phase.SAYING:
            step = self._step()
            if isinstance(step, SayStep) and step.interruptible:
                self._stop_prompt(out)
                self._recording.said(self._step(), out)
                self._at += 1
                self._run(now, out)
            return
        if state.playback is not None:
            self._stop_prompt(out)
        state.phase = _Phase.LISTENING
        if self._feed(now, out):
            self._run(now, out)

    def _prompt_over(self, now: float, out: list[FlowCommand], finished: bool) -> None:
        state = self._now
        state.playback = None
        state.deadline = None
        if state.phase is _Phase.SAYING:
            if finished:  # else nobody knows what he heard
                self._recording.said(self._step(), out)
            self._at += 1
            self._run(now, out)
        else:
            step = self._step()
            assert isinstance(step, MenuStep | CollectStep)
            state.phase = _Phase.LISTENING
            state.deadline = now + step.unclear.no_input_seconds

    def _silence(self, now: float, out: list[FlowCommand]) -> None:
        step = self._step()
        if isinstance(step, CollectStep) and self._now.digits:
            if len(self._now.digits) >= step.min_digits:
                self._collected(step)
                self._run(now, out)
                return
            left = self._unclear(step, self._rules.wrong_key, "too short", now, out)
        else:
            assert isinstance(step, MenuStep | CollectStep)
            left = self._unclear(step, self._rules.no_input, "no key", now, out)
        if left:
            self._run(now, out)

    # -------------------------------------------------------------- steps

    def _step(self) -> Step:
        return self._flow.steps[self._at]

    def _run(self, now: float, out: list[FlowCommand]) -> None:
        """Takes steps until one waits for the caller or a prompt, or the flow is over."""
        while self._now.phase is not _Phase.OVER:
            if self._at >= len(self._flow.steps):
                self._finish("end of flow", "", out)
                return
            if self._steps_without_key >= MAX_STEPS_WITHOUT_KEY:
                self._leave(self._rules.human, "the menu went in circles", out)
                return
            self._steps_without_key += 1
            step = self._step()
            if isinstance(step, SayStep):
                if self._say(step, now, out):
                    return
            elif isinstance(step, LanguageStep):
                self._language = step.language
                self._at += 1
            elif isinstance(step, GotoStep):
                self._go(step.target, "", out)
            elif isinstance(step, BranchStep):
                self._branch(step, out)
            elif isinstance(step, SetStep):
                self._set(step)
            elif isinstance(step, RecordStep):
                out.append(RecordCall(step.action))
                self._at += 1
            elif not self._ask(step, now, out):
                return

    def _say(self, step: SayStep, now: float, out: list[FlowCommand]) -> bool:
        """True when a prompt plays now."""
        skipped = step.interruptible and bool(self._keys) and self._input_follows() and step.name != RECORD_NOTICE
        segments = () if skipped else self._segments(step.say)
        if not segments:
            self._at += 1
            return False
        self._note(step.name)
        self._now.phase = _Phase.SAYING
        self._play(segments, now, out)
        return True

    def _input_follows(self) -> bool:
        """Will the caller be asked something after this prompt, before anything else happens?"""
        for step in self._flow.steps[self._at + 1 :]:
            if isinstance(step, MenuStep | CollectStep):
                return True
            if isinstance(step, GotoStep | BranchStep) or (isinstance(step, SayStep) and not step.interruptible):
                return False
        return False

    def _ask(self, step: MenuStep | CollectStep, now: float, out: list[FlowCommand]) -> bool:
        """Begins an input step. True when typed-ahead keys have answered it already."""
        state = self._now
        state.failures = 0
        state.digits = ""
        if self._keys:
            self._recording.typed_ahead(step, now - self._keys[0][1], out)
            state.phase = _Phase.LISTENING
            return self._feed(now, out)
        self._put_question(step, self._segments(step.say), now, out)
        return False

    def _put_question(
        self, step: MenuStep | CollectStep, segments: tuple[Segment, ...], now: float, out: list[FlowCommand]
    ) -> None:
        if segments:
            self._now.phase = _Phase.ASKING
            self._play(segments, now, out)
        else:
            self._now.phase = _Phase.LISTENING
            self._now.deadline = now + step.unclear.no_input_seconds

    # -------------------------------------------------------------- keys

    def _feed(self, now: float, out: list[FlowCommand]) -> bool:
        """Gives the typed keys to the present input step. True when the step is left."""
        step = self._step()
        if isinstance(step, MenuStep):
            key, _ = self._keys.popleft()
            target = step.keys.get(key)
            if target is None:
                return self._unclear(step, step.wrong_key or self._rules.wrong_key, "wrong key", now, out)
            self._note(f"{step.name} {key}")
            self._now.deadline = None
            self._go(target, "", out)
            return True
        assert isinstance(step, CollectStep)
        while self._keys:
            left = self._collect_key(step, self._keys.popleft()[0], now, out)
            if left is not None:
                return left
        return False

    def _collect_key(self, step: CollectStep, key: str, now: float, out: list[FlowCommand]) -> bool | None:
        """None: this step goes on listening; True: it is left; False: it was asked again."""
        state = self._now
        if key == "*":
            state.digits = ""
            state.deadline = now + step.unclear.no_input_seconds
            return None
        if key == "#":
            if len(state.digits) < step.min_digits:
                return self._unclear(step, self._rules.wrong_key, "too short", now, out)
            self._collected(step)
            return True
        if key in _DIGITS:
            state.digits += key
            if len(state.digits) >= step.max_digits:
                self._collected(step)
                if self._keys and self._keys[0][0] == "#":
                    self._keys.popleft()
                else:
                    state.swallow_hash_until = now + step.between_keys_seconds
                return True
            state.deadline = now + step.between_keys_seconds
        elif state.deadline is None:  # A-D: no digit
            state.deadline = now + step.unclear.no_input_seconds
        return None

    def _collected(self, step: CollectStep) -> None:
        value, self._now.digits = self._now.digits, ""
        self._now.deadline = None
        self._note(step.name)
        if step.secret:
            self._kept.secrets[step.name] = value
        else:
            self._kept.entered[step.name] = value
            self._values[step.name] = value
            if step.is_customer_id:
                self._kept.customer_id = value
        self._at += 1

    def _unclear(self, step: MenuStep | CollectStep, first: Say, what: str, now: float, out: list[FlowCommand]) -> bool:
        """Asks this step again, or goes to its `then`. True when the step is left."""
        state = self._now
        state.failures += 1
        self._steps_without_key += 1
        state.digits = ""
        state.deadline = None
        self._keys.clear()  # what was typed ahead belonged to an answer that was not understood
        self._note(f"{step.name} {what}")
        if state.failures > step.unclear.again:
            self._go(step.unclear.then or self._rules.human, f"unclear in {step.name}", out)
            return True
        self._put_question(step, (*self._segments(first), *self._segments(step.say)), now, out)
        return False

    # -------------------------------------------------------------- targets

    def _go(self, target: Target, because: str, out: list[FlowCommand]) -> None:
        if target.step:
            steps = self._flow.steps
            self._at = next((index for index, step in enumerate(steps) if step.name == target.step), len(steps))
            assert self._at < len(steps), f"no step {target.step} in flow {self._flow.id}"
        elif target.flow:
            self._flow = self._flows[FlowId(target.flow)]
            self._at = 0
            self._note(f"-> {target.flow}")
        else:
            self._leave(target, because, out)

    def _branch(self, step: BranchStep, out: list[FlowCommand]) -> None:
        value = self._values.get(step.variable, "")
        target = step.cases.get(value if isinstance(value, str) else "") or step.otherwise
        if target is None:
            self._at += 1
        else:
            self._go(target, "", out)

    def _set(self, step: SetStep) -> None:
        for name, value in step.values.items():
            self._values[name] = self._kept.entered[name] = filled_in(value, self._values)
        if step.owner:
            self._kept.owner = filled_in(step.owner, self._values)
        self._at += 1

    def _leave(self, target: Target, because: str, out: list[FlowCommand]) -> None:
        because = target.because or because
        if target.queue:
            self._now = _Now(phase=_Phase.OVER)
            kept = self._kept
            out.append(
                EnterQueue(
                    queue=QueueId(target.queue),
                    because=because,
                    language=self._language,
                    entered=dict(kept.entered),
                    path=tuple(kept.path),
                    customer_id=kept.customer_id,
                    owner=kept.owner,
                )
            )
        else:
            self._finish(because or ("" if target.choose else "hang up"), target.choose, out)

    def _finish(self, because: str, chosen: str, out: list[FlowCommand]) -> None:
        self._now = _Now(phase=_Phase.OVER)
        out.append(FlowFinished(because=because, chosen=chosen, path=tuple(self._kept.path)))

    # -------------------------------------------------------------- prompts

    def _segments(self, say: Say) -> tuple[Segment, ...]:
        return say_segments(say, self._language, self._rules.languages, self._values)

    def _play(self, segments: tuple[Segment, ...], now: float, out: list[FlowCommand]) -> None:
        playback = PlaybackId(self._ids.number())
        self._now.playback = playback
        self._now.deadline = now + PROMPT_GUARD_SECONDS
        out.append(PlayPrompt(playback, segments))

    def _stop_prompt(self, out: list[FlowCommand]) -> None:
        self._now.playback = None
        self._now.deadline = None
        out.append(StopPrompt())

    def _note(self, entry: str) -> None:
        if entry and len(self._kept.path) < MAX_PATH:
            self._kept.path.append(entry)

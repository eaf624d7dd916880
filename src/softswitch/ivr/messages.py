"""What goes in and out of a voice menu (`ivr.flow.FlowRun`), and what a flow is made of.

Texts are spoken as segments: a template such as "{agent} is on the phone. To wait about {minutes}, press 1." is cut
into fixed parts and variables, each a short prompt of its own that is rendered once and shared by every caller.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.ids import FlowId, PlaybackId, QueueId

# ------------------------------------------------------------------ what is spoken


@dataclass(frozen=True, slots=True)
class Segment:
    """One piece of audio: a text in a language, or (`file` set) an audio file of the configuration directory.
    `at_once`: a text that is not known beforehand, and can be made while the call goes on; `instead` is what it is told
    by when that does not succeed in time."""

    language: str
    text: str = ""
    file: str = ""
    at_once: bool = field(default=False, compare=False)
    instead: tuple[Segment, ...] = field(default=(), compare=False)


Texts = Mapping[str, str]  # language -> template text


@dataclass(frozen=True, slots=True)
class Say:
    """What a step says: a text per language, or files per language."""

    texts: Texts = field(default_factory=dict)
    files: Texts = field(default_factory=dict)


# ------------------------------------------------------------------ events


@dataclass(frozen=True, slots=True)
class FlowStarted:
    """`values` are the variables known at the start: caller, dialled, language ... A name that is spoken differently
    in each language (or from a file) is a `Say`."""

    language: str
    values: Mapping[str, str | Say]
    # of a flow that came before (a queue gave up): goes on to the next queue
    entered: Mapping[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    customer_id: str = ""


@dataclass(frozen=True, slots=True)
class DigitPressed:
    digit: str  # one of 0-9 * # A-D


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """The playback came to its end by itself. `finished` False: it could not be played, or not all of it."""

    playback: PlaybackId
    finished: bool = True


# ------------------------------------------------------------------ commands


@dataclass(frozen=True, slots=True)
class PlayPrompt:
    """Replaces what is playing. Answer with `PromptEnded(playback)` when it came to its end."""

    playback: PlaybackId
    segments: tuple[Segment, ...]
    loops: int = 1  # 0: until stopped


@dataclass(frozen=True, slots=True)
class StopPrompt:
    """Barge-in: the caller pressed a key."""


@dataclass(frozen=True, slots=True)
class EnterQueue:
    """The flow ends here and the caller goes to a queue, with everything that was entered. `because` says why when
    it was not the caller's own wish ('unclear in main menu'). `path` lists the steps and keys taken."""

    queue: QueueId
    because: str
    language: str
    entered: Mapping[str, str]  # never contains what a `secret` step collected
    path: tuple[str, ...]
    customer_id: str = ""  # what the step marked `is_customer_id` collected
    owner: str = ""  # whose case it is, as the flow said: an agent's id or extension


@dataclass(frozen=True, slots=True)
class FlowFinished:
    """The flow ends without a queue; the caller is hung up after the last prompt. `chosen` is the value of the
    last menu when this was a one-menu flow (the sticky choice)."""

    because: str
    chosen: str = ""
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordCall:
    """`action`: announced (he was told), start, stop (he refused), mask, unmask, secret (one is keyed in from now on,
    or since so many seconds: its first key was typed ahead), public (not any more), notice ahead (he will be told),
    no notice (he went another way)."""

    action: str
    since_seconds: float = 0.0


FlowEvent = FlowStarted | DigitPressed | PromptEnded
FlowCommand = PlayPrompt | StopPrompt | EnterQueue | FlowFinished | RecordCall

# ------------------------------------------------------------------ a flow


@dataclass(frozen=True, slots=True)
class Unclear:
    """What happens on a wrong key or none: ask `again` that many times (only this step), then go to `then`."""

    again: int = 2
    then: Target | None = None
    no_input_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Target:
    """Where to go: exactly one of the fields (besides `because`)."""

    step: str = ""  # a named step of this flow
    flow: str = ""  # another flow, from its start
    queue: str = ""
    hang_up: bool = False
    choose: str = ""  # ends a one-menu flow with this value
    because: str = ""


@dataclass(frozen=True, slots=True)
class SayStep:
    name: str
    say: Say
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class MenuStep:
    name: str
    say: Say
    keys: Mapping[str, Target]
    unclear: Unclear
    wrong_key: Say | None = None  # said before asking again; default text of the line otherwise


@dataclass(frozen=True, slots=True)
class CollectStep:
    """Collects `min_digits..max_digits`, ended by #, by the maximum or by `between_keys_seconds` of silence."""

    name: str
    say: Say
    min_digits: int
    max_digits: int
    unclear: Unclear
    secret: bool = False
    between_keys_seconds: float = 4.0
    is_customer_id: bool = False


@dataclass(frozen=True, slots=True)
class LanguageStep:
    """Switches the language of the call from here on."""

    name: str
    language: str


@dataclass(frozen=True, slots=True)
class GotoStep:
    name: str
    target: Target


@dataclass(frozen=True, slots=True)
class BranchStep:
    """Goes on by the value of a variable: what was entered, or what is known of the call. Without a case that fits
    and without `otherwise` the next step follows."""

    name: str
    variable: str
    cases: Mapping[str, Target]
    otherwise: Target | None = None


@dataclass(frozen=True, slots=True)
class SetStep:
    """Notes something for this call, as if it had been entered. A value may hold {variables}: what was entered, or is
    known of the call, never a secret. `owner`: whose case it is."""

    name: str
    values: Mapping[str, str]
    owner: str = ""


@dataclass(frozen=True, slots=True)
class RecordStep:
    """Start, stop, mask or unmask the recording of this call."""

    name: str
    action: str


Step = RecordStep | SayStep | MenuStep | CollectStep | LanguageStep | GotoStep | BranchStep | SetStep


@dataclass(frozen=True, slots=True)
class Flow:
    id: FlowId
    steps: tuple[Step, ...]  # run in order; falling off the end hangs up

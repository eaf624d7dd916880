"""What the line under demonstration says, word for word, as audio: so that "the caller hears the greeting" is a
correlation with the very prompt and not a tale.

Everything is derived from the configuration that the switch itself runs on: which number customers dial, what its
flow says, which key leads to the queue, and how names and minutes sound.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from softswitch.call.prompts import PromptCatalog
from softswitch.call.settings import NumberSettings, QueueTexts, Settings
from softswitch.demo.listen import RATE, Heard, Prompt, Recording, likeness
from softswitch.ids import FlowId, QueueId
from softswitch.ivr.flow import say_segments
from softswitch.ivr.messages import Flow, GotoStep, MenuStep, Say, SayStep, Segment, Target

_KEYS = "123456789"
_MINUTES = range(1, 61)
_AROUND_SECONDS = 0.7  # so early and late the minutes are looked for
_LIKE = 0.7
CHOICES = ("wait", "colleague", "call_back")


class Voice:
    """Texts of the configuration as prompts to listen for, in one language."""

    def __init__(self, settings: Settings, catalog: PromptCatalog, number: str, queue: QueueId) -> None:
        self.settings = settings
        self.number = number
        self.queue = queue
        self._catalog = catalog
        self._cache = Path(settings.prompt_cache)
        self.language = self._dialled.language
        self.menu = self._first_menu()

    @property
    def _dialled(self) -> NumberSettings:
        return self.settings.call.numbers[self.number]

    @property
    def _flow(self) -> Flow:
        return self.settings.call.flows[self._dialled.flow]

    @property
    def texts(self) -> QueueTexts:
        return self.settings.call.queue_texts[self.queue]

    # ------------------------------------------------------------------ the flow

    def _first_menu(self) -> MenuStep:
        return next(step for step in self._flow.steps if isinstance(step, MenuStep))

    def greeting(self) -> list[Prompt]:
        """Everything that is said before the first menu."""
        said: list[Prompt] = []
        for step in self._flow.steps:
            if isinstance(step, MenuStep):
                break
            if isinstance(step, SayStep):
                said.append(self.prompt(f"the greeting ({len(said) + 1})", step.say))
        return said

    def key_to_queue(self) -> str:
        """The menu key that leads to this queue."""
        return next(key for key, target in self.menu.keys.items() if self._leads_to(target) == self.queue)

    def key_to_nowhere(self) -> str:
        """A wrong key."""
        return next(key for key in reversed(_KEYS) if key not in self.menu.keys)

    def _leads_to(self, target: Target) -> str:
        if target.queue or not (target.step or target.flow):
            return target.queue
        flow = self.settings.call.flows[FlowId(target.flow)] if target.flow else self._flow
        at = next((i for i, step in enumerate(flow.steps) if step.name == target.step), 0) if target.step else 0
        after = flow.steps[at:]
        first = next((step for step in after if not isinstance(step, SayStep)), None)
        return first.target.queue if isinstance(first, GotoStep) else ""

    def choice_key(self, choice: str) -> str:
        return next(key for key, target in self.texts.choice_keys.items() if target.choose == choice)

    # ------------------------------------------------------------------ as audio

    def prompt(self, name: str, say: Say, **values: str | Say) -> Prompt:
        languages = self.settings.call.languages
        return Prompt(name, self._samples(say_segments(say, self.language, languages, values)))

    def spoken_name(self, agent: str) -> Say:
        return self.settings.call.agents[agent].spoken_name

    def choice_intro(self, agent: str) -> Prompt:
        """The first sentence of the three-way choice: who is busy."""
        first = self._choice_lines()[0]
        name = self.spoken_name(agent)
        words = first.replace("{agent}", name.texts.get(self.language, agent))
        return self.prompt(f"'{words}'", Say({self.language: first}), agent=name)

    def wait_told(self) -> Prompt:
        """What is said before the number of minutes."""
        before = next(line for line in self._choice_lines() if "{minutes}" in line).partition("{minutes}")[0]
        return self.prompt(f"'{before.strip()}'", Say({self.language: before}))

    def _choice_lines(self) -> list[str]:
        lines = self.texts.choice.texts[self.language].splitlines()
        for choice in CHOICES:
            more = getattr(self.texts, "choice_lines", {}).get(choice)
            lines += more.texts[self.language].splitlines() if more else []
        return lines

    def minutes_heard(self, recording: Recording, since: float) -> tuple[int, Heard] | None:
        """Which number of minutes is told from about this time on: the one that sounds most like it; None while the
        longest number could not yet have been heard to its end."""
        candidates = self._minutes()
        needed = max(prompt.seconds for prompt in candidates.values()) + 2 * _AROUND_SECONDS
        told = recording.since(since - _AROUND_SECONDS)
        told = Recording(told.samples[: round(needed * RATE)], told.began)
        if told.seconds < needed:
            return None
        alike = {minutes: likeness(told, prompt) for minutes, prompt in candidates.items()}
        minutes = max(alike, key=lambda each: alike[each][0])
        score, heard = alike[minutes]
        return (minutes, heard) if score >= _LIKE else None

    def _minutes(self) -> dict[int, Prompt]:
        say = Say({self.language: "{minutes}"})
        return {each: self.prompt(f"{each} minutes", say, minutes=str(each)) for each in _MINUTES}

    def _samples(self, segments: tuple[Segment, ...]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
        keys, _ = self._catalog.keys(segments)
        parts = [Prompt.from_u_law(key, (self._cache / f"{key}.ulaw").read_bytes()).samples for key in keys]
        if not parts:
            raise ValueError(f"no audio for {[segment.text or segment.file for segment in segments]}")
        return np.concatenate(parts)

"""What a flow tells those who record: when a secret is keyed in, and whether a notice is yet to be heard.

public --a secret step, or its first key typed ahead--> secret --another step, the end--> public
no notice --a step ahead tells that the call is recorded--> notice ahead --it was said--> announced (for good)
                                                              |  he goes another way, or it cannot be played: no notice
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from softswitch.ivr.messages import CollectStep, FlowCommand, RecordCall, Step

RECORD_NOTICE: Final = "record_notice"  # the name of the step that tells that the call is recorded


class Recorded:
    """Of one run of a flow."""

    __slots__ = ("_ahead", "_heard", "_hidden")

    def __init__(self) -> None:
        self._hidden = False  # a secret is being keyed in
        self._ahead = False  # he will hear a notice
        self._heard = False

    def look(self, steps: Sequence[Step], over: bool, out: list[FlowCommand]) -> None:
        """After each event: these steps are to come, the first of them goes on. While a secret is asked for nothing is
        recorded, from before the first key on; nor before the notice was heard."""
        hidden = bool(steps) and isinstance(steps[0], CollectStep) and steps[0].secret
        if hidden and not self._hidden:
            out.insert(0, RecordCall("secret"))
        elif self._hidden and not hidden:
            out.insert(len(out) - (over and bool(out)), RecordCall("public"))  # nothing comes after the end
        self._hidden = hidden
        if not self._heard:
            ahead = any(each.name == RECORD_NOTICE for each in steps)
            if ahead != self._ahead:
                out.insert(0, RecordCall("notice ahead" if ahead else "no notice"))
            self._ahead = ahead

    def said(self, step: Step, out: list[FlowCommand]) -> None:
        """He heard it, or cut it short."""
        if step.name == RECORD_NOTICE:
            self._heard = True
            out.append(RecordCall("announced"))

    def typed_ahead(self, step: Step, since_seconds: float, out: list[FlowCommand]) -> None:
        """The keys that this step begins with may be tones, and were heard before now."""
        if isinstance(step, CollectStep) and step.secret and not self._hidden:
            self._hidden = True
            out.append(RecordCall("secret", since_seconds))

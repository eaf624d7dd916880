"""Asks a caller whether he wants to be called back, and at which number.

    out of the line:  reason -> "To be called back, press 1" --1--+
    in the line, after his key or choice -------------------------+--> [number is read back --2--> another is keyed in]
                                                                        -> the number, or None (he does not want it)

The number is read back where the queue says so. A call that came without a number is asked for one where others may be
keyed in; else it cannot be called back.
"""

from __future__ import annotations

from dataclasses import replace

from softswitch.acd.messages import ConfirmCallBack
from softswitch.call.board import Board
from softswitch.call.dial_settings import CALL_BACKS, Dialler
from softswitch.call.settings import CallBackTexts, QueueWays
from softswitch.ids import FlowId, QueueId
from softswitch.ivr.flow import FlowRun
from softswitch.ivr.messages import (
    CollectStep,
    Flow,
    FlowFinished,
    FlowStarted,
    GotoStep,
    MenuStep,
    Say,
    SayStep,
    Step,
    Target,
    Unclear,
)

_FLOW = FlowId("call-back")
_NO, _HIS, _OTHER = Target(choose="no"), Target(choose="his"), Target(choose="other")
_LEAST_DIGITS, _MOST_DIGITS = 5, 15  # E.164: at most 15


def can_be_dialled(number: str) -> bool:
    digits = number.removeprefix("+")
    return digits.isascii() and digits.isdigit() and _LEAST_DIGITS <= len(digits) <= _MOST_DIGITS


def when_said(board: Board, texts: CallBackTexts, command: ConfirmCallBack, now: float) -> tuple[Say, float]:
    """The text that tells when he is called back, and the time it names."""
    line = board.line
    if command.not_before <= now:
        return texts.promised, command.due_at
    days = (line.local_time(line.wall(command.not_before)).date() - line.local_time(line.wall(now)).date()).days
    said = {0: texts.promised_today, 1: texts.promised_tomorrow}.get(days, texts.promised_next_day)
    return said, command.not_before


class CallBackDesk:
    """One question to one caller; made anew for each."""

    def __init__(self, board: Board, queue: QueueId, caller: str, after_choice: bool = False) -> None:
        queue_texts = board.texts(queue)
        self._board = board
        self._texts: CallBackTexts = queue_texts.call_back_texts
        self._ways: QueueWays = queue_texts.ways
        self._caller = caller if can_be_dialled(caller) else ""
        self.after_choice = after_choice  # the ACD still waits for his choice

    @property
    def possible(self) -> bool:
        """False: he called without a number, and none can be keyed in."""
        return bool(self._caller or self._ways.numbers)

    @property
    def has_questions(self) -> bool:
        """False: his own number is taken as it is."""
        return self._ways.ask_number or not self._caller

    @property
    def number(self) -> str:
        return self._caller

    def ask(self, offer: Say | None = None) -> FlowRun:
        """`offer`: why nobody answers; he is asked whether he wants to be called back at all."""
        texts = self._texts
        unclear = Unclear(again=1, then=_NO, no_input_seconds=5.0)
        steps: list[Step] = []
        if offer is not None:
            first = self._first_question()
            steps = [
                SayStep("reason", offer),
                MenuStep("offer", texts.call_back_offer, {"1": first, "2": _NO}, unclear),
            ]
        if self._caller and self._ways.ask_number:
            steps.append(MenuStep("number", texts.number_right, {"1": _HIS, "2": Target(step="other")}, unclear))
        if self._ways.numbers:
            steps.append(CollectStep("other", texts.number_other, _LEAST_DIGITS, _MOST_DIGITS, unclear))
            steps.append(GotoStep("", _OTHER))
        rules = replace(self._board.line.flow_rules, human=_NO)
        return FlowRun({_FLOW: Flow(_FLOW, tuple(steps))}, _FLOW, self._board.ids, rules)

    def _first_question(self) -> Target:
        if not self.has_questions:
            return _HIS
        return Target(step="number" if self._caller else "other")

    def values(self, language: str) -> FlowStarted:
        return FlowStarted(language, {"caller": self._caller})

    def answer(self, finished: FlowFinished, run: FlowRun, now: float) -> str | None:
        """Where he wants to be called back; None: nowhere, or at a number that we do not call."""
        if finished.chosen == _HIS.choose:
            return self._caller
        number = run.entered.get("other", "")
        if finished.chosen == _OTHER.choose and self._allowed(number, now):
            return number
        return None

    def _allowed(self, number: str, now: float) -> bool:
        """Nobody can make us call just any number of the world."""
        if not number.removeprefix("00").startswith(tuple(each.removeprefix("+") for each in self._ways.numbers)):
            return False
        board = self._board
        dialler = Dialler(CALL_BACKS)
        return board.dialling.may_dial(dialler, number, now, board.call.call_back_trunk, later=True).allowed

"""Callers who let others go first, as it is written -> the rule of the queue, its key and its texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from softswitch.acd.messages import LetFirstRule
from softswitch.acd.rules import FACTS, Condition, RuleError, compile_rule
from softswitch.call.settings import LetFirst, LetFirstTexts
from softswitch.config.language import WaitingDoc
from softswitch.config.problems import Placed, did_you_mean, listing
from softswitch.config.promise_language import LetFirstDoc
from softswitch.config.references import Known
from softswitch.config.texts import LET_FIRST_TEXTS
from softswitch.ivr.messages import Say

_CALLS_BACK = "call_back"


def _doc(waiting: WaitingDoc | None) -> LetFirstDoc | None:
    return waiting.let_others_first if waiting is not None else None


def build_condition(when: Placed, known: Known, collected: Iterable[str]) -> Condition | None:
    """A rule's expression; None when it is none, which is reported."""
    facts = {**dict.fromkeys(collected, str), **FACTS}
    try:
        return compile_rule(str(when), facts)
    except RuleError as error:
        hint = ""
        if error.unknown:
            hint = did_you_mean(error.unknown, facts) or f"; known: {listing(facts)}"
        known.report.add(when.place, f"{error}{hint}")
        return None


def let_first_rule(waiting: WaitingDoc | None) -> LetFirstRule | None:
    doc = _doc(waiting)
    return None if doc is None else LetFirstRule(doc.after, doc.gives, doc.next_after)


def build_let_first(waiting: WaitingDoc | None, known: Known, collected: Iterable[str]) -> LetFirst | None:
    doc = _doc(waiting)
    if doc is None:
        return None
    if doc.next_after < doc.gives:
        known.report.add(doc.at("next_after"), "is shorter than `gives`: who lets others go first would gain by it")
    when = build_condition(doc.when, known, collected) if doc.when else None
    return LetFirst(str(doc.press), doc.next_after, doc.then == _CALLS_BACK, when)


def let_first_default(name: str, waiting: WaitingDoc | None) -> Mapping[str, str]:
    """The text that ships, with the key filled in."""
    doc = _doc(waiting)
    if name == "let_first_offer" and doc is not None and doc.then == _CALLS_BACK:
        name = "let_first_call_back"
    pressed = str(doc.press) if doc is not None else ""
    return {language: text.replace("{key}", pressed) for language, text in LET_FIRST_TEXTS[name].items()}


def let_first_texts(waiting: WaitingDoc | None, says: Mapping[str, Say]) -> LetFirstTexts:
    """Nothing is rendered for queues that do not ask."""
    if _doc(waiting) is None:
        return LetFirstTexts()
    return LetFirstTexts(says["let_first_offer"], says["let_first_given"], says["let_first_taken_back"])

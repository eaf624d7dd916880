"""Ways out of a queue as they are written: keys while waiting, closed hours, a full line, nobody there."""

from __future__ import annotations

from collections.abc import Mapping

from softswitch.acd.rules import Rule
from softswitch.call.answered_by import LEAVE_MESSAGE, NOTE, TREAT_AS_HUMAN
from softswitch.call.settings import CALL_BACK, LET_FIRST, CallBackTexts, QueueWays
from softswitch.config.flow_language import TargetDoc
from softswitch.config.flows import FlowBuilder
from softswitch.config.language import QueueDoc, StickyDoc
from softswitch.config.let_first import build_condition, build_let_first
from softswitch.config.promise_language import CallBackRuleDoc, RuleDoc
from softswitch.config.references import Known
from softswitch.ivr.messages import Say, Target

_FIRST_KEY = "1"  # of the call-back in the line, when no key is named


def build_ways(doc: QueueDoc, back: CallBackRuleDoc | None, known: Known, flows: FlowBuilder) -> QueueWays:
    overflow = flows.target(doc.overflow) if doc.overflow is not None else None
    closed = _way(doc.closed, flows)
    full = _way(doc.full, flows)
    known.check("calendar", doc.hours)
    if doc.hours and closed is None and overflow is None:
        known.report.add(
            doc.hours.place, "outside of these hours a caller needs a next step: closed: call_back, a flow or a queue"
        )
    if doc.closed is not None and not doc.hours:
        known.report.add(
            doc.at("closed"), "without hours this queue is never closed; name a calendar with the key hours"
        )
    if doc.most_waiting is not None and full is None and overflow is None:
        known.report.add(
            doc.at("most_waiting"),
            "when the line is full a caller needs a next step: full: call_back, a flow or a queue",
        )
    return QueueWays(
        keys=_keys(doc, known, flows),
        offer_call_back_seconds=doc.while_waiting.offer_call_back if doc.while_waiting is not None else None,
        ask_number=back is not None and back.number == "ask",
        numbers=tuple(map(str, back.allow)) if back is not None else (),
        hours=str(doc.hours),
        closed=closed or overflow or Target(hang_up=True),
        full=full,
        rules=tuple(rule for each in doc.rules if (rule := _rule(each, known, flows)) is not None),
        most_passes=doc.passes.at_most if doc.passes is not None else None,
        after_passes=flows.target(doc.passes.then) if doc.passes is not None else None,
        nobody=CALL_BACK if doc.nobody_there == "call_back" else None,
        let_first=build_let_first(doc.while_waiting, known, flows.collected),
    )


def _rule(doc: RuleDoc, known: Known, flows: FlowBuilder) -> Rule | None:
    if not doc.when:
        return None
    when = build_condition(doc.when, known, flows.collected)
    return Rule(str(doc.name or doc.when), when, doc.head_start) if when is not None else None


def _way(doc: TargetDoc | None, flows: FlowBuilder) -> Target | None:
    if doc is None:
        return None
    return CALL_BACK if doc.word == "call_back" else flows.target(doc)


def _keys(doc: QueueDoc, known: Known, flows: FlowBuilder) -> dict[str, Target]:
    waiting = doc.while_waiting
    if waiting is None:
        return {}
    keys: dict[str, Target] = {}
    for pressed, target in waiting.keys.items():
        way = _way(target, flows)
        assert way is not None
        keys[str(pressed)] = way
    if waiting.offer_call_back is not None and CALL_BACK not in keys.values():
        if _FIRST_KEY in keys:
            known.report.add(
                waiting.at("offer_call_back"), f"the key {_FIRST_KEY} leads elsewhere; name another one for call_back"
            )
        keys[_FIRST_KEY] = CALL_BACK
    first = waiting.let_others_first
    if first is not None:
        if str(first.press) in keys:
            known.report.add(first.at("press"), f"the key {first.press} leads elsewhere already")
        keys[str(first.press)] = LET_FIRST
    return keys


def _rule_of(doc: QueueDoc) -> CallBackRuleDoc | None:
    sticky = doc.sticky if isinstance(doc.sticky, StickyDoc) else None
    return doc.call_back or (sticky.call_back if sticky is not None else None)


def check_machine(back: CallBackRuleDoc, known: Known) -> None:
    """What is to be done with an answering machine, and what is said to it."""
    if back.machine == NOTE and back.first == "customer":
        known.report.add(back.at("machine"), "nobody talks to the machine then; it needs first: agent")
    elif back.machine == LEAVE_MESSAGE and back.message is None:
        known.report.add(back.at("machine"), "it needs the key message: what is said to the machine")
    elif back.message is not None and back.machine != LEAVE_MESSAGE:
        known.report.add(back.at("message"), "nobody ever hears it; it needs machine: leave_message")


def _machine(rule: CallBackRuleDoc | None) -> str:
    if rule is not None and rule.machine:
        return str(rule.machine)
    return NOTE if rule is None or rule.first == "agent" else TREAT_AS_HUMAN


def call_back_key(doc: QueueDoc) -> str:
    """The key that is named when a call-back is offered in the line."""
    keys = doc.while_waiting.keys if doc.while_waiting is not None else {}
    return next((str(pressed) for pressed, target in keys.items() if target.word == "call_back"), _FIRST_KEY)


def call_back_texts(
    doc: QueueDoc, ways: QueueWays, sticky_offer: tuple[str, ...], says: Mapping[str, Say], known: Known
) -> CallBackTexts:
    """The texts of the queue with the key filled in. Those that can never be said are left out: nobody renders them."""
    rule = _rule_of(doc)
    first_calls = ways.let_first is not None and ways.let_first.call_back
    in_line = CALL_BACK in ways.keys.values()
    out_of_line = CALL_BACK in (ways.nobody, ways.full, ways.closed if ways.hours else None)
    at_all = in_line or out_of_line or first_calls
    asks = (at_all or CALL_BACK.choose in sticky_offer) and bool(ways.numbers)
    later = (at_all or CALL_BACK.choose in sticky_offer) and bool(ways.hours)
    offered = says["offer_call_back"]
    pressed = call_back_key(doc)
    texts = {language: text.replace("{key}", pressed) for language, text in offered.texts.items()}
    needed = {
        "call_back_offer": out_of_line,
        "closed": out_of_line and ways.closed == CALL_BACK,
        "full": out_of_line and ways.full == CALL_BACK,
        "number_right": asks and ways.ask_number,
        "number_other": asks,
        "promised": at_all,
        "promised_today": later,
        "promised_tomorrow": later,
        "promised_next_day": later,
        "ask_customer": rule is not None and rule.first == "customer" and rule.confirm,
        "customer_hold": rule is not None and rule.first == "customer",
        "nobody_after_all": rule is not None and rule.first == "customer",
    }
    return CallBackTexts(
        offer_call_back=Say(texts=texts, files=offered.files) if in_line else Say(),
        machine=_machine(rule),
        message=known.say(rule.message, ()) if rule is not None and rule.message is not None else Say(),
        **{name: says[name] for name, is_needed in needed.items() if is_needed},
    )

"""The configuration language of texts: what the line and its queues say, where the defaults do not fit."""

from __future__ import annotations

from softswitch.config.kinds import Section, key, section
from softswitch.config.values import SAY, SayDoc


@section
class LineTextsDoc(Section):
    """What the line says by itself. Each has a default text in en, et, zh, it and cs."""

    wrong_key: SayDoc | None = key(SAY, "after a key that means nothing", None)
    no_input: SayDoc | None = key(SAY, "after no key at all", None)
    logged_in: SayDoc | None = key(SAY, "to an agent who logged in by code", None)
    logged_out: SayDoc | None = key(SAY, "to an agent who logged out by code", None)
    now_ready: SayDoc | None = key(SAY, "to an agent who is ready again", None)
    on_break: SayDoc | None = key(SAY, "to an agent who goes on break", None)
    call_back_intro: SayDoc | None = key(SAY, "to an agent before the customer is called back", None)
    goodbye: SayDoc | None = key(SAY, "before the switch hangs up by itself", None)
    call_back_here: SayDoc | None = key(SAY, "to an agent, when the customer was called first", None)
    passed_on: SayDoc | None = key(SAY, "to an agent whose caller goes to another department", None)
    passed_and_back: SayDoc | None = key(SAY, "the same, when he comes back to her", None)
    now_outbound: SayDoc | None = key(SAY, "to an agent who calls customers herself now", None)
    more_time: SayDoc | None = key(SAY, "to an agent who has more time for notes", None)
    not_possible: SayDoc | None = key(SAY, "to an agent whose code cannot be obeyed now", None)
    overloaded: SayDoc | None = key(SAY, "to a caller for whom there is no room (`overload`)", None)
    call_again: SayDoc | None = key(SAY, "and when he cannot, or will not, be called back", None)


@section
class QueueTextsDoc(Section):
    """What a queue says. Each has a default text in en, et, zh, it and cs."""

    please_wait: SayDoc | None = key(SAY, "when nobody is free at once", None)
    position: SayDoc | None = key(SAY, "the place in the line: {position}", None)
    wait_between: SayDoc | None = key(SAY, "the range of the wait: {least} {most}", None)
    wait_about: SayDoc | None = key(SAY, "the wait, when it is no range: {minutes}", None)
    let_first_offer: SayDoc | None = key(SAY, "others may go first: {minutes} until he is next", None)
    let_first_given: SayDoc | None = key(SAY, "he has let others go first: {minutes}", None)
    let_first_taken_back: SayDoc | None = key(SAY, "he has his place back", None)
    choice: SayDoc | None = key(SAY, "she is busy, what now? {agent} {minutes} {time}", None)
    wait_for_agent: SayDoc | None = key(SAY, "he waits for her: {agent}", None)
    call_back_confirmed: SayDoc | None = key(SAY, "the call-back is promised: {agent} {time}", None)
    offer_call_back: SayDoc | None = key(SAY, "in the line: he can be called back by a key", None)
    closed: SayDoc | None = key(SAY, "outside of `hours`, before a call-back is offered", None)
    full: SayDoc | None = key(SAY, "the line is full, before a call-back is offered", None)
    call_back_offer: SayDoc | None = key(SAY, "out of the line: press 1 to be called back", None)
    number_right: SayDoc | None = key(SAY, "is {caller} the number? 1: yes, 2: another one", None)
    number_other: SayDoc | None = key(SAY, "which other number?", None)
    promised: SayDoc | None = key(SAY, "anybody calls back: by {time}", None)
    promised_today: SayDoc | None = key(SAY, "anybody calls back: today from {time}", None)
    promised_tomorrow: SayDoc | None = key(SAY, "anybody calls back: tomorrow from {time}", None)
    promised_next_day: SayDoc | None = key(SAY, "anybody calls back: on the next working day from {time}", None)
    ask_customer: SayDoc | None = key(SAY, "a call-back, customer first: press 1 to talk now", None)
    customer_hold: SayDoc | None = key(SAY, "and then, while an agent is rung", None)
    nobody_after_all: SayDoc | None = key(SAY, "and when nobody was free: we call again", None)
    away: SayDoc | None = key(SAY, "her deputy is spoken of next: {absent}", None)
    connecting: SayDoc | None = key(SAY, "just before the talk: {agent}", None)
    nobody_there: SayDoc | None = key(SAY, "before `overflow`", None)
    sorry_gone: SayDoc | None = key(SAY, "he waited for her longer than told: {agent}", None)

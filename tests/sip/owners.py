"""Whose is this timer? Every running timer of a stack must be reachable from one of its tables without going through
the timers themselves: a timer that nobody could stop any more is a leak, and fires into something that is over."""

from __future__ import annotations

import gc
from typing import Any

from softswitch.sip.context import Context
from softswitch.sip.stack import SipStack
from softswitch.sip.timers import Timer, Timers

_LEAVES = (str, bytes, int, float, bool, type(None), type)


def ownerless(stack: SipStack) -> list[str]:
    """What runs on timers that no table leads to."""
    running = {id(entry[2]): entry[2] for entry in stack._context.timers._heap if entry[2].action is not None}
    for timer in _reachable(stack):
        running.pop(id(timer), None)
    return [repr(timer.action) for timer in running.values()]


def _reachable(stack: SipStack) -> list[Timer]:
    roots: list[Any] = [
        stack._servers._table,
        stack._clients._table,
        stack._sessions._legs,
        stack._sessions._dialogs,
        stack._registrar,
        stack._streams,
        stack.qualifier,
        stack.carriers,
    ]
    found: list[Timer] = []
    seen = {id(stack), id(stack._context)}
    while roots:
        thing = roots.pop()
        if id(thing) in seen or isinstance(thing, _LEAVES):
            continue
        seen.add(id(thing))
        if isinstance(thing, Timer):
            found.append(thing)
        elif not isinstance(thing, (Context, Timers)) and not callable(thing):
            roots.extend(gc.get_referents(thing))
    return found

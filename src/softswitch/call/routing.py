"""Which flow answers a call: by the dialled number and the calendar (MISSION M1, M18).

A number is looked up as dialled, then with the separators people write removed, with or without its +, and with 00
read as +. Nothing else is guessed: an unknown number is answered with 404.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from softswitch.call.hours import is_open
from softswitch.call.settings import CallSettings, NumberSettings
from softswitch.ids import FlowId

SEPARATORS = str.maketrans("", "", " -.()")


def one_form(caller: str) -> str:
    """A caller's number in the form it is remembered by: gateways write the same one as +372..., 00372... or with
    separators, and a returning caller must be known by all of them. Names and hidden numbers stay as they are."""
    plain = caller.translate(SEPARATORS)
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()):
        return caller
    if plain.startswith("00") and len(plain) > 4:
        return "+" + plain[2:]
    return plain


@dataclass(frozen=True, slots=True)
class Route:
    """The number that matched and the flow to start (the closed flow outside opening hours)."""

    number: NumberSettings
    flow: FlowId
    is_open: bool


def resolve(settings: CallSettings, dialled: str, when: datetime) -> Route | None:
    """The route of a dialled number at a local wall-clock time, or None when the number is not ours."""
    number = _find(settings, dialled)
    if number is None:
        return None
    hours = settings.hours.get(number.hours) if number.hours else None
    if hours is None or number.closed_flow is None or is_open(hours, when):
        return Route(number, number.flow, True)
    return Route(number, number.closed_flow, False)


def _find(settings: CallSettings, dialled: str) -> NumberSettings | None:
    numbers = settings.numbers
    plain = dialled.translate(SEPARATORS)
    for candidate in (dialled, plain, "+" + plain, plain.removeprefix("+")):
        found = numbers.get(candidate)
        if found is not None:
            return found
    if plain.startswith("00"):  # the international prefix as a gateway may send it
        return numbers.get("+" + plain[2:])
    return None

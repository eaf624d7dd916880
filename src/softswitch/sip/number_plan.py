"""Telephone numbers of one trunk: what it sends becomes E.164, what it is sent becomes its own way of writing.

    in   +372 555 1234 · 00372 5551234 · 372 5551234 · 0 5551234 ─► +3725551234
    out  +3725551234 ─► e164 · digits 3725551234 · international 003725551234 · national 5551234

What is no possible number of a country (a short number like 112, a name) stays as it was written.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import phonenumbers

INCOMING: Final = ("auto", "national", "international")
OUTGOING: Final = ("e164", "digits", "international", "national", "as-written")
_SEPARATORS: Final = str.maketrans("", "", " -.()/")
_LEAST: Final = 6  # digits; shorter ones are numbers of a service or of a switch
_MOST: Final = 32  # characters; longer ones are no telephone numbers


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """`country`: whose national numbers are meant. `incoming` "international" means that the country code stands
    there also without + or 00. `national_prefix` stands before a national number; None: as the country has it."""

    country: str
    incoming: str = "auto"
    outgoing: str = "e164"
    national_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Forwarded:
    """Somebody whose calls are forwarded to us (RFC 5806, RFC 7044). `number` is empty when it is not to be shown."""

    number: str
    reason: str  # "unconditional", "user-busy", "no-answer", ...


@lru_cache(maxsize=8192)
def to_e164(plan: NumberPlan, written: str) -> str:
    """`written` as +<country code><number>, or unchanged when it is not the number of a subscriber."""
    plain = written.translate(_SEPARATORS)
    digits = plain.removeprefix("+")
    if not (digits.isascii() and digits.isdecimal()) or len(plain) > _MOST:
        return written
    if plain.startswith("+"):
        return _possible(plain, None) or plain
    if plain.startswith("00") and plan.incoming != "national":
        return _possible("+" + plain[2:], None) or plain
    if plan.incoming == "international":
        return _possible("+" + plain, None) or plain
    return _national(plan, plain) or (_possible("+" + plain, None) if plan.incoming == "auto" else "") or plain


def _national(plan: NumberPlan, plain: str) -> str:
    prefix = plan.national_prefix
    if prefix and plain.startswith(prefix):
        plain = plain[len(prefix) :]
    elif len(plain) < _LEAST:
        return ""
    return _possible(plain, plan.country)


def _possible(plain: str, country: str | None) -> str:
    """In E.164, when it is as long as numbers of that country are; a number for inside of one town only is not."""
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException:
        return ""
    if phonenumbers.is_possible_number_with_reason(number) != phonenumbers.ValidationResult.IS_POSSIBLE:
        return ""
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@lru_cache(maxsize=8192)
def as_sent(plan: NumberPlan, number: str) -> str:
    """A number as this trunk wants it; separators are never sent."""
    if plan.outgoing == "as-written":
        return number
    full = to_e164(plan, number)
    if not (full.startswith("+") and _possible(full, None)):
        return full.translate(_SEPARATORS)
    if plan.outgoing == "e164":
        return full
    if plan.outgoing == "national":
        parsed = phonenumbers.parse(full, None)
        if phonenumbers.country_code_for_region(plan.country) == parsed.country_code and _says_the_same(parsed):
            if plan.national_prefix is not None:
                return plan.national_prefix + phonenumbers.national_significant_number(parsed)
            written = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
            return "".join(one for one in written if one.isdecimal())
    return full[1:] if plan.outgoing == "digits" else "00" + full[1:]


def _says_the_same(parsed: phonenumbers.PhoneNumber) -> bool:
    """Also without its country code. Zeros in front of what is no number would make a call abroad of it."""
    plain = phonenumbers.national_significant_number(parsed)
    return not plain.startswith("0") or phonenumbers.is_valid_number(parsed)


def known_country(code: str) -> bool:
    return code in phonenumbers.SUPPORTED_REGIONS

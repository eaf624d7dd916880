"""A number as somebody dialled or wrote it -> the one form that is checked and dialled, and what it reaches.

    "tel:+372-631.0000;ext=5"  "sip:00372%36310000@any"  "(631) 0000"   ->  +3726310000, national

What was checked is what goes out: whoever dials takes `Destination.number` and never the text it came from. Letters,
pauses, second escapes and digits of other scripts are no number at all. RFC 3966 5.1.1 (visual separators), 5.1.4
(phone-context); the plans of all countries come from the phonenumbers library.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import PhoneNumberType, shortnumberinfo

INTERNAL, EMERGENCY, OTHER = "internal", "emergency", "other"
_TYPES = {
    PhoneNumberType.PREMIUM_RATE: "premium",
    PhoneNumberType.PERSONAL_NUMBER: "premium",  # who is called sets the price, as with premium numbers
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.PAGER: "mobile",
}
BUILT_IN = (
    INTERNAL,
    EMERGENCY,
    "national",
    "mobile",
    "toll_free",
    "shared_cost",
    "premium",
    "international",
    "satellite",
    OTHER,
)
_NO_COUNTRY = "001"  # phonenumbers: satellite and other networks that belong to no country

_MOST_CHARACTERS = 256
_SCHEME = re.compile(r"(sips?|tel):", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", " -.()/\u00a0\u2010\u2011")
_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_CONTEXT = re.compile(r"phone-context=(\+[0-9.()-]{1,20})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class OwnClass:
    """A class of destinations of the configuration: numbers by their first digits (the longest wins), or countries."""

    name: str
    prefixes: tuple[str, ...] = ()  # +37290, or 1188 for a short number
    regions: tuple[str, ...] = ()  # LV, LT


@dataclass(frozen=True, slots=True)
class NumberPlan:
    """Where we are, and what is ours."""

    country: str = ""  # of numbers without a country code; empty: those cannot be told apart
    extensions: frozenset[str] = frozenset()
    own_numbers: frozenset[str] = frozenset()  # as they stand in the configuration
    emergency: tuple[str, ...] = ()  # besides those of the country
    classes: tuple[OwnClass, ...] = ()


@dataclass(frozen=True, slots=True)
class Destination:
    """What a number reaches. `number` is what is dialled: +E.164, else digits as they were."""

    number: str
    kind: str  # a class: built in, or of the configuration
    country: str = ""


def plain_digits(text: str) -> str:
    """The digits of what somebody dialled, perhaps with a leading +; "" when it is no telephone number."""
    if len(text) > _MOST_CHARACTERS:
        return ""
    if "%" in text:
        text = unquote(text)
    text = text.strip()
    scheme = _SCHEME.match(text)
    if scheme is not None:
        text = text[scheme.end() :].partition("@")[0]
        if scheme[1].lower() != "tel":
            text = text.partition(":")[0]  # a password
    text, _, parameters = text.partition(";")
    # RFC 3966 5.1.1: visual separators have no meaning.
    digits = text.translate(_SEPARATORS)
    # RFC 3966 5.1.4: a local number is read within its phone-context; one that is a global prefix makes it global.
    context = _CONTEXT.search(";" + parameters) if parameters and not digits.startswith("+") else None
    if context is not None:
        digits = context[1].translate(_SEPARATORS) + digits
    return digits if _NUMBER.fullmatch(digits) else ""


@lru_cache(maxsize=8192)
def destination(plan: NumberPlan, text: str) -> Destination | None:
    """What this number reaches from here; None when it is no number."""
    digits = plain_digits(text)
    if not digits:
        return None
    if is_emergency(plan, digits):
        return Destination(digits, EMERGENCY)
    if digits in plan.extensions or digits in plan.own_numbers:
        return Destination(digits, INTERNAL)
    parsed = _parsed(plan, digits)
    number = digits if parsed is None else phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    if number in plan.own_numbers:
        return Destination(number, INTERNAL)
    country = "" if parsed is None else phonenumbers.region_code_for_number(parsed) or ""
    return Destination(number, _class(plan, number, parsed, country), country)


def is_emergency(plan: NumberPlan, digits: str) -> bool:
    """Exactly an emergency number: 112 with anything behind it would be a way around every rule."""
    if digits in plan.emergency:
        return True
    if not plan.country:
        return digits in ("112", "911")
    return shortnumberinfo.is_emergency_number(digits, plan.country)


def _parsed(plan: NumberPlan, digits: str) -> phonenumbers.PhoneNumber | None:
    """By the plan of our country (its own international and national prefixes); without one 00 and 011 are +."""
    if not plan.country and not digits.startswith("+"):
        prefix = next((prefix for prefix in ("00", "011") if digits.startswith(prefix)), "")
        if not prefix:
            return None
        digits = "+" + digits.removeprefix(prefix)
    try:
        return phonenumbers.parse(digits, plan.country or None)
    except phonenumbers.NumberParseException:
        return None


def _class(plan: NumberPlan, number: str, parsed: phonenumbers.PhoneNumber | None, country: str) -> str:
    """A prefix of the configuration says it exactly. A country of it means the people there, not whoever takes money
    for being called or is reached by satellite."""
    own = _own_prefix(plan, number)
    if own:
        return own
    kind = _built_in(plan, parsed, country)
    if kind in ("premium", "satellite"):
        return kind
    return next((one.name for one in plan.classes if country and country in one.regions), kind)


def _own_prefix(plan: NumberPlan, number: str) -> str:
    best, length = "", 0
    for one in plan.classes:
        for prefix in one.prefixes:
            if len(prefix) > length and number.startswith(prefix):
                best, length = one.name, len(prefix)
    return best


def _built_in(plan: NumberPlan, parsed: phonenumbers.PhoneNumber | None, country: str) -> str:
    if parsed is None:
        return OTHER
    nowhere = phonenumbers.region_code_for_country_code(parsed.country_code or 0) == _NO_COUNTRY
    if not phonenumbers.is_valid_number(parsed):
        # The network connects after the last digit that it needs: with more behind it, it is the same call.
        shortened = phonenumbers.PhoneNumber(country_code=parsed.country_code, national_number=parsed.national_number)
        shortened.italian_leading_zero = parsed.italian_leading_zero
        shortened.number_of_leading_zeros = parsed.number_of_leading_zeros
        if phonenumbers.truncate_too_long_number(shortened) and _type(shortened) == "premium":
            return "premium"
        return "satellite" if nowhere else OTHER
    kind = _type(parsed)
    if kind == "premium":  # of whatever country
        return kind
    if nowhere:
        return "satellite"
    return kind if country == plan.country else "international"


def _type(parsed: phonenumbers.PhoneNumber) -> str:
    return _TYPES.get(phonenumbers.number_type(parsed), "national")

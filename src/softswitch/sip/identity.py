"""Who calls, as a trunk says, and what a called party is told (RFC 3323, 3325, 5806, 7044).

A trunk that is trusted asserts the caller in P-Asserted-Identity; of any other only From counts. `Privacy: id` keeps
the number inside: it is known for recognition and records and shown to nobody. Diversion and History-Info say from whom
a call was forwarded, the last one first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter, parse_address, quote_string, split_list
from softswitch.sip.message import Request
from softswitch.sip.messages import Forwarded, Origin, TrunkSettings
from softswitch.sip.number_plan import to_e164
from softswitch.sip.uri import dialled_number, escape_user, parse_uri, plain_text, printable

MOST_FORWARDS = 8
_NO_NUMBER = ("anonymous", "restricted", "unavailable", "unknown")
_PRIVATE = frozenset({"id", "user", "header"})
# RFC 5806 names of reasons, and the causes of RFC 4458 that History-Info has instead.
_REASONS = {
    "302": "unconditional",
    "404": "unknown",
    "408": "no-answer",
    "480": "deflection",
    "486": "user-busy",
    "487": "deflection",
    "503": "unavailable",
}
_CAUSES = {"unconditional": 302, "user-busy": 486, "no-answer": 408, "deflection": 480, "unavailable": 503}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, as far as it was proven. `as_sent` is the number as the trunk wrote it."""

    origin: Origin
    number: str
    name: str = ""
    private: bool = False
    forwarded: tuple[Forwarded, ...] = ()
    as_sent: str = ""


def caller_of(request: Request, trunk: TrunkSettings) -> Caller:
    """What this trunk says, its numbers in our form."""
    number, name = asserted_caller(request, trunk.trusted)
    private = _wants_privacy(request)
    forwarded = forwarded_from(request) if trunk.trusted else ()
    plan = trunk.numbers
    if plan is None:
        return Caller(Origin(trunk=trunk.id), number, name, private, forwarded, number)
    ours: Callable[[str], str] = partial(to_e164, plan)
    forwarded = tuple(replace(each, number=ours(each.number)) for each in forwarded)
    return Caller(Origin(trunk=trunk.id), ours(number), name, private, forwarded, number)


def asserted_caller(request: Request, trusted: bool = True) -> tuple[str, str]:
    """Number and name: P-Asserted-Identity (RFC 3325) or Remote-Party-ID where they are believed, else From."""
    # RFC 3325 5: from a node that is not trusted "the proxy MUST remove any P-Asserted-Identity header fields".
    for name in ("p-asserted-identity", "remote-party-id", "from") if trusted else ("from",):
        value = request.headers.get(name)
        if value is None:
            continue
        try:
            # RFC 3325 9.1: up to two values, a sip: and a tel: URI; the first usable one counts.
            for item in [value] if name == "from" else split_list(value):
                address = parse_address(item)
                number = dialled_number(address.uri)
                if number and number.lower() not in _NO_NUMBER:
                    return number[:64], printable(address.display)[:128]
        except SipError:
            continue
    return "", ""


def _wants_privacy(request: Request) -> bool:
    """RFC 3323 4.2 and RFC 3325 9.3: the values are separated by semicolons; also seen with commas."""
    value = request.headers.get("privacy")
    if value is None:
        return False
    wanted = value[:256].replace(",", ";").replace("\n", ";").split(";")
    return any(each.strip().lower() in _PRIVATE for each in wanted)


# ------------------------------------------------------------------ forwarded from


def forwarded_from(request: Request) -> tuple[Forwarded, ...]:
    """The last one who forwarded this call first. What cannot be read is left out: it never costs a call."""
    try:
        if "diversion" in request.headers:
            return _diversions(request.items("diversion")[:MOST_FORWARDS])
        if "history-info" in request.headers:
            return _history(request.items("history-info")[: 2 * MOST_FORWARDS])
    except SipError:
        return ()
    return ()


def _diversions(items: list[str]) -> tuple[Forwarded, ...]:
    # RFC 5806 4: "The top-most Diversion header represents the last diversion".
    found = []
    for item in items:
        address = parse_address(item)
        reason = parameter(address.parameters, "reason") or "unknown"
        hidden = (parameter(address.parameters, "privacy") or "off").lower() in ("full", "uri")
        found.append(_forwarded(address.uri, reason, hidden))
    return tuple(each for each in found if each is not None)


def _history(items: list[str]) -> tuple[Forwarded, ...]:
    """RFC 7044 7: entries are in the order in which the call went; the last one is where it goes now, us."""
    found = []
    for item, following in pairwise(items):
        address = parse_address(item)
        hidden = "?" in address.uri and "privacy=" in address.uri.partition("?")[2].lower()
        # RFC 4458, RFC 7544: the cause stands at the target that was forwarded to, which is the entry that follows.
        target = parse_address(following).uri
        cause = parse_uri(target).parameter("cause") if target[:3].lower() == "sip" else None
        if cause is not None:  # without one it was routed there, not forwarded
            found.append(_forwarded(address.uri, _REASONS.get(cause, "unknown"), hidden))
    return tuple(each for each in reversed(found) if each is not None)[:MOST_FORWARDS]


def _forwarded(uri: str, reason: str, hidden: bool) -> Forwarded | None:
    number = "" if hidden else dialled_number(uri)[:64]
    if number.lower() in _NO_NUMBER:
        number = ""
    return Forwarded(number, plain_text(reason)[:32].lower())


# ------------------------------------------------------------------ what we say


def said_of_caller(number: str, name: str, realm: str, private: bool, trusted: bool) -> tuple[str, str]:
    """The From value (without its tag), and the lines that assert the caller to this peer."""
    address = f"<sip:{escape_user(number or 'anonymous')}@{realm}>"
    named = f"{quote_string(printable(name))} {address}" if name else address
    if not private:
        return named, f"P-Asserted-Identity: {named}\r\n" if trusted else ""
    # RFC 3323 4.1: an anonymous From; RFC 3325 7: to a node that is not trusted no P-Asserted-Identity goes at all.
    hidden = '"Anonymous" <sip:anonymous@anonymous.invalid>'
    return hidden, f"P-Asserted-Identity: {named}\r\nPrivacy: id\r\n" if trusted and number else "Privacy: id\r\n"


def forwarding_lines(forwarded: tuple[Forwarded, ...], style: str, target: str, realm: str) -> str:
    """`style`: "diversion", "history-info", or "" for none. The lines are for a call that goes on to `target`."""
    known = [each for each in forwarded if each.number][:MOST_FORWARDS]
    if not known or not style:
        return ""
    if style == "diversion":
        return "".join(
            f"Diversion: <sip:{escape_user(each.number)}@{realm}>;reason={_token(each.reason)};counter=1\r\n"
            for each in known
        )
    lines, index, cause = [], "1", ""
    for each in reversed(known):
        lines.append(f"History-Info: <sip:{escape_user(each.number)}@{realm}{cause}>;index={index}\r\n")
        cause = f";cause={_CAUSES.get(each.reason, 404)}"
        index += ".1"
    uri = parse_uri(target)
    user = f"{uri.user}@" if uri.user else ""
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    lines.append(f"History-Info: <sip:{user}{host}{cause}>;index={index}\r\n")
    return "".join(lines)


def _token(text: str) -> str:
    return text if text.replace("-", "").isalnum() and text.isascii() else "unknown"

"""Phones that pick up by themselves: the header by which each family of phones is told so.

A table: there is a standard (RFC 5373 Answer-Mode), and there is what desk phones were built with before it.
"""

from __future__ import annotations

Headers = tuple[tuple[str, str], ...]

_BY_NAME: dict[str, Headers] = {
    "call-info": (("Call-Info", "<sip:{host}>;answer-after=0"),),
    "alert-info": (("Alert-Info", "<http://{host}>;info=alert-autoanswer;delay=0"),),
    # RFC 5373 4.2.1: "Answer-Mode: Auto" asks the phone to answer without waiting for its user.
    "answer-mode": (("Answer-Mode", "Auto"),),
    "p-auto-answer": (("P-Auto-Answer", "normal"),),
}
_ALL: Headers = tuple(header for headers in _BY_NAME.values() for header in headers)

# What a User-Agent begins with or has in it -> what that family obeys.
_FAMILIES: tuple[tuple[str, str], ...] = (
    ("snom", "call-info"),
    ("grandstream", "call-info"),
    ("gigaset", "call-info"),
    ("audiocodes", "call-info"),
    ("fanvil", "call-info"),
    ("linksys", "call-info"),
    ("cisco", "call-info"),
    ("baresip", "call-info"),
    ("yealink", "alert-info"),
    ("polycom", "alert-info"),
    ("poly", "alert-info"),
    ("aastra", "alert-info"),
    ("mitel", "alert-info"),
    ("htek", "alert-info"),
    ("ooma", "p-auto-answer"),
)


def headers(how: str, user_agent: str, host: str) -> Headers:
    """`how` is what the configuration says of her phone; a phone of an unknown family gets them all."""
    if how == "never":
        return ()
    found = _BY_NAME.get(how)
    if found is None:
        name = user_agent.lower()
        family = next((header for word, header in _FAMILIES if word in name), "")
        found = _BY_NAME.get(family, _ALL)
    return tuple((header, value.format(host=host)) for header, value in found)

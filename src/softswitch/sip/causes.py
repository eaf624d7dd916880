"""The table between SIP statuses and Q.850 causes (RFC 3398 sections 7.2.4.1 and 8.2.6.1), and what it is used for.

A gateway's Reason header (RFC 3326) says more than its status: many send 500 or 503 for a busy subscriber. Where the
cause is about the called person, it is believed; then another trunk would only ring the same person again.
"""

from __future__ import annotations

from typing import Final

NORMAL_CLEARING: Final = 16
NO_CHANNEL: Final = 34
CONGESTION: Final = 42
_UNSPECIFIED: Final = 31
_FAILURE: Final = 41

# RFC 3398 8.2.6.1; statuses of later RFCs by their nearest meaning.
CAUSE_OF_STATUS: Final = {
    400: 41,
    401: 21,
    402: 21,
    403: 21,
    404: 1,
    405: 63,
    406: 79,
    407: 21,
    408: 102,
    410: 22,
    413: 127,
    414: 127,
    415: 79,
    416: 127,
    420: 127,
    421: 127,
    422: 127,
    423: 127,
    428: 21,
    433: 21,
    436: 21,
    437: 21,
    438: 21,
    480: 18,
    481: 41,
    482: 25,
    483: 25,
    484: 28,
    485: 1,
    486: 17,
    487: 16,
    488: 88,
    491: 41,
    500: 41,
    501: 79,
    502: 38,
    503: 41,
    504: 102,
    505: 127,
    513: 127,
    600: 17,
    603: 21,
    604: 1,
    606: 88,
    607: 21,
    608: 21,
}

# RFC 3398 7.2.4.1.
STATUS_OF_CAUSE: Final = {
    1: 404,
    2: 404,
    3: 404,
    16: 480,
    17: 486,
    18: 408,
    19: 480,
    20: 480,
    21: 403,
    22: 410,
    23: 410,
    26: 404,
    27: 502,
    28: 484,
    29: 501,
    31: 480,
    34: 503,
    38: 503,
    41: 503,
    42: 503,
    47: 503,
    55: 403,
    57: 403,
    58: 503,
    65: 488,
    70: 488,
    79: 501,
    87: 403,
    88: 503,
    102: 504,
    111: 500,
    127: 500,
}

# Causes that speak of the called person and not of the way to him.
_OF_THE_CALLED: Final = {1: 404, 17: 486, 18: 480, 19: 480, 20: 480, 21: 603, 22: 410, 28: 484}
_VAGUE: Final = frozenset({400, 480, 500, 502, 503, 504})


def cause_of_status(status: int) -> int:
    """The Q.850 cause of a final status; 200 is a call that ended normally."""
    if 200 <= status < 300:
        return NORMAL_CLEARING
    found = CAUSE_OF_STATUS.get(status)
    if found is not None:
        return found
    return _FAILURE if 500 <= status < 600 else _UNSPECIFIED


def status_of_cause(cause: int) -> int:
    """RFC 3398 7.2.4.1: "500 Server internal error" for what the table does not have."""
    return STATUS_OF_CAUSE.get(cause, 500)


def meant(status: int, cause: int | None) -> int:
    """The status that a gateway means: a vague one is replaced where its cause is about the called person."""
    return _OF_THE_CALLED.get(cause, status) if cause is not None and status in _VAGUE else status

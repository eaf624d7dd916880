"""Why a caller did not reach his own agent, as a supervisor reads it. A table of sentences by the reason's code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_SENTENCES: Mapping[str, str] = MappingProxyType(
    {
        "unknown agent": "{name} works here no longer",
        "skills no longer match": "{name} does not serve this queue, language or skill",
        "offline": "{name} is not at work: no phone is registered",
        "logged out": "{name} has logged out",
        "break": "{name} is on a break, or takes one after this call",
        "outbound": "{name} calls customers, or does so after this call",
        "freed": "a supervisor took {name} out of the ring",
        "suspended": "{name} gets no calls just now: calls were not answered, or the phone is gone",
        "away": "{name} is away by the calendar",
        "busy too long": "{name} will be busy for longer than the rule lets him wait",
        "line full": "as many callers as the rule allows wait for {name} already",
        "wait limit": "he waited for {name} as long as he was told",
        "no answer": "{name} was rung and did not answer",
        "refused": "{name} was rung and declined",
        "phone not reachable": "{name} was rung, but the phone could not be reached",
        "call-back not saved": "the promise that {name} calls back could not be stored",
    }
)


def why_not_her(name: str, code: str) -> str:
    return _SENTENCES.get(code, f"not {{name}}: {code}").replace("{name}", name)


def deputy_instead(name: str, deputy: str, code: str) -> str:
    return f"{why_not_her(name, code)}; {deputy} stands in"

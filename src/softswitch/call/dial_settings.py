"""Who may dial what, as configured: rules, caps, the night. Asked by `call.dial_permission`."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from softswitch.call.phone_number import INTERNAL, NumberPlan
from softswitch.ids import AgentId, TrunkId

AGENTS, CALLERS, CALL_BACKS, API = "agents", "callers", "call_backs", "api"
WHO = ("everyone", AGENTS, CALLERS, CALL_BACKS, API)
BUILT_IN_RULE = "built in"


@dataclass(frozen=True, slots=True)
class Caps:
    """None: no cap."""

    at_once: int | None = None
    calls: int | None = None  # so many may begin ...
    per_seconds: float = 1.0  # ... within so long
    minutes: float | None = None  # of a day
    spend: float | None = None  # of a day
    place: str = ""  # file:line


@dataclass(frozen=True, slots=True)
class Dialler:
    """On whose behalf a call is placed: an agent, a caller of a trunk (REFER, forwards), a promised call-back, or a
    program. What a device or a program does for an agent is done by the agent."""

    kind: str  # AGENTS | CALLERS | CALL_BACKS | API
    agent: AgentId | None = None
    trunk: TrunkId | None = None

    @property
    def account(self) -> str:
        """Whose caps count."""
        if self.agent is not None:
            return f"agent {self.agent}"
        return f"trunk {self.trunk}" if self.trunk is not None else self.kind


@dataclass(frozen=True, slots=True)
class DialRule:
    """One rule. Empty conditions hold for everybody; `never` beats every `to`."""

    to: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    who: str = "everyone"
    agents: tuple[AgentId, ...] = ()  # one of these (an agent, the members of a team)
    trunk: TrunkId | None = None  # its callers
    through: TrunkId | None = None  # calls that leave by this trunk
    hours: str = ""  # only while this calendar is open
    place: str = ""  # file:line

    def is_for(self, dialler: Dialler, through: TrunkId | None) -> bool:
        if self.who not in ("everyone", dialler.kind) or (self.agents and dialler.agent not in self.agents):
            return False
        return self.trunk in (None, dialler.trunk) and self.through in (None, through)


@dataclass(frozen=True, slots=True)
class Night:
    """Outside of this calendar only these destinations can be reached, with these caps instead."""

    outside: str
    to: tuple[str, ...] = ()
    account: Caps | None = None
    house: Caps | None = None
    place: str = ""


_EVERYBODY = DialRule(to=(INTERNAL,), place=BUILT_IN_RULE)
_CALL_BACKS = DialRule(
    to=("national", "mobile", "toll_free", "shared_cost", "international", "other"),
    who=CALL_BACKS,
    place=BUILT_IN_RULE,
)


@dataclass(frozen=True, slots=True)
class DialSettings:
    """Without the section `dialling`: agents reach extensions, call-backs everything that is neither premium nor
    satellite, and emergency numbers are open to all."""

    plan: NumberPlan = field(default_factory=NumberPlan)
    rules: tuple[DialRule, ...] = (_EVERYBODY, _CALL_BACKS)
    account: Caps = field(default_factory=Caps)
    house: Caps = field(default_factory=Caps)
    prices: tuple[tuple[str, float], ...] = ()  # class -> money per minute
    night: Night | None = None
    tell_first_international: bool = True
    note_machines: bool = False  # listen to who answers the calls of agents


def dialler_named(name: str, agents: Collection[str]) -> Dialler | None:
    """An agent by her id, or one of the accounts that are no person."""
    if name in agents:
        return Dialler(AGENTS, AgentId(name))
    return Dialler(name) if name in (CALLERS, CALL_BACKS, API) else None

"""An agent's state, and the one function that changes it.

              PhoneRegistered / AgentLoggedIn
    OFFLINE ---------------------------------> READY <-------------------------+
       ^                                       |   ^                           |
       |  PhoneLost (when ready), logged out   |   | caller left, refused      |
       +------------------ from any state -----+   |                           |
                                       RingAgent   |                           |
                                               v   |                           |
         SUSPENDED <--- no answer, unreachable --- RINGING                     |
             |                                     | answered (compare-and-set)|
             | AgentWentReady, or registers again  v                           |
             | after 'phone not reachable', or   TALKING                       |
             | the call she placed is over         |                           |
             +------------> READY                  | ConversationEnded         |
                                                   v                           |
         BREAK <------ asked for during ------- WRAP_UP ---- deadline ---------+
           |           talk or wrap-up                                         |
           +---------------------------- AgentWentReady -----------------------+

A call that she places herself suspends her as soon as she would be READY, until it is over.
A lost phone changes only READY: break, wrap-up and suspension stay what they are, and what would end in READY ends in
OFFLINE while no phone is registered. So the newest journal line is always the whole truth about an agent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from softswitch.acd.messages import AgentSettings, AgentState, AgentStateChanged, Command
from softswitch.acd.quick import maker
from softswitch.acd.strategy import Standing
from softswitch.acd.waiting import Entry, Place
from softswitch.ids import AgentId, RingAttemptId

if TYPE_CHECKING:
    from softswitch.acd.eligibility import Pool, Queue

OFFLINE: Final = AgentState.OFFLINE
READY: Final = AgentState.READY
RINGING: Final = AgentState.RINGING
TALKING: Final = AgentState.TALKING
WRAP_UP: Final = AgentState.WRAP_UP
BREAK: Final = AgentState.BREAK
OUTBOUND: Final = AgentState.OUTBOUND
SUSPENDED: Final = AgentState.SUSPENDED

NO_ANSWER: Final = "no answer"
NOT_REACHABLE: Final = "phone not reachable"
PHONE_SILENT: Final = "phone not answering"
ON_OWN_CALL: Final = "on a call of her own"
NOT_REGISTERED: Final = "phone not registered"
LOGGED_OUT: Final = "logged out"
RELIEF: Final = "earned rest"

_changed: Final = maker(AgentStateChanged)


class Volley:
    """Several agents who are rung together for one caller. The first answer wins."""

    __slots__ = ("attempts", "short")

    def __init__(self, first: Attempt) -> None:
        self.attempts = [first]
        self.short: Pool | None = None  # where the caller is listed, as more agents might be rung


class Attempt:
    """One offer of one interaction to one agent, from the ring to the end of the conversation."""

    __slots__ = ("agent", "answered_at", "began_at", "call_back", "deadline", "entry", "id", "over", "sticky", "volley")

    def __init__(
        self, number: RingAttemptId, entry: Entry, agent: Agent, began_at: float, call_back: bool, sticky: bool
    ) -> None:
        self.id = number
        self.entry = entry
        self.agent = agent
        self.began_at = began_at
        self.call_back = call_back
        self.sticky = sticky
        self.deadline = began_at  # of the ring
        self.answered_at: float | None = None  # None: ringing
        self.over = False  # the ring is
        self.volley: Volley | None = None  # when she is not rung alone


class Tally:
    """What she has done since the start, for fairness and for the rest she earns."""

    __slots__ = ("in_a_row", "just_talked", "on_duty_seconds", "on_duty_since", "sticky_calls", "talked_seconds")

    def __init__(self) -> None:
        self.in_a_row = 0  # conversations without a pause between them
        self.just_talked = 0.0  # seconds of a conversation after which she has not been free yet
        self.on_duty_seconds = 0.0  # logged in, up to the last log-out
        self.on_duty_since: float | None = None
        self.sticky_calls = 0  # of her conversations, those with callers who came back to her
        self.talked_seconds = 0.0


class Duty:
    """What holds beside the state: the phone, the log-out by code, a break asked for, what she did last."""

    __slots__ = (
        "break_limit",
        "break_wanted",
        "extended",
        "logged_out",
        "no_answers",
        "on_own_call",
        "registered",
        "served",
        "tally",
        "then",
    )

    def __init__(self) -> None:
        self.registered = False
        self.logged_out = False
        self.on_own_call = False
        self.break_wanted: str | None = None  # reason; takes effect after the conversation and its wrap-up
        self.break_limit: float | None = None  # of this break
        self.then = BREAK  # or OUTBOUND: what `break_wanted` is
        self.extended = 0  # how often the present wrap-up got longer
        self.tally = Tally()
        self.no_answers = 0  # one after another
        self.served: Queue | None = None  # the queue of the last conversation, whose wrap-up is measured


class PersonalLine:
    """Who waits for this agent and nobody else: live callers first, call-backs by their place among all."""

    __slots__ = ("call_backs", "in_a_row", "live")

    def __init__(self) -> None:
        self.in_a_row = 0  # live callers of her own served one after another
        self.live: list[Place] = []  # waiting for her, or still choosing
        self.call_backs: list[Place] = []


class Agent:
    __slots__ = (
        "attempt",
        "deadline",
        "duty",
        "id",
        "line",
        "pools",
        "reason",
        "settings",
        "since",
        "standing",
        "state",
        "unlisted",
    )

    def __init__(self, settings: AgentSettings, number: int) -> None:
        self.id: AgentId = settings.id
        self.settings = settings
        self.state = OFFLINE
        self.reason = ""
        self.since = 0.0
        self.deadline: float | None = None  # of the wrap-up
        self.attempt: Attempt | None = None
        self.line = PersonalLine()
        self.pools: list[Pool] = []  # those she is eligible for
        self.unlisted: list[Pool] = []  # those of them that do not list her in their idle heap
        self.standing = Standing(number)
        self.duty = Duty()


def change(
    out: list[Command], agent: Agent, state: AgentState, reason: str, now: float, deadline: float | None = None
) -> None:
    """The only writer of `Agent.state`: counts and records."""
    old = agent.state
    if old is READY:
        agent.standing.turn += 1  # every idle heap forgets her
    agent.state = state
    agent.reason = reason
    agent.since = now
    agent.deadline = deadline
    was_away = old is OFFLINE or old is BREAK or old is SUSPENDED or old is OUTBOUND
    if was_away or state is OFFLINE or state is BREAK or state is SUSPENDED or state is OUTBOUND:
        _clock(agent, old, state, now)
        for pool in agent.pools:
            pool.count(old, -1)
            pool.count(state, 1)
    out.append(_changed(agent.id, state, reason, now, deadline, agent.duty.logged_out))


def _clock(agent: Agent, old: AgentState, state: AgentState, now: float) -> None:
    """The time she is logged in."""
    tally = agent.duty.tally
    if state is OFFLINE:
        if tally.on_duty_since is not None:
            tally.on_duty_seconds += now - tally.on_duty_since
            tally.on_duty_since = None
    elif tally.on_duty_since is None:
        tally.on_duty_since = now
    if state is not READY:
        tally.in_a_row = 0
        tally.just_talked = 0.0

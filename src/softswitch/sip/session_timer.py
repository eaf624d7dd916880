"""The session timer of one leg (RFC 4028): a conversation whose BYE was lost does not last for ever.

    2xx to an INVITE or UPDATE, ours or the peer's ─► RUNNING
    RUNNING, we refresh:    half the interval ─► UPDATE (or re-INVITE) ─2xx─► RUNNING
                            408, 481, silence ─► LegEnded(TIMEOUT), BYE
    RUNNING, peer refreshes: INVITE or UPDATE ─► RUNNING
    both: the interval ends without a refresh ─► LegEnded(TIMEOUT), BYE

A peer that knows no session timer is asked too: any answer inside the dialog says that it still has the session.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from softswitch.sip import challenged
from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter
from softswitch.sip.message import Message, Request, Response
from softswitch.sip.messages import EndedBy
from softswitch.sip.respond import ALLOW
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_client import ClientTransaction

if TYPE_CHECKING:
    from softswitch.sip.leg import Leg

MAX_INTERVAL = 86_400
MOST_RAISES = 4  # a path of proxies may raise it one after another; a second at a time for ever it may not
_RETRY_SECONDS = 5.0
_RESTORED_SECONDS = 2.0  # after a restart; up to ten more
_SECONDS = re.compile(r"\s*+([0-9]{1,9})\s*+((?:;.*+)?+)", re.DOTALL)


class Asked(NamedTuple):
    """What an INVITE or UPDATE of the peer wants."""

    knows: bool  # Supported: timer
    seconds: int  # 0: no Session-Expires
    refresher: str  # "uac", "uas", ""
    minimum: int


def interval_of(message: Message, name: str) -> tuple[int, str]:
    """Seconds and refresher of Session-Expires or Min-SE; (0, "") when absent."""
    value = message.headers.get(name)
    if value is None:
        return 0, ""
    match = _SECONDS.fullmatch(value)
    if match is None:
        raise SipError(400, f"malformed {name}")
    refresher = (parameter(match[2], "refresher") or "").lower()
    return int(match[1]), refresher if refresher in ("uac", "uas") else ""


def supports(message: Message, option: str) -> bool:
    value = message.headers.get("supported")
    return value is not None and option in value.lower() and option in map(str.lower, message.items("supported"))


def asked_by(request: Request, floor: int) -> Asked:
    """SipError 422 when the interval is too short for us, 400 when it is none."""
    knows = supports(request, "timer") or "timer" in map(str.lower, request.items("require"))
    seconds, refresher = interval_of(request, "session-expires")
    minimum = interval_of(request, "min-se")[0]
    # RFC 4028 9: "If an incoming request contains a Supported header field with a value 'timer' and a Session-Expires
    # header field, the UAS MAY reject the INVITE request with a 422 (Session Interval Too Small) response if the
    # session interval in the Session-Expires header field is smaller than the minimum interval [...] MUST contain a
    # Min-SE header field with the minimum timer for that server."
    if 0 < seconds < floor and knows:
        raise SipError(422, "session interval too small", f"Min-SE: {floor}\r\n")
    return Asked(knows, seconds, refresher, minimum)


def too_small(response: Response) -> int:
    """The Min-SE of a 422, 0 when it says none that we could use."""
    try:
        seconds = interval_of(response, "min-se")[0]
    except SipError:
        return 0
    return seconds if seconds <= MAX_INTERVAL else 0


@dataclass(frozen=True, slots=True)
class TimerFacts:
    """What outlives the process: the roles, and the interval that was agreed (0: none runs)."""

    wanted: int
    minimum: int
    interval: int
    ours: bool
    peer_knows: bool
    peer_updates: bool


class SessionTimer:
    """See the module. `described` is the session description we sent last, for a re-INVITE that changes nothing."""

    __slots__ = (
        "_interval",
        "_leg",
        "_minimum",
        "_peer_knows",
        "_peer_updates",
        "_raised",
        "_refreshing",
        "_timer",
        "_until",
        "_wanted",
        "described",
        "ours",
    )

    def __init__(self, leg: Leg) -> None:
        self._leg = leg
        self._wanted = leg.hub.context.settings.session_expires_seconds
        self._minimum = self._floor
        self._interval = 0
        self._until = 0.0
        self._timer: Timer | None = None
        self._peer_knows = False
        self._peer_updates = False
        self._raised = 0
        self._refreshing: ClientTransaction | None = None
        self.described = b""
        self.ours = True  # we are the refresher

    # ---------------------------------------------------------------- what our messages say

    def request_lines(self) -> str:
        """In each INVITE and UPDATE of ours; the roles of a running session stay as they are."""
        if self._wanted == 0:
            return ""
        role = ""
        if self._interval and self._peer_knows:
            role = ";refresher=uac" if self.ours else ";refresher=uas"
        # RFC 4028 7.3 and 7.4: after a 422 both carry what it asked for.
        return f"Session-Expires: {self._wanted}{role}\r\nMin-SE: {self._minimum}\r\n"

    def raise_to(self, seconds: int) -> bool:
        """A 422 to ours: RFC 4028 7.3, the request is sent again with a longer interval. False: no use."""
        if seconds <= self._wanted or self._raised >= MOST_RAISES:
            return False
        self._raised += 1
        self._wanted = self._minimum = seconds
        return True

    def answer_lines(self, asked: Asked) -> str:
        """In our 2xx to the peer's INVITE or UPDATE; the timer runs from here."""
        if self._wanted == 0:
            return ""
        floor = self._floor
        seconds = self._wanted
        if asked.seconds:
            # RFC 4028 9: "the UAS MAY reduce its value [...] it MUST NOT set it to a value lower than the value in the
            # Min-SE header field of that request, if it is present", nor increase it.
            seconds = min(asked.seconds, max(seconds, asked.minimum))
        elif asked.minimum:
            seconds = max(seconds, asked.minimum)
        seconds = min(seconds, MAX_INTERVAL)
        # RFC 4028 9 table 2: who does not know the timer cannot refresh; who named a refresher is followed.
        peer_refreshes = asked.knows and (asked.refresher == "uac" or (not asked.refresher and asked.seconds > 0))
        self._peer_knows = asked.knows
        self._run(max(seconds, floor), not peer_refreshes)
        if asked.seconds and seconds < floor:
            return ""  # put in by a proxy for a peer that cannot be told 422: we keep time for ourselves alone
        if not asked.knows:
            return "" if not asked.seconds else f"Session-Expires: {seconds};refresher=uas\r\n"
        role = "uac" if peer_refreshes else "uas"
        # RFC 4028 9: "If the refresher parameter is set to 'uac', the UAS MUST place a Require header field into the
        # response with the value 'timer'"; with "uas" it SHOULD, when the UAC knows the timer.
        return f"Require: timer\r\nSession-Expires: {seconds};refresher={role}\r\n"

    def accepted(self, response: Response) -> None:
        """A 2xx to our INVITE, re-INVITE or UPDATE."""
        if self._wanted == 0:
            return
        self.learn(response)
        try:
            seconds, refresher = interval_of(response, "session-expires")
        except SipError:
            seconds, refresher = 0, ""
        self._peer_knows = seconds > 0
        if seconds == 0:
            # RFC 4028 7.2: the callee has no timer; "if the UAC wants to use it, it has to perform the refreshes".
            self._run(self._wanted, True)
            return
        # RFC 4028 7.2: "If the UAC must apply the session timer, its role is the value of the refresher parameter".
        self._run(min(max(seconds, self._floor), MAX_INTERVAL), refresher != "uas")

    @property
    def facts(self) -> TimerFacts:
        return TimerFacts(self._wanted, self._minimum, self._interval, self.ours, self._peer_knows, self._peer_updates)

    def restored(self, facts: TimerFacts, described: bytes) -> None:
        """Of the process before. Where the refresh is ours it comes soon, and at once shows who has hung up meanwhile;
        a few seconds apart, as many legs come back together."""
        self._wanted, self._minimum = facts.wanted, facts.minimum
        self._peer_knows, self._peer_updates = facts.peer_knows, facts.peer_updates
        self.described = described
        if facts.interval <= 0:
            self.ours = facts.ours
            return
        self._run(facts.interval, facts.ours)
        if facts.ours:
            context = self._leg.hub.context
            self._wait(context.now + _RESTORED_SECONDS + context.random_bits(16) % 1000 / 100)

    def learn(self, message: Message) -> None:
        """RFC 3311 4: Allow says whether the peer takes UPDATE."""
        value = message.headers.get("allow")
        if value is not None:
            self._peer_updates = "update" in value.lower()

    @property
    def _floor(self) -> int:
        return self._leg.hub.context.settings.min_session_seconds

    # ---------------------------------------------------------------- time

    def _run(self, seconds: int, ours: bool) -> None:
        now = self._leg.hub.context.now
        self._interval = seconds
        self.ours = ours
        # RFC 4028 10: the BYE goes out "slightly before the session expiration: the minimum of 32 seconds and one
        # third of the session interval" before.
        self._until = now + seconds - min(32.0, seconds / 3)
        # RFC 4028 10: "it is RECOMMENDED that the refresh is sent once half the session interval has elapsed."
        self._wait(now + seconds / 2 if ours else self._until)

    def _wait(self, deadline: float) -> None:
        timers = self._leg.hub.context.timers
        timers.cancel(self._timer)
        self._timer = timers.start(min(deadline, self._until), self._due)

    def _due(self) -> None:
        self._timer = None
        leg = self._leg
        now = leg.hub.context.now
        if now >= self._until:
            leg.lost(408)
            return
        if self._refreshing is not None:
            self._wait(self._until)  # timer F of the UPDATE ends first
        elif self._peer_updates:
            self._update()
            self._wait(self._until)
        elif leg.offers.refresh(self.described):
            self._wait(self._until)
        else:
            self._wait(now + _RETRY_SECONDS)  # an offer is under way just now

    def _update(self) -> None:
        leg = self._leg
        context = leg.hub.context
        dialog = leg.dialog
        leg.hub.reconnect(dialog)
        lines = dialog.contact(context) + ALLOW + self.request_lines()
        self._refreshing = challenged.send(context, leg.hub.clients, dialog, ("UPDATE", lines), leg.carrier, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        """To our UPDATE."""
        if response.status < 200:
            return
        self._refreshing = None
        if self._leg.told:
            return
        if response.status < 300:
            self._leg.dialog.refresh_target(response)
            self.accepted(response)
        else:
            if response.status in (405, 420, 501):
                self._peer_updates = False
            self.refused(response)

    def refused(self, response: Response) -> None:
        """A refresh, by UPDATE or re-INVITE, was answered with an error."""
        status = response.status
        leg = self._leg
        # RFC 4028 10: "If the UAC receives a 408 [...] or 481 [...] response to a session refresh request, it MUST
        # send a BYE".
        if status in (408, 481):
            leg.lost(status)
        elif status == 422 and self.raise_to(too_small(response)):
            self._wait(leg.hub.context.now)
        elif self._peer_knows or status in (405, 420, 491, 501):
            self._wait(leg.hub.context.now + _RETRY_SECONDS)
        else:
            self._run(self._interval, True)  # a peer without the timer: it answered, so it has the session

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self._refreshing = None
        if not self._leg.told:
            self._leg.tell(by, 408 if by is EndedBy.TIMEOUT else 503)
            self._leg.bye(None)

    def stop(self) -> None:
        self._leg.hub.context.timers.cancel(self._timer)
        self._timer = None

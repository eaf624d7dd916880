"""One INVITE session (RFC 3261 sections 12 to 15): what both directions share once there is a dialog.

    SETUP ──2xx──► UP ──BYE, lost ACK, 408/481──► GONE
      └─final error, CANCEL, timeout──────────────┘

`setup` (`leg_uas.UasSetup` or `leg_uac.UacSetup`) owns the opening INVITE, `offers` every later one. The call room
is told the end exactly once (`tell`); the wire may need longer (`close`).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from softswitch.ids import AgentId, LegId, TrunkId
from softswitch.sip import challenged
from softswitch.sip.bodies import info_digit
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.errors import SipError
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import EndedBy, Flow, InfoDigitReceived, LegEnded, TrunkSettings
from softswitch.sip.offers import Offers
from softswitch.sip.reason import cause_of, reason_line
from softswitch.sip.respond import ALLOW
from softswitch.sip.session_timer import SessionTimer
from softswitch.sip.transaction_client import ClientTransactions
from softswitch.sip.transaction_server import ServerTransaction


class LegState(Enum):
    SETUP = auto()
    UP = auto()
    GONE = auto()


class Setup(Protocol):
    """The opening INVITE of a leg."""

    def hang_up(self, reason: str | None) -> None:
        """We end it, in whatever state."""

    def peer_bye(self) -> int:
        """The peer ended it: finish the INVITE transaction. Returns the status to report."""

    def acknowledged(self, ack: Request) -> bool:
        """An ACK; True when it was the one of the opening INVITE."""

    @property
    def settled(self) -> bool:
        """The opening INVITE is acknowledged."""

    @property
    def agreed(self) -> bool:
        """Before its 2xx: offer and answer went by reliable responses, another offer may come (RFC 3311 5.1)."""

    def early_dialog(self, tag: str) -> Dialog | None:
        """Before the 2xx: the dialog with this peer, if there is one. Forks count their CSeq each for itself."""

    def pracked(self, request: Request, transaction: ServerTransaction) -> None:
        """A PRACK."""


class Hub(Protocol):
    """What a leg needs of `sessions.Sessions`."""

    context: Context
    clients: ClientTransactions

    def forget_leg(self, leg: Leg) -> None:
        """The call room knows that it ended."""

    def forget_dialog(self, leg: Leg) -> None:
        """Nothing for it is expected from the wire."""

    def trusted(self, host: str) -> str:
        """The address of a host that is a configured trunk, else nothing."""

    def has_other_flow(self, leg: Leg, tried: list[Flow]) -> bool:
        """A trunk has more targets than those and the present one."""

    def next_flow(self, leg: Leg, tried: list[Flow]) -> bool:
        """Turn a dialog that could not be opened to another flow of the same phone, or to the next address of the
        same trunk; False: there is none."""

    def reconnect(self, dialog: Dialog) -> None:
        """Give a dialog whose TCP connection is gone a new way."""

    def other_usage(self, leg: Leg, request: Request, transaction: ServerTransaction) -> None:
        """REFER, SUBSCRIBE or NOTIFY: what a dialog carries beside the call (RFC 5057)."""

    def leg_changed(self, leg: Leg) -> None:
        """It began, was answered or is over: for whoever watches the phones of agents."""

    def moved_to(self, leg: Leg, response: Response) -> tuple[str, TrunkId | None]:
        """The number that a 3xx names, and behind which trunk, when a trunk says so."""

    def before_bye(self, leg: Leg) -> None:
        """The last moment for what still has to be said in its dialog."""


class Leg:
    """See the module. `setup` is set right after construction; `owns_call_id` when we started the dialog."""

    __slots__ = (
        "agent",
        "carrier",
        "dialog",
        "hub",
        "id",
        "offers",
        "opening",
        "owns_call_id",
        "session",
        "setup",
        "state",
        "told",
    )

    def __init__(self, hub: Hub, leg: LegId, dialog: Dialog, owns_call_id: bool) -> None:
        self.hub = hub
        self.id = leg
        self.dialog = dialog
        self.owns_call_id = owns_call_id
        self.state = LegState.SETUP
        self.told = False
        self.agent: AgentId | None = None  # whose phone is at the other end
        self.carrier: TrunkSettings | None = None  # the settings of this trunk
        self.opening = ("", "", 0)  # Call-ID, tag and CSeq of the INVITE that an incoming leg began with
        self.setup: Setup
        self.session = SessionTimer(self)
        self.offers = Offers(self)

    @property
    def up(self) -> bool:
        return self.state is LegState.UP

    # ---------------------------------------------------------------- the end

    def tell(
        self, by: EndedBy, status: int, cause: int | None = None, moved: tuple[str, TrunkId | None] = ("", None)
    ) -> None:
        """LegEnded, once."""
        if self.told:
            return
        self.told = True
        self.session.stop()
        self.hub.context.out.append(LegEnded(self.id, by, status, cause, *moved))
        self.hub.forget_leg(self)

    def close(self) -> None:
        """From here on the dialog does not exist: requests in it get 481."""
        if self.state is LegState.GONE:
            return
        self.state = LegState.GONE
        self.offers.close()
        self.session.stop()
        self.hub.forget_dialog(self)

    def bye(self, reason: str | None) -> None:
        """Send BYE and close. Nobody waits for its response; it is repeated until one comes."""
        if self.state is LegState.GONE:
            return
        self.hub.before_bye(self)
        self.send_bye(self.dialog, reason)
        self.close()

    def send_bye(self, dialog: Dialog, reason: str | None) -> None:
        hub = self.hub
        hub.reconnect(dialog)
        challenged.send(hub.context, hub.clients, dialog, ("BYE", reason_line(reason)), self.carrier, None)

    def lost(self, status: int) -> None:
        """The peer is no longer there (lost ACK, 408 or 481 in the dialog)."""
        self.tell(EndedBy.TIMEOUT, status)
        self.bye(None)

    # ---------------------------------------------------------------- requests of the peer inside the dialog

    def follow(self, request: Request) -> None:
        """A TCP peer may come back on a new connection."""
        if request.flow.connection > 0 and self.dialog.flow.connection != request.flow.connection:
            self.dialog.flow = request.flow

    def received(self, request: Request, transaction: ServerTransaction) -> None:
        """A request other than ACK and CANCEL, in order, in its own server transaction."""
        method = request.method
        self.follow(request)
        if method == "BYE":
            self._bye_received(request, transaction)
        elif method == "INVITE":
            self.offers.invite_received(request, transaction)
        elif method == "UPDATE":
            self.offers.update_received(request, transaction)
        elif method == "PRACK":
            self.setup.pracked(request, transaction)
        elif method == "INFO":
            self._info_received(request, transaction)
        elif method in ("REFER", "SUBSCRIBE", "NOTIFY"):
            self.hub.other_usage(self, request, transaction)
        else:
            raise SipError(405, f"{method} inside a dialog", ALLOW)

    def acknowledged(self, ack: Request) -> None:
        if not self.setup.acknowledged(ack):
            self.offers.acknowledged(ack)

    def _bye_received(self, request: Request, transaction: ServerTransaction) -> None:
        transaction.respond(200)
        status = self.setup.peer_bye()
        self.tell(EndedBy.PEER, status, cause_of(request))
        self.close()

    def _info_received(self, request: Request, transaction: ServerTransaction) -> None:
        digit = info_digit(request)
        if digit is not None and not self.told:
            self.hub.context.out.append(InfoDigitReceived(self.id, digit))
        transaction.respond(200)

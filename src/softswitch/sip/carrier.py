"""A carrier that wants to know who we are: digest answers for its trunk alone, and our registration there.

    START ──REGISTER──► ASKED ──200──► REGISTERED ──four fifths of the time──► ASKED
                          ├─401/407──► again with the answer        └─423──► again, longer
                          └─anything else, silence──► again after 30 s, doubled up to ten minutes

A challenge is answered only by the trunk it belongs to and only for the realm that is configured there: nobody else
gets anything computed from the password (RFC 3261 22.1, 22.3).
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import md5, sha256

from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.dialog import Dialog
from softswitch.sip.digest import digest_response, parse_credentials
from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter, parse_address
from softswitch.sip.message import Response
from softswitch.sip.messages import CarriersLeft, EndedBy, Flow, TrunkSettings
from softswitch.sip.timers import Timer
from softswitch.sip.transaction_client import ClientTransaction, ClientTransactions
from softswitch.sip.uri import escape_user, host_port

FIRST_PAUSE = 30.0
LONGEST_PAUSE = 600.0
WANTED_SECONDS = 600
MOST_ANSWERS = 2  # a second one only for stale=true
_STRENGTH = {"sha-256": 2, "md5": 1}


def proof(response: Response, trunk: TrunkSettings, method: str, uri: str, cnonce: str, answered: int) -> str:
    """The header line that answers this 401 or 407; '' when it is not to be answered."""
    if not trunk.username or answered >= MOST_ANSWERS:
        return ""
    asking, header = (
        ("www-authenticate", "Authorization")
        if response.status == 401
        else ("proxy-authenticate", "Proxy-Authorization")
    )
    challenge = _best(response.headers.get(asking, ""), trunk.realm)
    if challenge is None or (answered and challenge.get("stale", "").lower() != "true"):
        return ""
    algorithm = challenge.get("algorithm", "MD5")
    hashed = md5 if algorithm.lower() == "md5" else sha256
    ha1 = hashed(f"{trunk.username}:{trunk.realm}:{trunk.password}".encode()).hexdigest()
    values = {"nonce": challenge["nonce"], "uri": uri}
    if "qop" in challenge:
        values |= {"qop": "auth", "nc": "00000001", "cnonce": cnonce}
    answer = digest_response(algorithm.lower(), ha1, method, values)
    more = f', qop=auth, nc=00000001, cnonce="{cnonce}"' if "qop" in challenge else ""
    opaque = challenge.get("opaque")
    if opaque is not None:
        more += f', opaque="{_quoted(opaque)}"'
    return (
        f'{header}: Digest username="{_quoted(trunk.username)}", realm="{_quoted(trunk.realm)}", '
        f'nonce="{_quoted(challenge["nonce"])}", uri="{uri}", response="{answer}", algorithm={algorithm}{more}\r\n'
    )


def _best(value: str, realm: str) -> dict[str, str] | None:
    """The strongest challenge for our realm that we can answer (RFC 8760 2.4)."""
    best: dict[str, str] | None = None
    for line in value.split("\n")[:4]:
        try:
            found = parse_credentials(line)
        except SipError:
            continue
        if found is None or found.get("realm") != realm or not found.get("nonce"):
            continue
        strength = _STRENGTH.get(found.get("algorithm", "MD5").lower(), 0)
        qops = [one.strip().lower() for one in found.get("qop", "auth").split(",")]
        if strength and "auth" in qops and strength > _strength(best):
            best = found
    return best


def _strength(challenge: dict[str, str] | None) -> int:
    return 0 if challenge is None else _STRENGTH[challenge.get("algorithm", "MD5").lower()]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


class Registration:
    """Our registration with one carrier. `registered_until` is monotonic seconds; `status` the last final answer."""

    __slots__ = (
        "_answered",
        "_clients",
        "_context",
        "_dialog",
        "_left",
        "_pause",
        "_seconds",
        "_timer",
        "_trunk",
        "_ways",
        "registered_until",
        "status",
    )

    def __init__(
        self, context: Context, clients: ClientTransactions, trunk: TrunkSettings, ways: Callable[[], list[Flow]]
    ) -> None:
        self._ways = ways  # there, the best one first
        self._context = context
        self._clients = clients
        self._trunk = trunk
        host = host_port(trunk.host, trunk.port) if trunk.port else trunk.host
        me = f"<sip:{escape_user(trunk.username)}@{trunk.realm or trunk.host}>"
        tag = context.token()
        call_id = context.token() + context.token()
        self._dialog = Dialog(call_id, tag, f"{me};tag={tag}", me, f"sip:{host}", ways()[0])
        self._answered = 0
        self._left: Callable[[], None] | None = None  # we are leaving: who is told when we have
        self._pause = FIRST_PAUSE
        self._seconds = WANTED_SECONDS
        self._timer: Timer | None = None
        self.registered_until = 0.0
        self.status = 0
        self._in(0.5)

    @property
    def registered(self) -> bool:
        return self.registered_until > self._context.now

    def _in(self, seconds: float) -> None:
        timers = self._context.timers
        timers.cancel(self._timer)
        self._timer = timers.start(self._context.now + seconds, self._begin)

    def leave(self, left: Callable[[], None]) -> None:
        """RFC 3261 10.2.2: "A UA requests the immediate removal of a binding by specifying an expiration interval of
        "0" for that contact address in a REGISTER request." `left` is called once, also when it cannot be done."""
        self._context.timers.cancel(self._timer)
        if not self.registered:
            left()
            return
        self._left = left
        self._seconds = 0
        self._begin()

    def _begin(self) -> None:
        self._answered = 0
        self._send("")

    def _send(self, proof_line: str) -> None:
        context, dialog = self._context, self._dialog
        contact = context.place(dialog.flow).uri.replace("sip:softswitch@", f"sip:{escape_user(self._trunk.username)}@")
        extra = f"Contact: <{contact}>\r\nExpires: {self._seconds}\r\n{proof_line}"
        branch = context.token()
        data = dialog.request(context, "REGISTER", dialog.next_number(), branch, extra)
        self._clients.start(branch, "REGISTER", dialog.flow, data, self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        status = response.status
        if status < 200:
            return
        self.status = status
        if status < 300 and not self._seconds:
            self._later()
            return
        if status < 300:
            seconds = max(30, min(_granted(response, self._seconds), 86_400))
            self.registered_until = self._context.now + seconds
            self._pause = FIRST_PAUSE
            self._in(seconds * 0.8)
            return
        if status in (401, 407):
            cnonce = self._context.token()
            line = proof(response, self._trunk, "REGISTER", self._dialog.target, cnonce, self._answered)
            if line:
                self._answered += 1
                self._send(line)
                return
        if status == 423 and self._seconds:
            # RFC 3261 10.2.8: "the UA MAY retry the registration after making the expiration interval [...] equal to
            # or greater than the expiration interval within the Min-Expires header field".
            text = response.headers.get("min-expires", "")
            if text.isascii() and text.isdigit() and self._seconds < int(text[:6]) <= 86_400:
                self._seconds = int(text[:6])
                self._begin()
                return
        if status == 503:
            self._another_way()
        else:
            self._later()

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self.status = 408 if by is EndedBy.TIMEOUT else 503
        self._another_way()

    def _another_way(self) -> None:
        """RFC 3263 4.3: the next target; after a round of two only with a pause."""
        flow = next((way for way in self._ways() if way != self._dialog.flow), None)
        if flow is None or not self._seconds:
            self._later()
            return
        self._dialog.flow = flow
        if self._pause == FIRST_PAUSE:
            self._pause = 2 * FIRST_PAUSE
            self._begin()
        else:
            self._later()

    def _later(self) -> None:
        left, self._left = self._left, None
        if self._seconds == 0:
            self.registered_until = 0.0
            if left is not None:
                left()
            return
        self._in(self._pause)
        self._pause = min(LONGEST_PAUSE, 2 * self._pause)


def _granted(response: Response, wanted: int) -> int:
    """RFC 3261 10.2.4: the expires of the Contact, else Expires, else what we asked for."""
    text: str | None = None
    try:
        for item in response.items("contact"):
            text = text or parameter(parse_address(item).parameters, "expires")
    except SipError:
        text = None
    text = text or response.headers.get("expires", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else wanted


def leave_all(context: Context, carriers: list[Registration]) -> None:
    """Take back every registration, then say so."""
    waiting = [len(carriers) + 1]

    def left() -> None:
        waiting[0] -= 1
        if not waiting[0]:
            context.out.append(CarriersLeft())

    for carrier in carriers:
        carrier.leave(left)
    left()


def registrations(context: Context, clients: ClientTransactions, addresses: Addresses) -> dict[str, Registration]:
    """One for each trunk that wants it and has an address already."""
    found: dict[str, Registration] = {}
    for trunk in context.settings.trunks:
        register(found, context, clients, addresses, trunk)
    return found


def register(
    found: dict[str, Registration],
    context: Context,
    clients: ClientTransactions,
    addresses: Addresses,
    trunk: TrunkSettings,
) -> None:
    """Begin to register there, unless that is done already or it is not known where."""

    def ways() -> list[Flow]:
        return addresses.ways_to(f"sip:{trunk.id}", trunk.id)

    if trunk.register and trunk.host and str(trunk.id) not in found and ways():
        found[str(trunk.id)] = Registration(context, clients, trunk, ways)

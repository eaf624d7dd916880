"""Keys that we press for a peer by SIP INFO (RFC 2976, application/dtmf-relay), one request after the other.

    IDLE ──SendInfoKeys──► SENDING ──2xx──► the next key ... ──none left──► IDLE
                              └─refused, no answer, the leg is over──► IDLE, the rest is dropped

The next key waits for the answer to the one before: over UDP two requests may overtake each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from softswitch.ids import LegId
from softswitch.sip import challenged
from softswitch.sip.context import Context
from softswitch.sip.digit_messages import SendInfoKeys
from softswitch.sip.leg import Leg
from softswitch.sip.message import Response
from softswitch.sip.messages import EndedBy
from softswitch.sip.transaction_client import ClientTransaction, ClientTransactions

MOST_KEYS = 64  # of one leg that wait
KIND = "Content-Type: application/dtmf-relay\r\n"
_KEYS = "0123456789*#ABCD"


class InfoKeys:
    """Of all legs."""

    __slots__ = ("_clients", "_context", "_leg", "_sending")

    def __init__(self, context: Context, clients: ClientTransactions, leg: Callable[[LegId], Leg | None]) -> None:
        self._context = context
        self._clients = clients
        self._leg = leg
        self._sending: dict[LegId, _Sending] = {}

    def __len__(self) -> int:
        return len(self._sending)

    def order(self, order: SendInfoKeys) -> None:
        leg = self._leg(order.leg)
        if leg is None or not leg.up:
            return
        assert not order.keys.strip(_KEYS), "what is no key was refused before"
        sending = self._sending.get(leg.id)
        new = [(key, order.press_ms) for key in order.keys]
        if sending is not None:
            sending.keys.extend(new[: MOST_KEYS - len(sending.keys)])
        elif new:
            sending = self._sending[leg.id] = _Sending(self, leg, new[:MOST_KEYS])
            sending.next()

    def send(self, leg: Leg, key: str, press_ms: int, owner: _Sending) -> None:
        leg.hub.reconnect(leg.dialog)
        body = f"Signal={key}\r\nDuration={press_ms}\r\n".encode()
        challenged.send(self._context, self._clients, leg.dialog, ("INFO", ""), leg.carrier, owner, body, KIND)

    def done(self, leg: Leg) -> None:
        self._sending.pop(leg.id, None)


class _Sending:
    """The keys of one leg; the owner of its requests."""

    __slots__ = ("_leg", "_room", "keys")

    def __init__(self, room: InfoKeys, leg: Leg, keys: list[tuple[str, int]]) -> None:
        self._room = room
        self._leg = leg
        self.keys = deque(keys)

    def next(self) -> None:
        if not self.keys or not self._leg.up or self._leg.told:
            self._room.done(self._leg)
        else:
            self._room.send(self._leg, *self.keys.popleft(), self)

    def responded(self, transaction: ClientTransaction, response: Response) -> None:
        if response.status < 200:
            return
        if response.status >= 300:
            self.keys.clear()
        self.next()

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self.keys.clear()
        self.next()

"""What a watched extension or queue looks like on the wire: dialog-info (RFC 4235), PIDF (RFC 3863), message summary
(RFC 3842). Pure text: nothing here knows who watches."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

DIALOG, PRESENCE, SUMMARY = "dialog", "presence", "message-summary"
TYPES = {
    DIALOG: "application/dialog-info+xml",
    PRESENCE: "application/pidf+xml",
    SUMMARY: "application/simple-message-summary",
}
MAX_DIALOGS = 16
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n'
_PIDF = 'xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model"'
_RPID = 'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid"'
_ACTIVITIES = {"talking": "on-the-phone", "ringing": "busy", "wrap-up": "busy", "break": "away"}


class DialogRow(NamedTuple):
    """One call of a watched phone. `remote` is the URI of the other side, "" when it is not to be shown."""

    id: str
    recipient: bool  # she is called; else she calls
    confirmed: bool
    remote: str


def dialog_info(entity: str, version: int, rows: tuple[DialogRow, ...], ended: str) -> bytes:
    """Always the full state: a NOTIFY that was lost does no harm. `ended`: the call that ended last, named while there
    is no other, since some phones turn their lamp off by that alone."""
    dialogs = "".join(map(_dialog, rows[:MAX_DIALOGS]))
    if not rows and ended:
        dialogs = f'<dialog id="{escape(ended)}"><state>terminated</state></dialog>'
    return (
        f'{_XML}<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" '
        f'entity="{escape(entity)}">{dialogs}</dialog-info>\n'
    ).encode("utf-8", "replace")


def _dialog(row: DialogRow) -> str:
    direction = "recipient" if row.recipient else "initiator"
    remote = f"<remote><identity>{escape(row.remote)}</identity></remote>" if row.remote else ""
    state = "confirmed" if row.confirmed else "early"
    return f'<dialog id="{escape(row.id)}" direction="{direction}"><state>{state}</state>{remote}</dialog>'


def pidf(entity: str, word: str, reason: str) -> bytes:
    """`word` is the agent's state as the queues have it; "" and "offline": her phone is not there."""
    there = word not in ("", "offline")
    note = f"{word}: {reason}" if reason else word or "offline"
    activity = _ACTIVITIES.get(word, "")
    person = f'<dm:person id="p"><rpid:activities><rpid:{activity}/></rpid:activities></dm:person>' if activity else ""
    return (
        f'{_XML}<presence {_PIDF} {_RPID} entity="{escape(entity)}"><tuple id="t"><status>'
        f"<basic>{'open' if there else 'closed'}</basic></status></tuple>{person}<note>{escape(note)}</note>"
        "</presence>\n"
    ).encode("utf-8", "replace")


def summary(entity: str, count: int) -> bytes:
    """RFC 3842 5.2: new/old. Call-backs to make are new until they are made."""
    return (
        f"Messages-Waiting: {'yes' if count else 'no'}\r\nMessage-Account: {entity}\r\nVoice-Message: {count}/0\r\n"
    ).encode()

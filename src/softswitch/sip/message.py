"""A SIP message as it came: the head is split once, typed values are parsed when somebody asks (RFC 3261 section 7).

`headers` maps the lower-case long name to the raw value; repeated headers are joined with a line feed.
"""

from __future__ import annotations

from softswitch.sip.errors import SipError
from softswitch.sip.headers import Address, CSeq, parse_address, parse_cseq, split_list
from softswitch.sip.messages import Flow
from softswitch.sip.via import Via, parse_via

Headers = dict[str, str]


class Message:
    """What requests and responses share. Accessors raise SipError(400) for missing or malformed values."""

    __slots__ = ("_cseq", "_from", "_to", "_via", "body", "flow", "headers")

    def __init__(self, headers: Headers, body: bytes, flow: Flow) -> None:
        self.headers = headers
        self.body = body
        self.flow = flow
        self._via: Via | None = None
        self._from: Address | None = None
        self._to: Address | None = None
        self._cseq: CSeq | None = None

    def value(self, name: str) -> str:
        """A mandatory header."""
        value = self.headers.get(name)
        if not value:
            raise SipError(400, f"{name} is missing")
        return value

    @property
    def via(self) -> Via:
        if self._via is None:
            self._via = parse_via(self.value("via"))
        return self._via

    @property
    def from_(self) -> Address:
        if self._from is None:
            self._from = parse_address(self.value("from"))
        return self._from

    @property
    def to(self) -> Address:
        if self._to is None:
            self._to = parse_address(self.value("to"))
        return self._to

    @property
    def cseq(self) -> CSeq:
        if self._cseq is None:
            self._cseq = parse_cseq(self.value("cseq"))
        return self._cseq

    @property
    def call_id(self) -> str:
        return self.value("call-id")

    def items(self, name: str) -> list[str]:
        """A comma-separated header, possibly on several lines; empty when absent."""
        value = self.headers.get(name)
        return split_list(value) if value else []

    def contact_uri(self) -> str | None:
        """The URI of the first Contact, None when there is none."""
        contacts = self.items("contact")
        return parse_address(contacts[0]).uri if contacts else None

    def content_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Request(Message):
    __slots__ = ("method", "uri")

    def __init__(self, method: str, uri: str, headers: Headers, body: bytes, flow: Flow) -> None:
        super().__init__(headers, body, flow)
        self.method = method
        self.uri = uri

    def key(self) -> tuple[str, str, str]:
        """RFC 3261 17.2.3: branch, sent-by and method name the server transaction (CANCEL and ACK: of the
        INVITE, see the callers). A branch without the magic cookie is replaced by what RFC 2543 compared."""
        via = self.via
        branch = via.branch
        if not branch.startswith("z9hG4bK") or len(branch) == 7:
            branch = f"{branch} {self.call_id} {self.from_.tag} {self.cseq.number}"
        sent_by = f"{via.host}:{via.port}"
        return branch, sent_by, "INVITE" if self.method == "ACK" else self.method


class Response(Message):
    __slots__ = ("status",)

    def __init__(self, status: int, headers: Headers, body: bytes, flow: Flow) -> None:
        super().__init__(headers, body, flow)
        self.status = status

"""Callers' identities: good and bad PASSporTs, certificates, policies; the whole stack with a clock that stands."""

from __future__ import annotations

import random
from email.utils import formatdate
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sip.peer import GATEWAY, OFFER, header, start, status, text, transmitted
from tests.sip.peer import settings as sip_settings
from tests.sip.stir_signer import (
    CALLED,
    CALLER,
    ROOT_PEM,
    URL,
    WALL,
    auth_list,
    b64,
    carrier,
    compact,
    identity,
    make,
    middle,
    numbers,
    one,
    root,
    spc,
)

from softswitch.ids import IdSource, TrunkId
from softswitch.sip.messages import Answer, InviteReceived, LegEnded, PacketReceived, SecurityEvent, TrunkSettings
from softswitch.sip.stack import SipStack
from softswitch.sip.stir import url_allowed
from softswitch.sip.stir_certificate import read_authority
from softswitch.sip.stir_messages import (
    CallerIdentity,
    CertificateFetched,
    FetchCertificate,
    StirPolicy,
    StirSettings,
)
from softswitch.sip.stir_passport import BadIdentity, canonical

STIR = StirSettings(ROOT_PEM, ("certs.example", "other.example:8443"), "372")
OTHER = "https://certs.example/div.pem"


class Edge:
    """A stack whose gateway has this policy. `certificates` are what the web serves at once."""

    def __init__(
        self, policy: StirPolicy | None = None, certificates: dict[str, bytes] | None = None, **more: Any
    ) -> None:
        trunk = TrunkSettings(TrunkId("pstn"), ("192.0.2.10/32",), stir=policy or StirPolicy(**more))
        config = sip_settings(trunks=(trunk,), stir=STIR)
        self.now = 100.0
        self.stack = SipStack(config, IdSource(), random.Random(1), lambda at: WALL - 100.0 + at)
        self.web = {URL: carrier().pem} if certificates is None else certificates
        self.asked: list[str] = []
        self.out: list[Any] = []
        self.calls = 0

    def do(self, event: Any) -> list[Any]:
        out: list[Any] = list(self.stack.handle(event, self.now))
        self.out.extend(out)
        for each in out:
            if isinstance(each, FetchCertificate):
                self.asked.append(each.url)
                if each.url in self.web:
                    self.do(CertificateFetched(each.url, self.web[each.url] or None, "404"))
        return out

    def invite(
        self,
        *identities: str,
        caller: str = CALLER,
        called: str = CALLED,
        to: str | None = None,
        extra: tuple[str, ...] = (),
    ) -> Any:
        """What became of the call: its InviteReceived, its final status, or None."""
        self.calls += 1
        before = len(self.out)
        lines = (
            f"INVITE sip:{called}@192.0.2.1 SIP/2.0",
            f"Via: SIP/2.0/UDP 192.0.2.10:5080;branch=z9hG4bK{self.calls}",
            "Max-Forwards: 70",
            f"From: <sip:{caller}@gw.example>;tag=f{self.calls}",
            f"To: <sip:{to or called}@192.0.2.1>",
            f"Call-ID: c{self.calls}",
            "CSeq: 1 INVITE",
            "Contact: <sip:gw@192.0.2.10:5080>",
            *(f"Identity: {each}" for each in identities),
            *extra,
        )
        self.do(PacketReceived(GATEWAY, text(lines, OFFER)))
        return self.outcome(before)

    def outcome(self, since: int = 0) -> Any:
        for each in self.out[since:]:
            if isinstance(each, InviteReceived):
                return each.identity
        finals = [status(data) for data in transmitted(self.out[since:]) if status(data) >= 300]
        return finals[0] if finals else None

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.out.extend(self.stack.tick(self.now))


def test_a_signed_call_is_announced_with_its_attestation() -> None:
    for attest in "ABC":
        found = Edge().invite(identity(claims={"attest": attest}))
        assert (found.result, found.attestation, found.code) == ("passed", attest, 0)
        assert found.origid == "123e4567-e89b-12d3-a456-426655440000"


def test_the_compact_header_name_and_a_plain_passport() -> None:
    edge = Edge()
    value = identity(ppt="", claims={"attest": None})
    edge.invite(extra=(f"y: {value}",))
    found = edge.outcome()
    assert (found.result, found.attestation) == ("passed", "")


def test_the_compact_form_is_rebuilt_from_the_request() -> None:
    date = (f"Date: {formatdate(WALL, usegmt=True)}",)
    assert Edge().invite(compact(), extra=date).result == "passed"
    assert Edge().invite(compact()).code == 438, "without Date there is no iat"
    assert Edge().invite(compact(), caller="+37255512346", extra=date).code == 438


def test_numbers_are_compared_in_one_form() -> None:
    """RFC 8224 8.3."""
    for caller in ("+37255512345", "0037255512345", "55512345", "37255512345", "+372%2D555-12345"):
        assert Edge().invite(identity(), caller=caller).result == "passed", caller
    assert Edge().invite(identity(), called="6310000").result == "passed"
    assert Edge().invite(identity(), called="1210", to=CALLED).result == "passed", "dialled by a short number"


def test_canonical_numbers() -> None:
    assert canonical("+1 (212) 555-0100", "372") == "12125550100"
    assert canonical("011 372 6310000", "1") == "3726310000"
    assert canonical("01132 6310000", "44") == "4411326310000"
    assert [canonical(odd, "372") for odd in ("", "anna", "+", "1" * 30, "+٣٧٢")] == [""] * 5


BAD = [
    ("spoilt signature", {"spoil": True}, 438),
    ("other caller", {"claims": {"orig": {"tn": "37255512346"}}}, 438),
    ("other destination", {"claims": {"dest": {"tn": ["3726310001"]}}}, 438),
    ("destination is a uri", {"claims": {"dest": {"uri": ["sip:a@b"]}}}, 438),
    ("no dest", {"claims": {"dest": None}}, 438),
    ("no orig", {"claims": {"orig": None}}, 438),
    ("orig is a list of none", {"claims": {"orig": {"tn": []}}}, 438),
    ("no iat", {"claims": {"iat": None}}, 438),
    ("iat is true", {"claims": {"iat": True}}, 438),
    ("too old", {"claims": {"iat": int(WALL) - 61}}, 403),
    ("from the future", {"claims": {"iat": int(WALL) + 61}}, 403),
    ("no attestation", {"claims": {"attest": None}}, 438),
    ("attestation D", {"claims": {"attest": "D"}}, 438),
    ("an extension that has to be understood", {"header": {"crit": ["exp"]}}, 438),
    ("alg none", {"header": {"alg": "none"}}, 438),
    ("alg of the header", {"tail": ";alg=RS256;ppt=shaken"}, 438),
    ("another typ", {"header": {"typ": "JWT"}}, 438),
    ("ppt only outside", {"header": {"ppt": None}}, 438),
    ("ppt only inside", {"tail": ";alg=ES256"}, 438),
    ("info is not x5u", {"info": OTHER}, 436),
    ("a host that is not listed", {"url": "https://evil.example/a.pem"}, 436),
    ("our own machine", {"url": "https://127.0.0.1/a.pem"}, 436),
    ("another port", {"url": "https://certs.example:8443/a.pem"}, 436),
    ("no TLS", {"url": "http://certs.example/a.pem"}, 436),
    ("a file", {"url": "file:///etc/passwd"}, 436),
    ("a user", {"url": "https://certs.example@evil.example/a.pem"}, 436),
    ("not found", {"url": OTHER}, 436),
]


@pytest.mark.parametrize(("change", "code"), [(c, code) for _, c, code in BAD], ids=[name for name, _, _ in BAD])
def test_what_is_wrong_with_a_passport(change: dict[str, Any], code: int) -> None:
    edge = Edge(certificates={URL: carrier().pem, OTHER: b""})
    found = edge.invite(identity(**change))
    assert (found.result, found.attestation, found.code) == ("failed", "", code)
    assert all(url in (URL, OTHER) for url in edge.asked), "nothing else is ever asked for"
    (event,) = [each for each in edge.out if isinstance(each, SecurityEvent)]
    assert event.kind == "caller_unverified"
    assert event.detail.startswith(str(code))


CERTIFICATES = [
    ("expired", lambda: make("c", middle(), tn=auth_list(spc("1")), days=(-5, -1)), 437),
    ("not yet valid", lambda: make("c", middle(), tn=auth_list(spc("1")), days=(1, 5)), 437),
    ("no TNAuthList", lambda: make("c", middle()), 437),
    ("malformed TNAuthList", lambda: make("c", middle(), tn=b"\x30\x05\x01"), 437),
    ("another root", lambda: make("c", make("root", ca=True), tn=auth_list(spc("1"))), 437),
    ("signed by itself", lambda: make("c", tn=auth_list(spc("1"))), 437),
    ("another curve", lambda: make("c", middle(), tn=auth_list(spc("1")), curve=ec.SECP384R1()), 437),
    ("may not sign", lambda: make("c", middle(), tn=auth_list(spc("1")), signs=False), 437),
    ("issuer is no authority", lambda: make("c", carrier(), tn=auth_list(spc("1"))), 437),
    ("chain too long", lambda: make("c", make("m2", middle(), ca=True), tn=auth_list(spc("1"))), 437),
    ("a critical extension", lambda: make("c", middle(), tn=auth_list(spc("1")), critical="1.2.3.4"), 437),
    ("other numbers", lambda: make("c", middle(), tn=auth_list(one("37255512346"))), 437),
    ("a range beside it", lambda: make("c", middle(), tn=auth_list(numbers("37255512300", 45))), 437),
    ("this number", lambda: make("c", middle(), tn=auth_list(one("1"), one("37255512345"))), 0),
    ("a range with it", lambda: make("c", middle(), tn=auth_list(numbers("37255512300", 46))), 0),
    ("below the root", lambda: make("c", root(), tn=auth_list(spc("1"))), 0),
    ("the carrier", carrier, 0),
]


@pytest.mark.parametrize(
    ("party", "code"), [(p, code) for _, p, code in CERTIFICATES], ids=[name for name, _, _ in CERTIFICATES]
)
def test_certificates(party: Any, code: int) -> None:
    signer = party()
    if signer.key.curve.name != "secp256r1":
        value = identity()  # ES256 cannot even be made with it
    else:
        value = identity(signer)
    found = Edge(certificates={URL: signer.pem}).invite(value)
    assert found.code == code, found.detail


@pytest.mark.parametrize(
    "pem", [b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", b" " * 40_000]
)
def test_what_is_no_certificate(pem: bytes) -> None:
    assert Edge(certificates={URL: pem}).invite(identity()).code == 436


def test_a_key_of_somebody_else() -> None:
    other = make("other", middle(), tn=auth_list(spc("9")))
    assert Edge(certificates={URL: carrier().pem}).invite(identity(other)).code == 438


# ------------------------------------------------------------------ several, div


def div(old: str, new: str, **more: Any) -> str:
    claims = {"div": {"tn": old}, "dest": {"tn": [new]}}
    return identity(ppt="div", claims=claims, **more)


def test_a_diverted_call_is_followed_to_our_number() -> None:
    shaken = identity(claims={"dest": {"tn": ["3725550100"]}})
    found = Edge().invite(shaken, div("3725550100", CALLED[1:]))
    assert (found.result, found.attestation, found.diverted_from) == ("passed", "A", ("3725550100",))
    twice = Edge().invite(div("3725550200", CALLED[1:]), div("3725550100", "3725550200"), shaken)
    assert twice.diverted_from == ("3725550100", "3725550200")
    assert Edge().invite(f"{shaken}, {div('3725550100', CALLED[1:])}").result == "passed", "on one line"


def test_diversions_that_lead_nowhere() -> None:
    shaken = identity(claims={"dest": {"tn": ["3725550100"]}})
    assert Edge().invite(shaken).code == 438
    assert Edge().invite(shaken, div("3725550999", CALLED[1:])).code == 438
    assert Edge().invite(shaken, div("3725550100", "3725550100")).code == 438
    assert Edge().invite(div("3725550100", CALLED[1:])).code == 438, "a diversion of nothing"
    spoilt = div("3725550100", CALLED[1:], spoil=True)
    assert Edge().invite(shaken, spoilt).code == 438
    stale = identity(ppt="div", claims={"div": {"tn": "3725550100"}, "iat": int(WALL) - 300})
    assert Edge().invite(shaken, stale).code == 403


def test_the_attestation_of_a_call_to_somebody_else_is_not_borrowed() -> None:
    """Whom the customer has just called holds an A in his name, and puts it beside the C of his own gateway."""
    mine = identity(claims={"attest": "C"})
    stolen = identity(claims={"dest": {"tn": ["37255500000"]}})
    assert Edge().invite(stolen, mine).attestation == "C"
    assert Edge().invite(mine, stolen, div("37255500001", CALLED[1:])).attestation == "C"


def test_the_signer_of_a_diversion_speaks_for_the_number_that_was_called() -> None:
    shaken = identity(claims={"dest": {"tn": ["3725550100"]}})
    theirs = make("fwd", middle(), tn=auth_list(one("3725550100")))
    web = {URL: carrier().pem, OTHER: theirs.pem}
    assert Edge(certificates=web).invite(shaken, div("3725550100", CALLED[1:], signer=theirs, url=OTHER)).code == 0
    shaken = identity(claims={"dest": {"tn": ["3725550200"]}})
    assert Edge(certificates=web).invite(shaken, div("3725550200", CALLED[1:], signer=theirs, url=OTHER)).code == 437


def test_the_same_identity_twice_is_one_and_unknown_kinds_are_left_out() -> None:
    value = identity()
    assert Edge().invite(value, value).result == "passed"
    rph = identity(ppt="rph", claims={"rph": {"ets": ["0"]}}, url="https://unlisted.example/x")
    assert Edge().invite(value, rph).result == "passed"
    assert Edge().invite(rph) == CallerIdentity("missing", code=428, detail="no identity")
    many = [identity(claims={"iat": int(WALL) - at}) for at in range(9)]
    assert Edge().invite(*many).code == 438


def test_a_call_cannot_be_cut_and_pasted_to_another_number() -> None:
    """Whom a customer called plays the PASSporT of that call to us, with its To and all."""
    stolen = identity(claims={"dest": {"tn": ["37255500000"]}})
    assert Edge().invite(stolen, called=CALLED, to="+37255500000").code == 438


# ------------------------------------------------------------------ Date


@pytest.mark.parametrize(
    ("date", "code"),
    [
        (formatdate(WALL - 59, usegmt=True), 0),
        (formatdate(WALL - 61, usegmt=True), 403),
        (formatdate(WALL + 61, usegmt=True), 403),
        ("yesterday", 403),
        ("Sat, 99 Nov 2027 99:00:00 GMT", 403),
    ],
)
def test_date_is_bounded_by_itself(date: str, code: int) -> None:
    found = Edge().invite(identity(), extra=(f"Date: {date}",))
    assert found.code == code


# ------------------------------------------------------------------ policy


@pytest.mark.parametrize(
    ("policy", "caller", "value", "code"),
    [
        (StirPolicy(missing="refuse"), CALLER, None, 428),
        (StirPolicy(failed="refuse"), CALLER, {"spoil": True}, 438),
        (StirPolicy(failed="refuse"), CALLER, {"url": "https://evil.example/"}, 436),
        (StirPolicy(failed="refuse"), CALLER, {"claims": {"iat": 1}}, 403),
        (StirPolicy(anonymous="refuse"), "anonymous", {}, 433),
    ],
)
def test_refusals(policy: StirPolicy, caller: str, value: dict[str, Any] | None, code: int) -> None:
    edge = Edge(policy)
    values = () if value is None else (identity(**value),)
    assert edge.invite(*values, caller=caller) == code
    assert not [each for each in edge.out if isinstance(each, InviteReceived)]
    assert [each.status for each in edge.out if isinstance(each, LegEnded)] == [code]
    accepting = Edge(StirPolicy("accept", "accept", "accept"))
    assert accepting.invite(*values, caller=caller).code == code


def test_continue_with_reason_names_the_fault_in_every_answer() -> None:
    edge = Edge(failed="tell")
    found = edge.invite(identity(spoil=True))
    assert found.code == 438
    (leg,) = [each.leg for each in edge.out if isinstance(each, InviteReceived)]
    (answer,) = transmitted(edge.do(Answer(leg, OFFER)))
    assert status(answer) == 200
    assert header(answer, "Reason") == 'STIR;cause=438;text="Invalid Identity Header"'
    quiet = Edge(failed="accept")
    quiet.invite(identity(spoil=True))
    (leg,) = [each.leg for each in quiet.out if isinstance(each, InviteReceived)]
    (answer,) = transmitted(quiet.do(Answer(leg, OFFER)))
    assert header(answer, "Reason") == ""


def test_refusals_say_the_reason_phrase() -> None:
    edge = Edge(StirPolicy(missing="refuse"))
    edge.invite()
    assert start(transmitted(edge.out)[-1]) == "SIP/2.0 428 Use Identity Header"


def test_trunks_without_a_policy_and_agents_are_not_looked_at() -> None:
    edge = Edge()
    plain = SipStack(sip_settings(stir=STIR), IdSource(), random.Random(1))
    edge.stack = plain
    assert edge.invite(identity(spoil=True)) is None
    assert [each.identity for each in edge.out if isinstance(each, InviteReceived)] == [None]


# ------------------------------------------------------------------ waiting for the certificate


def test_a_call_waits_no_longer_than_a_second_and_the_next_one_does_not() -> None:
    edge = Edge(certificates={})
    assert edge.invite(identity()) is None
    assert status(transmitted(edge.out)[0]) == 100
    edge.wait(0.99)
    assert edge.outcome() is None
    edge.wait(0.02)
    assert edge.outcome() == CallerIdentity("failed", code=436, detail="the certificate did not come in time")
    edge.do(CertificateFetched(URL, carrier().pem))
    assert edge.asked == [URL]
    assert edge.invite(identity()).result == "passed", "it was kept"
    assert edge.asked == [URL]


def test_calls_that_wait_for_the_same_certificate_ask_once() -> None:
    edge = Edge(certificates={})
    for _ in range(5):
        edge.invite(identity())
    assert edge.asked == [URL]
    edge.do(CertificateFetched(URL, carrier().pem))
    results = [each.identity for each in edge.out if isinstance(each, InviteReceived)]
    assert [each.result for each in results if each is not None] == ["passed"] * 5
    edge.wait(5)
    assert len([each for each in edge.out if isinstance(each, InviteReceived)]) == 5


def test_a_caller_who_hangs_up_while_he_waits_is_never_announced() -> None:
    edge = Edge(certificates={})
    edge.invite(identity())
    cancel = (
        f"CANCEL sip:{CALLED}@192.0.2.1 SIP/2.0",
        "Via: SIP/2.0/UDP 192.0.2.10:5080;branch=z9hG4bK1",
        "Max-Forwards: 70",
        f"From: <sip:{CALLER}@gw.example>;tag=f1",
        f"To: <sip:{CALLED}@192.0.2.1>",
        "Call-ID: c1",
        "CSeq: 1 CANCEL",
    )
    edge.do(PacketReceived(GATEWAY, text(cancel)))
    edge.do(CertificateFetched(URL, carrier().pem))
    edge.wait(40)
    assert not [each for each in edge.out if isinstance(each, InviteReceived)]
    assert edge.outcome() == 487
    assert edge.stack.counts()["sessions"] == 0


def test_a_failure_is_remembered_for_a_while_and_a_certificate_until_it_ends() -> None:
    edge = Edge(certificates={URL: b""})
    assert edge.invite(identity()).code == 436
    assert edge.invite(identity()).code == 436
    assert edge.asked == [URL]
    edge.wait(31)
    edge.web = {URL: carrier().pem}
    assert edge.invite(identity(claims={"iat": int(WALL) + 31})).result == "passed"
    edge.wait(86401)
    edge.invite(identity(claims={"iat": int(WALL) + 86432}))
    assert edge.asked == [URL] * 3, "after a day it is fetched anew"


def test_what_is_kept_is_bounded() -> None:
    edge = Edge(certificates={})
    for at in range(120):
        edge.invite(identity(url=f"https://certs.example/{at}"))
    assert len(edge.asked) == 50, "so many are fetched at a time"
    for url in edge.asked:
        edge.do(CertificateFetched(url, None, "no"))
    edge.wait(2)
    assert len([each for each in edge.out if isinstance(each, InviteReceived)]) == 120


# ------------------------------------------------------------------ any text


@settings(max_examples=120, deadline=None)
@given(
    st.text(max_size=60)
    | st.from_regex(r"[A-Za-z0-9_.-]{0,90};info=<[a-z:/.@]{0,30}>(;[a-z=0-9\"]{0,12})*", fullmatch=True)
)
def test_any_identity_gets_a_verdict(value: str) -> None:
    edge = Edge()
    edge.invite("".join(each for each in value if each.isprintable()).encode("utf-8", "ignore").decode())
    assert not [each for each in edge.out if isinstance(each, SecurityEvent) and each.kind == "internal_error"]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=40))
def test_any_tn_auth_list_is_read_or_refused(der: bytes) -> None:
    try:
        read_authority(der)
    except BadIdentity as bad:
        assert bad.status == 437


def test_claims_with_a_key_twice_are_refused() -> None:
    claims = b64(b'{"iat":1,"iat":1800000000}')
    value = identity()
    head, _, rest = value.split(".", 2)
    assert Edge().invite(f"{head}.{claims}.{rest}").detail == "malformed JSON in a PASSporT"


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://certs.example/x", True),
        ("https://CERTS.example:443/x", True),
        ("https://other.example:8443/x", True),
        ("https://other.example/x", False),
        ("https://certs.example.evil/x", False),
        ("https://certs.example\\@evil/x", False),
        ("https://certs.example#@evil/x", False),
        ("https://[::1]/x", False),
        ("https://certs.example:99999/x", False),
        ("ftp://certs.example/x", False),
        ("//certs.example/x", False),
        ("https://certs．example/x", False),
    ],
)
def test_hosts(url: str, allowed: bool) -> None:
    assert url_allowed(url, STIR) is allowed

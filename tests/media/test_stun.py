"""STUN of an ICE lite agent: the RFC's sample, aioice as oracle, and twenty thousand broken messages."""

from __future__ import annotations

import random

import pytest
from aioice import stun as oracle
from hypothesis import given
from hypothesis import strategies as st

from softswitch.media import stun

NAME, PASSWORD = "ours:them", "password-of-22-letters"
ADDRESS = ("192.0.2.7", 40_000)

# RFC 5769 2.1: a request with long attributes, signed with a short-term credential.
SAMPLE = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249"
    "c1b571a280280004e57a3bcf"
)
SAMPLE_NAME, SAMPLE_PASSWORD = "evtj:h6vY", "VOkJxbRl1RmTxUk/WvJxBt"


def request(**details: object) -> bytes:
    return stun.check_request(NAME, PASSWORD, bytes(range(12)), nominate=True, **details)  # type: ignore[arg-type]


def parsed(data: bytes) -> oracle.Message:
    message = oracle.parse_message(data)
    assert message.check_message_integrity(PASSWORD.encode())
    return message


def test_the_sample_of_the_rfc() -> None:
    check = stun.read_check(SAMPLE, SAMPLE_NAME, SAMPLE_PASSWORD)
    assert check is not None
    assert check.transaction.hex() == "b7e7a701bc34d686fa87dfae"
    assert check.controlled
    assert stun.read_check(SAMPLE, SAMPLE_NAME, "VOkJxbRl1RmTxUk/WvJxBu") is None
    assert stun.read_check(SAMPLE, "evtj:h6vZ", SAMPLE_PASSWORD) is None


@pytest.mark.parametrize("address", [ADDRESS, ("127.0.0.1", 1), ("2001:db8::7", 65535)])
def test_aioice_understands_the_answer(address: tuple[str, int]) -> None:
    check = stun.read_check(request(), NAME, PASSWORD)
    assert check is not None
    answer = parsed(stun.answer(check, address, PASSWORD))
    assert answer.message_class is oracle.Class.RESPONSE
    assert answer.transaction_id == bytes(range(12))
    assert answer.attributes["XOR-MAPPED-ADDRESS"] == address
    assert {"MESSAGE-INTEGRITY", "FINGERPRINT"} <= set(answer.attributes)


@given(st.booleans(), st.binary(min_size=12, max_size=12), st.integers(0, 2**32 - 1))
def test_we_understand_aioice(nominate: bool, transaction: bytes, priority: int) -> None:
    message = oracle.Message(oracle.Method.BINDING, oracle.Class.REQUEST, transaction)
    message.attributes.update({"USERNAME": NAME, "PRIORITY": priority, "ICE-CONTROLLING": 7})
    if nominate:
        message.attributes["USE-CANDIDATE"] = None
    message.add_message_integrity(PASSWORD.encode())
    message.add_fingerprint()
    assert stun.read_check(bytes(message), NAME, PASSWORD) == stun.Check(transaction, nominate, False)


def test_errors_that_a_peer_is_told() -> None:
    unknown = stun.read_check(request(more=bytes.fromhex("00550004") + bytes(4)), NAME, PASSWORD)
    assert unknown is not None
    answer = parsed(stun.answer(unknown, ADDRESS, PASSWORD))
    assert answer.attributes["ERROR-CODE"] == (420, "Unknown Attribute")
    conflict = stun.read_check(request(controlled=True), NAME, PASSWORD)
    assert conflict is not None
    answer = parsed(stun.answer(conflict, ADDRESS, PASSWORD))
    assert answer.attributes["ERROR-CODE"] == (487, "Role Conflict")


def test_twenty_thousand_broken_messages() -> None:
    """What was changed anywhere is not answered: the signature covers what is before it, the CRC the rest."""
    chance = random.Random(20_260)
    good = [request(), request(more=b"\x80\x55\x00\x03abc\0"), SAMPLE]
    for _ in range(20_000):
        data = bytearray(chance.choice(good))
        original = bytes(data)
        for _ in range(chance.choice((1, 1, 2, 8))):
            what = chance.randrange(4)
            at = chance.randrange(len(data)) if data else 0
            if what == 0 and data:
                data[at] ^= 1 << chance.randrange(8)
            elif what == 1:
                del data[at : at + chance.randrange(1, 30)]
            elif what == 2:
                data[at:at] = chance.randbytes(chance.randrange(1, 30))
            elif data:
                data[at : at + 2] = chance.choice((b"\xff\xff", b"\0\0", b"\0\x08", b"\x80\x28"))
        if bytes(data) != original:
            assert stun.read_check(bytes(data), NAME, PASSWORD) is None, bytes(data).hex()


@given(st.binary(max_size=200))
def test_noise_is_no_check(data: bytes) -> None:
    assert stun.read_check(data, NAME, PASSWORD) is None

"""What a soak under fire calls wrong, and its parties against each other."""

from __future__ import annotations

import asyncio

import pytest

from sip_parties import GATEWAY, Party, Tally
from soak_sip import Sample, verdict


def samples(last: int = 100_000, bans: int = 300) -> list[Sample]:
    return [Sample(100.0 * n, last if n == 5 else 100_000, 50, bans if n == 5 else 0, 1.0) for n in range(6)]


def tally(good: int = 10_000, setup: float = 3.0) -> Tally:
    return Tally(10_000, good, {"no agent": 10_000 - good}, [setup] * 100)


def test_a_switch_that_holds_is_well() -> None:
    assert verdict(tally(), samples()) == []
    assert verdict(tally(9_991), samples(109_000)) == [], "less than 0.1 % is allowed, and a tenth of memory"


@pytest.mark.parametrize(
    ("found", "over", "said"),
    [
        (tally(9_990), samples(), "10 of 10000 calls failed"),
        (tally(), samples(last=111_000), "memory grew"),
        (tally(), samples(bans=600), "600 bans"),
        (tally(setup=1500.0), samples(), "setting up took 1500 ms"),
        (Tally(), samples(), "0 of 0 calls failed"),
    ],
)
def test_each_miss_is_named(found: Tally, over: list[Sample], said: str) -> None:
    assert any(said in line for line in verdict(found, over))


async def test_a_party_repeats_its_request_and_gives_up() -> None:
    heard: list[bytes] = []

    class Switch(asyncio.DatagramProtocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport

        def datagram_received(self, data: bytes, addr: object) -> None:
            heard.append(data)
            if len(heard) == 2:
                self.transport.sendto(party.answer(data, 200, "x"), addr)  # type: ignore[attr-defined]

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Switch, ("127.0.0.1", 0))
    party = Party(GATEWAY, transport.get_extra_info("sockname"))
    await party.open()
    call = {"uri": "sip:a@b", "from": "<sip:c@d>;tag=1", "to": "<sip:a@b>", "id": "i", "contact": "<sip:c@d>"}
    answer = await party.ask(party.message("OPTIONS", 1, call), 3.0)
    assert answer.startswith(b"SIP/2.0 200")
    assert heard[0] == heard[1]
    with pytest.raises(TimeoutError):
        await party.ask(party.message("OPTIONS", 2, call), 0.2)
    party.close()
    transport.close()

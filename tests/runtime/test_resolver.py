"""The name service against a real name server on the loop-back address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from tests.name_server import NameServer

from softswitch.runtime.resolver import MOST_KEPT, MOST_UNDER_WAY, NameService
from softswitch.sip.locate import Lookup, LookupDone, Naptr, Srv

ZONE = """
carrier 30 IN NAPTR 20 10 "s" "SIP+D2T" "" _sip._tcp.carrier.example.
carrier 30 IN NAPTR 10 10 "s" "SIP+D2U" "" _sip._udp.carrier.example.
carrier 30 IN NAPTR 5 10 "u" "E2U+sip" "!^.*$!sip:x@y!" .
_sip._udp.carrier 40 IN SRV 10 60 5062 a.carrier
_sip._udp.carrier 40 IN SRV 20 0 5063 b.carrier
a.carrier 50 IN A 127.0.0.2
a.carrier 50 IN A 127.0.0.3
a.carrier 50 IN AAAA 2001:db8::2
alias 50 IN CNAME a.carrier
"""


class Asker:
    def __init__(self, server: NameServer, seconds: float = 5.0) -> None:
        self.waiting: list[asyncio.Future[LookupDone]] = []
        self.told: list[LookupDone] = []
        self.service = NameService(asyncio.get_running_loop(), self._post, (server.address,), seconds)

    def _post(self, event: Any) -> None:
        self.told.append(event)
        for future in self.waiting:
            if not future.done():
                future.set_result(event)
                break

    async def ask(self, name: str, kind: str) -> LookupDone:
        future: asyncio.Future[LookupDone] = asyncio.get_running_loop().create_future()
        self.waiting = [future]
        self.service.look_up(Lookup(name, kind))
        return await asyncio.wait_for(future, 10)


@pytest_asyncio.fixture
async def server() -> AsyncIterator[NameServer]:
    made = await NameServer(ZONE).start()
    yield made
    made.close()


@pytest_asyncio.fixture
async def asker(server: NameServer) -> AsyncIterator[Asker]:
    made = Asker(server)
    yield made
    await made.service.close()


async def test_every_kind_of_record(asker: Asker) -> None:
    naptr = await asker.ask("carrier.example", "NAPTR")
    assert set(naptr.records) == {
        Naptr(20, 10, "s", "SIP+D2T", "_sip._tcp.carrier.example"),
        Naptr(10, 10, "s", "SIP+D2U", "_sip._udp.carrier.example"),
    }
    assert naptr.ttl == 30.0
    srv = await asker.ask("_sip._udp.carrier.example", "SRV")
    assert set(srv.records) == {Srv(10, 60, 5062, "a.carrier.example"), Srv(20, 0, 5063, "b.carrier.example")}
    assert set((await asker.ask("a.carrier.example", "A")).records) == {"127.0.0.2", "127.0.0.3"}
    assert (await asker.ask("a.carrier.example", "AAAA")).records == ("2001:db8::2",)


async def test_answers_are_kept_for_their_time_and_so_is_that_there_is_none(asker: Asker, server: NameServer) -> None:
    for _ in range(3):
        assert (await asker.ask("a.carrier.example", "A")).records
        nothing = await asker.ask("no.example", "A")
        assert (nothing.records, nothing.failed) == ((), False)
        assert not (await asker.ask("b.example", "AAAA")).failed
    assert server.asked["a.carrier.example", "A"] == 1
    assert server.asked["no.example", "A"] == 1
    again = await asker.ask("a.carrier.example", "A")
    assert 0 < again.ttl <= 50.0


async def test_a_server_that_is_silent_or_broken_is_a_failure_in_bounded_time(server: NameServer) -> None:
    asker = Asker(server, seconds=0.3)
    server.silent = True
    begun = asyncio.get_running_loop().time()
    lost = await asker.ask("a.carrier.example", "A")
    assert (lost.records, lost.failed) == ((), True)
    assert asyncio.get_running_loop().time() - begun < 3
    server.silent, server.broken = False, True
    assert (await asker.ask("other.example", "A")).failed
    await asker.service.close()


async def test_equal_questions_are_one_and_too_many_are_refused(asker: Asker, server: NameServer) -> None:
    server.silent = True
    for _ in range(3):
        asker.service.look_up(Lookup("same.example", "A"))
    for number in range(2 * MOST_UNDER_WAY):
        asker.service.look_up(Lookup(f"n{number}.example", "A"))
    assert asker.service.asked <= MOST_UNDER_WAY
    await asyncio.sleep(0)
    assert all(done.failed for done in asker.told)
    assert len(asker.told) == MOST_UNDER_WAY + 1


def test_the_cache_is_bounded() -> None:
    service = NameService(asyncio.new_event_loop(), lambda event: None)
    for number in range(2 * MOST_KEPT):
        service._keep((f"n{number}", "A"), LookupDone(f"n{number}", "A", (), 60.0))
    assert len(service._kept) == MOST_KEPT
    service._loop.close()


@pytest.mark.parametrize("name", ["carrier.example"])
async def test_leaving_ends_what_is_under_way(server: NameServer, name: str) -> None:
    asker = Asker(server)
    server.silent = True
    asker.service.look_up(Lookup(name, "A"))
    await asyncio.sleep(0)
    await asker.service.close()
    assert not asker.told

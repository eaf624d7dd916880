"""Asks the name service for the SIP room: an effect for `Lookup`, answered by `LookupDone`, always and in bounded time.

Answers are kept as long as their time to live says, and that there is none for a while too (RFC 2308); the cache and
the number of questions under way are bounded. A host without addresses of one family is no fault.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import dns.asyncresolver
import dns.exception
import dns.inet
import dns.rdatatype
import dns.resolver

from softswitch.sip.locate import Lookup, LookupDone, Naptr, Srv

SECONDS: Final = 5.0  # for one look-up, all name servers together
MOST_KEPT: Final = 2_000
MOST_UNDER_WAY: Final = 64
NEGATIVE_SECONDS: Final = 60.0
FAILED_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 86_400.0


class NameService:
    """`servers`: addresses with port; empty: those of this machine."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        post: Callable[[Any], None],
        servers: tuple[tuple[str, int], ...] = (),
        seconds: float = SECONDS,
    ) -> None:
        self._loop = loop
        self._post = post
        self._seconds = seconds
        self._servers = servers
        self._resolver: dns.asyncresolver.Resolver | None = None
        self._kept: OrderedDict[tuple[str, str], tuple[float, LookupDone]] = OrderedDict()
        self._tasks: dict[tuple[str, str], asyncio.Task[None]] = {}
        self.asked = 0

    def look_up(self, command: Lookup) -> None:
        key = (command.name, command.kind)
        kept = self._kept.get(key)
        if kept is not None and kept[0] > self._loop.time():
            # As it stands now: a time to live runs in the cache too.
            event = kept[1]
            left = kept[0] - self._loop.time()
            self._loop.call_soon(self._post, LookupDone(*key, event.records, left, event.failed))
        elif key in self._tasks:
            return  # its answer is for everybody
        elif len(self._tasks) >= MOST_UNDER_WAY:
            self._loop.call_soon(self._post, LookupDone(*key, (), FAILED_SECONDS, True))
        else:
            task = self._loop.create_task(self._ask(command))
            self._tasks[key] = task

    async def _ask(self, command: Lookup) -> None:
        key = (command.name, command.kind)
        self.asked += 1
        try:
            async with asyncio.timeout(self._seconds + 1.0):
                done = await self._answer(command)
        except (dns.exception.DNSException, OSError, TimeoutError, ValueError):
            done = LookupDone(*key, (), FAILED_SECONDS, True)
        finally:
            self._tasks.pop(key, None)
        self._keep(key, done)
        self._post(done)

    def _keep(self, key: tuple[str, str], done: LookupDone) -> None:
        self._kept.pop(key, None)
        if done.ttl > 0:
            self._kept[key] = (self._loop.time() + done.ttl, done)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)

    def _ours(self) -> dns.asyncresolver.Resolver:
        if self._resolver is None:
            made = dns.asyncresolver.Resolver(configure=not self._servers)
            if self._servers:
                made.nameservers = [dns_server(host, port) for host, port in self._servers]
            made.cache = None
            made.lifetime = self._seconds
            made.timeout = max(0.2, self._seconds / 3)
            self._resolver = made
        return self._resolver

    async def _answer(self, command: Lookup) -> LookupDone:
        kind = dns.rdatatype.from_text(command.kind)
        try:
            answer = await self._ours().resolve(command.name + ".", kind, search=False)
        except dns.resolver.NXDOMAIN:
            return LookupDone(command.name, command.kind, (), NEGATIVE_SECONDS)
        except dns.resolver.NoAnswer:
            return LookupDone(command.name, command.kind, (), NEGATIVE_SECONDS)
        rows = list(answer.rrset or ())[:64]
        ttl = min(float(answer.rrset.ttl) if answer.rrset is not None else NEGATIVE_SECONDS, LONGEST_SECONDS)
        return LookupDone(command.name, command.kind, records_of(command.kind, rows), ttl)

    async def close(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def records_of(kind: str, rows: list[Any]) -> tuple[Any, ...]:
    if kind == "NAPTR":
        found = [
            Naptr(row.order, row.preference, _text(row.flags), _text(row.service), row.replacement.to_text(True))
            for row in rows
            if not row.regexp  # RFC 3263 4.1: SIP uses the replacement field alone
        ]
        return tuple(found)
    if kind == "SRV":
        return tuple(Srv(row.priority, row.weight, row.port, row.target.to_text(True)) for row in rows)
    return tuple(str(row.address) for row in rows)


def dns_server(host: str, port: int) -> Any:
    from dns.nameserver import Do53Nameserver

    return Do53Nameserver(host, port)


def _text(value: bytes) -> str:
    return value.decode("ascii", "replace")

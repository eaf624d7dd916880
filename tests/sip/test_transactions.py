"""Server and client transactions of their own: every state, every timer, both kinds of transport."""

from __future__ import annotations

import random
from typing import Any

import pytest
from tests.sip.peer import GATEWAY, LOCAL, OFFER, header, request, response, settings, start, status

from softswitch.ids import IdSource
from softswitch.sip.addresses import Addresses
from softswitch.sip.context import Context
from softswitch.sip.message import Request, Response
from softswitch.sip.messages import EndedBy, Flow, Transmit
from softswitch.sip.parser import parse_datagram
from softswitch.sip.transaction_client import ClientState, ClientTransaction, ClientTransactions
from softswitch.sip.transaction_server import ServerState, ServerTransaction, ServerTransactions

TCP = Flow("tcp", LOCAL, ("192.0.2.10", 5080), 4)


class Bench:
    """A context with its clock."""

    def __init__(self, **changes: Any) -> None:
        self.context = Context(settings(**changes), IdSource(), random.Random(1))
        self.servers = ServerTransactions(self.context)
        self.clients = ClientTransactions(self.context, Addresses(self.context.settings))

    def until(self, seconds: float) -> list[tuple[float, bytes]]:
        """What is sent until then, with its time."""
        sent: list[tuple[float, bytes]] = self.sent()
        while (deadline := self.context.timers.next_deadline()) is not None and deadline <= seconds:
            self.context.now = deadline
            self.context.timers.run_due(deadline)
            sent += self.sent()
        self.context.now = seconds
        return sent

    def sent(self) -> list[tuple[float, bytes]]:
        out = [(round(self.context.now, 3), c.data) for c in self.context.out if isinstance(c, Transmit)]
        self.context.out.clear()
        return out

    def server(self, method: str = "INVITE", flow: Flow = GATEWAY) -> ServerTransaction:
        message = parse_datagram(request(method, 1, "c1", flow=flow, body=OFFER if method == "INVITE" else b""), flow)
        assert isinstance(message, Request)
        transaction = self.servers.open(message.key(), message, "ours")
        assert transaction is not None
        return transaction

    def client(self, method: str = "INVITE", flow: Flow = GATEWAY) -> tuple[ClientTransaction, Owner]:
        owner = Owner()
        data = request(method, 1, "c1", flow=flow, branch="mine", body=OFFER if method == "INVITE" else b"")
        return self.clients.start("mine", method, flow, data, owner), owner


class Owner:
    def __init__(self) -> None:
        self.responses: list[int] = []
        self.failures: list[EndedBy] = []

    def responded(self, transaction: ClientTransaction, message: Response) -> None:
        self.responses.append(message.status)

    def failed(self, transaction: ClientTransaction, by: EndedBy) -> None:
        self.failures.append(by)


def answer(transaction: ClientTransaction, sent: bytes, code: int, flow: Flow = GATEWAY) -> None:
    message = parse_datagram(response(code, sent), flow)
    assert isinstance(message, Response)
    transaction.received(message)


# ------------------------------------------------------------------ INVITE server


def test_invite_server_non_2xx_over_udp_timers_g_h() -> None:
    bench = Bench()
    transaction = bench.server()
    transaction.respond(486)
    times = [when for when, _ in bench.until(100)]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert transaction.state is ServerState.TERMINATED
    assert len(bench.servers) == 0


def test_invite_server_ack_stops_the_repeats_timer_i() -> None:
    bench = Bench()
    transaction = bench.server()
    transaction.respond(486)
    bench.until(1)
    transaction.acknowledged()
    assert transaction.state is ServerState.CONFIRMED
    assert bench.until(5.9) == []
    transaction.retransmitted()
    transaction.acknowledged()
    assert bench.sent() == []
    bench.until(6.1)
    assert len(bench.servers) == 0


def test_invite_server_over_tcp_waits_for_ack_without_repeating() -> None:
    bench = Bench()
    transaction = bench.server(flow=TCP)
    transaction.respond(486)
    assert len(bench.until(31.9)) == 1
    assert len(bench.servers) == 1
    transaction.acknowledged()
    assert len(bench.servers) == 0


def test_invite_server_over_tcp_timer_h_ends_the_wait_for_an_ack() -> None:
    bench = Bench()
    bench.server(flow=TCP).respond(486)
    assert len(bench.until(31.99)) == 1
    assert len(bench.servers) == 1
    assert bench.until(32.01) == []
    assert len(bench.servers) == 0


def test_invite_server_2xx_absorbs_for_64_t1_timer_l() -> None:
    bench = Bench()
    transaction = bench.server()
    transaction.respond(180)
    transaction.respond(200)
    assert transaction.state is ServerState.ACCEPTED
    bench.sent()
    transaction.retransmitted()
    transaction.acknowledged()
    assert bench.until(31.9) == []
    assert len(bench.servers) == 1
    bench.until(32.1)
    assert len(bench.servers) == 0


def test_second_final_response_is_a_defect() -> None:
    transaction = Bench().server()
    transaction.respond(200)
    with pytest.raises(AssertionError):
        transaction.respond(486)


# ------------------------------------------------------------------ other servers


def test_other_server_over_udp_timer_j() -> None:
    bench = Bench()
    transaction = bench.server("INFO")
    transaction.retransmitted()
    assert bench.sent() == [], "nothing to repeat yet"
    transaction.respond(200)
    transaction.retransmitted()
    assert [status(data) for _, data in bench.sent()] == [200, 200]
    bench.until(31.9)
    assert len(bench.servers) == 1
    bench.until(32.1)
    assert len(bench.servers) == 0


def test_other_server_over_tcp_is_gone_at_once() -> None:
    bench = Bench()
    bench.server("INFO", TCP).respond(200)
    assert len(bench.servers) == 0
    assert bench.context.timers.next_deadline() is None


def test_server_table_is_bounded_and_prefers_the_unfinished() -> None:
    bench = Bench(max_transactions=3)

    def open_one(number: int) -> ServerTransaction | None:
        message = parse_datagram(request("INFO", 1, f"c{number}"), GATEWAY)
        assert isinstance(message, Request)
        return bench.servers.open(message.key(), message, "t")

    opened = [open_one(number) for number in range(3)]
    assert open_one(3) is None
    assert opened[1] is not None
    opened[1].respond(200)
    assert open_one(4) is not None
    assert opened[1].state is ServerState.TERMINATED
    assert len(bench.servers) == 3


# ------------------------------------------------------------------ INVITE client


def test_invite_client_timers_a_b() -> None:
    bench = Bench()
    transaction, owner = bench.client()
    assert [when for when, _ in bench.until(100)] == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert owner.failures == [EndedBy.TIMEOUT]
    assert transaction.state is ClientState.TERMINATED
    assert len(bench.clients) == 0


def test_invite_client_over_tcp_does_not_repeat() -> None:
    bench = Bench()
    _, owner = bench.client(flow=TCP)
    assert len(bench.until(31.9)) == 1
    bench.until(32.1)
    assert owner.failures == [EndedBy.TIMEOUT]


def test_invite_client_proceeding_waits_for_ever() -> None:
    bench = Bench()
    transaction, owner = bench.client()
    answer(transaction, transaction.data, 100)
    bench.sent()
    assert bench.until(1000) == []
    assert owner.failures == []
    answer(transaction, transaction.data, 180)
    assert owner.responses == [100, 180]
    transaction.transport_failed()
    assert owner.failures == [], "it was heard already"


def test_invite_client_non_2xx_acks_every_repeat_timer_d() -> None:
    bench = Bench()
    transaction, owner = bench.client()
    sent = transaction.data
    answer(transaction, sent, 180)
    bench.sent()
    answer(transaction, sent, 486)
    answer(transaction, sent, 486)
    answer(transaction, sent, 200)
    answer(transaction, sent, 180)
    acks = [data for _, data in bench.sent()]
    assert [start(data) for data in acks] == [start(sent).replace("INVITE", "ACK")] * 2
    assert header(acks[0], "CSeq") == "1 ACK"
    assert owner.responses == [180, 486]
    bench.until(31.9)
    assert len(bench.clients) == 1
    bench.until(32.1)
    assert len(bench.clients) == 0


def test_invite_client_hands_up_every_2xx_timer_m() -> None:
    bench = Bench()
    transaction, owner = bench.client()
    sent = transaction.data
    for code in (200, 200, 486, 180):
        answer(transaction, sent, code)
    assert owner.responses == [200, 200]
    bench.until(31.9)
    answer(transaction, sent, 200)
    assert owner.responses == [200, 200, 200]
    bench.until(32.1)
    assert len(bench.clients) == 0


# ------------------------------------------------------------------ other clients


def test_other_client_timers_e_f() -> None:
    bench = Bench()
    _, owner = bench.client("BYE")
    times = [when for when, _ in bench.until(100)]
    assert times == [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert owner.failures == [EndedBy.TIMEOUT]


def test_other_client_in_proceeding_repeats_every_t2() -> None:
    bench = Bench()
    transaction, _ = bench.client("BYE")
    answer(transaction, transaction.data, 100)
    times = [when for when, _ in bench.until(20)]
    assert times[:5] == [0.0, 0.5, 4.5, 8.5, 12.5]


def test_other_client_final_timer_k() -> None:
    bench = Bench()
    transaction, owner = bench.client("BYE")
    sent = transaction.data
    answer(transaction, sent, 200)
    answer(transaction, sent, 200)
    assert owner.responses == [200]
    bench.until(4.9)
    assert len(bench.clients) == 1
    bench.until(5.1)
    assert len(bench.clients) == 0


def test_other_client_over_tcp_is_gone_at_once() -> None:
    bench = Bench()
    transaction, _ = bench.client("BYE", TCP)
    answer(transaction, transaction.data, 200, TCP)
    assert len(bench.clients) == 0
    assert bench.context.timers.next_deadline() is None


def test_transport_failure_concerns_that_flow_only() -> None:
    bench = Bench()
    _, owner = bench.client()
    bench.clients.transport_failed(TCP)
    assert owner.failures == []
    bench.clients.transport_failed(Flow("udp", GATEWAY.local, GATEWAY.remote))
    assert owner.failures == [EndedBy.TRANSPORT]


def test_client_table_is_bounded() -> None:
    bench = Bench(max_transactions=2)
    for number in range(5):
        data = request("BYE", 1, f"c{number}")
        transaction = bench.clients.start(f"b{number}", "BYE", GATEWAY, data, None)
        answer(transaction, data, 200)
    assert len(bench.clients) == 2

"""What taps hear and what is sent with them, and that a leg without them has none in its way."""

from __future__ import annotations

from softswitch.media.worker.taps import Taps, around_receive, around_send


def test_none_is_no_wrapper() -> None:
    taps = Taps()

    def receive(buffer: bytearray) -> int:
        return 172

    def send(packet: bytearray | memoryview) -> int:
        return len(packet)

    assert around_receive(receive, taps.heard) is receive
    assert around_send(send, taps.sent) is send


def test_every_tap_hears_what_came() -> None:
    heard: list[tuple[str, bytes]] = []
    sizes = iter([172, -1, 0, 12, 20])

    def receive(buffer: bytearray) -> int:
        size = next(sizes)
        buffer[:4] = b"RTP!"
        return size

    buffer = bytearray(2048)
    one = around_receive(receive, (lambda packet, size: heard.append(("a", bytes(packet[:size]))),))
    assert one(buffer) == 172
    assert heard == [("a", bytes(buffer[:172]))]
    assert [one(buffer) for _ in range(3)] == [-1, 0, 12]
    assert len(heard) == 1  # a dropped or empty packet is not heard
    both = around_receive(
        receive,
        (lambda packet, size: heard.append(("a", b"")), lambda packet, size: heard.append(("b", b""))),
    )
    assert both(buffer) == 20
    assert heard[1:] == [("a", b""), ("b", b"")]


def test_taps_hear_what_is_sent_before_it_leaves() -> None:
    order: list[str] = []

    def send(packet: bytearray | memoryview) -> int:
        order.append("sent")
        return len(packet)

    tapped = around_send(send, (lambda packet, size: order.append(f"a{size}"), lambda packet, size: order.append("b")))
    assert tapped(bytearray(172)) == 172
    assert order == ["a172", "b", "sent"]

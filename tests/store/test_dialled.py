"""What was dialled before counts for the caps after a start: written as it happens, read once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from softswitch.call.records import DialPast, DialRecord
from softswitch.ids import LegId
from softswitch.store import Store

DAY = 1_800_000_000.0
NOW = DAY + 40_000
OpenStore = Callable[..., Awaitable[Store]]


def call(leg: int, account: str, began: float, answered: float | None = None, ended: float | None = None) -> DialRecord:
    return DialRecord(LegId(leg), account, 0.5, began, answered, ended)


async def test_what_counts_for_today(store: Store) -> None:
    """A call counts for the day in which it ends; what never was answered has used nothing, but it began."""
    for record in (
        call(1, "agent anna", DAY - 60, DAY - 40, DAY + 80),  # over midnight
        call(2, "agent anna", DAY + 100, DAY + 120, DAY + 180),
        call(3, "agent anna", NOW - 30, None, NOW - 20),
        call(4, "agent mart", DAY - 500, DAY - 400, DAY - 300),  # yesterday
        call(5, "agent mart", NOW - 10, NOW - 5),
        call(6, "call_backs", NOW - 4),
        call(7, "agent mart", DAY - 3 * 86400.0, DAY - 3 * 86400.0),  # of long ago, whatever became of it
    ):
        store.append(record)
    await store.flush()
    past = await store.load_dialled(DAY, NOW - 60, NOW)
    assert past == DialPast(
        (("agent anna", 180.0, 1.5),),
        (("agent anna", NOW - 30), ("agent mart", NOW - 10), ("call_backs", NOW - 4)),
        (call(5, "agent mart", NOW - 10, NOW - 5), call(6, "call_backs", NOW - 4)),
    )


async def test_what_no_cap_looks_at_any_more_goes(store: Store) -> None:
    """Also what has no end; a call that ends after its row is gone is one row again, until the next day."""
    old, open_one, new = call(1, "agent anna", DAY - 60, DAY - 40, DAY + 80), call(2, "agent mart", DAY - 1), NOW - 5
    for record in (old, open_one, call(3, "agent mart", DAY, DAY + 1, DAY + 2), call(4, "agent anna", new, new, NOW)):
        store.append(record)
    store.forget_dialled(DAY)
    await store.flush()
    past = await store.load_dialled(DAY, 0.0, NOW)
    assert past.starts == (("agent mart", DAY), ("agent anna", new))
    assert past.left_open == ()
    store.append(call(2, "agent mart", DAY - 1, DAY + 1, NOW))
    await store.flush()
    store.forget_dialled(NOW)
    await store.flush()
    assert await store.load_dialled(DAY, 0.0, NOW) == DialPast()


async def test_a_call_is_one_row_and_is_never_known_less_of(store: Store) -> None:
    placed, answered = call(1, "agent anna", NOW), call(1, "agent anna", NOW, NOW + 5)
    over = call(1, "agent anna", NOW, NOW + 5, NOW + 65)
    for record in (placed, answered, over, placed):
        store.append(record)
        await store.flush()
    assert await store.load_dialled(DAY, NOW, NOW + 100) == DialPast((("agent anna", 60.0, 0.5),))

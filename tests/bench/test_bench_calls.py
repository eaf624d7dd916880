"""The figures of a bench run are read from the driver's results as bench/README.md defines them."""

from __future__ import annotations

from typing import Any

from rich.console import Console

from bench_calls import from_maxcps, from_media, from_signalling, table


def signalling_run(did: str, cps: float, cpu: float, queue_ms: float) -> dict[str, Any]:
    spread = {"p50": queue_ms, "p99": 9.0}
    waits = {"invite_to_200": {"p50": 0.5}, "caller200_to_agent_invite": spread, "bye_to_agent_bye": {"p50": 0.7}}
    return {
        "did": did,
        "cpu_ms_per_call": cpu,
        "cpu_ms_per_call_net_of_idle": cpu - 0.1,
        "gen": {"actual_cps": cps, "ok": 10, "started": 10, "ms": waits},
    }


def test_the_quoted_signalling_point_is_the_one_at_its_rate() -> None:
    runs = [
        signalling_run("8000", 20.01, 4.0, 1001.0),
        signalling_run("8000", 49.7, 3.1, 1001.5),
        signalling_run("8001", 50.0, 2.9, 1.2),
    ]
    figures = from_signalling({"runs": runs}, 50)
    assert figures["cpu_ms_per_call"] == 3.1
    assert figures["cpu_ms_per_call_8001"] == 2.9
    assert figures["queue_to_agent_invite_p50_ms"] == 1.2
    assert len(figures["signalling"]) == 3


def step(cps: float, ok: int, started: int) -> dict[str, Any]:
    gen = {"actual_cps": cps, "ok": ok, "started": started, "reject_codes": {"503": started - ok}}
    return {"gen": gen, "server": {"cpu_pct_of_core": 50.0}}


def test_overload_is_what_succeeded_at_the_highest_rate_that_failed() -> None:
    runs = [step(200, 2000, 2000), step(300, 2700, 3000), step(250, 2499, 2500)]
    figures = from_maxcps({"runs": runs, "max_cps_under_1pct_failed": 250})
    assert (figures["max_cps"], figures["max_cps_none_failed"]) == (250, 200)
    assert (figures["overload_cps"], figures["overload_ok_pct"]) == (300, 90.0)


def media_run(calls: int, rss: int, packet: float) -> dict[str, Any]:
    rtp = {"loss_pct": 0.0, "latency_us": {"p50": 60, "p99": 200}, "crossed": 0}
    return {
        "gen": {"started": calls, "rtp": rtp},
        "bridged_at_measure": calls,
        "cpu_us_per_relayed_packet": packet,
        "server": {"cpu_pct_of_core": 20.0},
        "rss_idle_kb": 100_000 if calls == 100 else 110_000,
        "rss_loaded_kb": rss,
    }


def test_memory_per_call_counts_from_the_fresh_process() -> None:
    figures = from_media({"runs": [media_run(100, 112_000, 9.0), media_run(400, 140_000, 6.5)]})
    assert figures["rss_kb_per_call"] == 100.0
    assert (figures["us_per_packet"], figures["us_per_packet_100"]) == (6.5, 9.0)


def test_the_table_shows_ours_beside_the_peers() -> None:
    console = Console(width=160, record=True, file=None)
    with console.capture() as shown:
        console.print(table({"cpu_ms_per_call": 3.1, "overload_ok_pct": 90.0, "overload_cps": 300}))
    text = shown.get()
    assert "3.1" in text and "7.3" in text and "90 at 300 CPS" in text

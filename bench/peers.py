"""Table of the peers' figures under the standard workload, measured on 2026-11-21 on such a machine (2 cores, server
on core 0, generator on core 1, loop-back), with the sources of each in the driver's own folder."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: its key in our JSON line, what it means, our target, and what the peers had (None: not measured)."""

    key: str
    title: str
    target: str
    asterisk: str | None
    freeswitch: str | None
    other: str | None = None


ROWS = (
    Row("cpu_ms_per_call", "CPU per call, 8000 at 50 CPS, ms", "≤ 3.5", "7.3", "21.0"),
    Row("cpu_ms_per_call_8001", "CPU per call, 8001 at 50 CPS, ms", "", "6.0", "19.2"),
    Row("max_cps", "highest CPS with < 1 % failed", "≥ 250", "138", "50–60"),
    Row("max_cps_none_failed", "highest CPS without a failed call", "≥ 250", "138", None),
    Row("overload_ok_pct", "calls that succeed above it, %", "gently", "23 at 159 CPS", "32 at 90 CPS"),
    Row(
        "us_per_packet", "CPU per relayed packet, 400 calls, µs", "≤ 8", "20.5", "31.6 at 300, its end", "rtpengine 8.3"
    ),
    Row("floor_us_per_packet", "the same by the C floor, µs", "", None, None, "udprelay 4.9"),
    Row("us_per_packet_100", "CPU per relayed packet, 100 calls, µs", "", "23.5", "35.3", "rtpengine 16.6"),
    Row("latency_p99_us", "latency p99 at 400 calls, µs", "", "15 700", "≥ 1 000 000", "rtpengine 233"),
    Row("loss_pct", "loss at 400 calls, %", "0", "0.0", "12.7"),
    Row("rss_kb_per_call", "memory per call at 400 calls, kB", "", "465", "876"),
    Row("invite_to_200_p50_ms", "INVITE → 200 at 50 CPS p50, ms", "", "0.9", "51"),
    Row("queue_to_agent_invite_p50_ms", "queue entry → agent INVITE at 50 CPS p50, ms", "≤ 2", "1.3", "80.6"),
    Row("bye_to_agent_bye_p50_ms", "BYE → agent's BYE at 50 CPS p50, ms", "", "1.5", "28.8"),
)

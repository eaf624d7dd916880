"""Erlang's formulas for a line with N agents and an offered load of A = arrival rate * mean handle time.

    B(0) = 1,  B(k) = A * B(k-1) / (k + A * B(k-1))           blocking (Erlang B), by the stable recursion
    C    = B(N) / (1 - (A/N) * (1 - B(N)))                    probability of waiting (Erlang C)
    SL   = 1 - C * exp(-(N - A) * T / AHT)                    answered within T seconds
    ASA  = C * AHT / (N - A)                                  average speed of answer

Source: A. K. Erlang, "Solution of some Problems in the Theory of Probabilities of Significance in Automatic Telephone
Exchanges" (1917); the recursion as in ITU-D SG 2/16, Teletraffic Engineering Handbook, sections 7.3 and 12.2.
They hold for Poisson arrivals, exponential handle times, callers who never give up, and first come first served.
"""

from __future__ import annotations

from math import exp


def erlang_b(load: float, agents: int) -> float:
    """Share of calls that find all agents busy and are lost."""
    _check(load, agents)
    blocked = 1.0
    for k in range(1, agents + 1):
        blocked = load * blocked / (k + load * blocked)
    return blocked


def erlang_c(load: float, agents: int) -> float:
    """Share of callers who wait; 1 when the load is more than the agents can ever serve."""
    _check(load, agents)
    if load >= agents:
        return 1.0
    blocked = erlang_b(load, agents)
    return blocked / (1.0 - (load / agents) * (1.0 - blocked))


def service_level(load: float, agents: int, handle_seconds: float, threshold_seconds: float) -> float:
    """Share of callers answered within the threshold."""
    if load >= agents:
        return 0.0
    return 1.0 - erlang_c(load, agents) * exp(-(agents - load) * threshold_seconds / handle_seconds)


def average_speed_of_answer(load: float, agents: int, handle_seconds: float) -> float:
    """Mean wait of all callers, in seconds; infinite when the line never catches up."""
    if load >= agents:
        return float("inf")
    return erlang_c(load, agents) * handle_seconds / (agents - load)


def _check(load: float, agents: int) -> None:
    if load < 0 or agents < 0:
        raise ValueError(f"load {load} and agents {agents} must not be negative")

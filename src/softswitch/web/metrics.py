"""/metrics: every figure is read from the switch when Prometheus asks; the call path pays nothing for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from softswitch.acd.messages import AgentState
from softswitch.web.views import CountersView, HealthStatus, QueueView, SwitchView


class SwitchCollector(Collector):
    def __init__(self, view: SwitchView) -> None:
        self._view = view

    def describe(self) -> Iterable[Metric]:
        return []  # nothing is read at registration

    def collect(self) -> Iterable[Metric]:
        health = self._view.health()
        status = GaugeMetricFamily("softswitch_health", "1 for the present status, 0 for the others", labels=["status"])
        for one in HealthStatus:
            status.add_metric([one.value], float(one is health.status))
        yield status
        yield GaugeMetricFamily("softswitch_up_seconds", "Seconds since the switch started", value=health.up_seconds)
        yield from self._agents()
        for queue in _QUEUE_GAUGES + _QUEUE_COUNTERS:
            yield self._queue_family(*queue)
        yield from _totals(self._view.counters())

    def _agents(self) -> Iterable[Metric]:
        agents = self._view.agents()
        by_state = dict.fromkeys((state.value for state in AgentState), 0)
        for agent in agents:
            by_state[agent.state] = by_state.get(agent.state, 0) + 1
        yield _gauges("softswitch_agents", "Agents by state", "state", by_state)
        registered = sum(agent.registered for agent in agents)
        yield GaugeMetricFamily("softswitch_agents_registered", "Agents with a live registration", value=registered)
        contacts = len(self._view.registrations())
        yield GaugeMetricFamily("softswitch_registrations", "Live registered contacts", value=contacts)

    def _queue_family(self, kind: type[Metric], name: str, text: str, attribute: str) -> Metric:
        family = kind(name, text, labels=["queue"])  # type: ignore[call-arg]
        assert isinstance(family, GaugeMetricFamily | CounterMetricFamily)
        for queue in self._view.queues():
            value = getattr(queue, attribute)
            if value is not None:  # nothing to say yet
                family.add_metric([queue.queue], float(value))
        return family


_QUEUE_GAUGES: tuple[tuple[type[Metric], str, str, str], ...] = (
    (GaugeMetricFamily, "softswitch_queue_waiting", "Callers waiting", "waiting"),
    (GaugeMetricFamily, "softswitch_queue_longest_wait_seconds", "Longest present wait", "longest_wait_seconds"),
    (GaugeMetricFamily, "softswitch_queue_estimate_seconds", "Wait of a caller who comes now", "estimate_seconds"),
    (GaugeMetricFamily, "softswitch_queue_estimate_error_seconds", "Mean absolute error", "estimate_error_seconds"),
    (GaugeMetricFamily, "softswitch_queue_estimate_bias_seconds", "Waited longer than told", "estimate_bias_seconds"),
)
_QUEUE_COUNTERS: tuple[tuple[type[Metric], str, str, str], ...] = (
    (CounterMetricFamily, "softswitch_queue_offered", "Callers that entered the queue", "offered"),
    (CounterMetricFamily, "softswitch_queue_answered", "Callers answered by an agent", "answered"),
    (CounterMetricFamily, "softswitch_queue_answered_within", "Answered within the threshold", "answered_within"),
    (CounterMetricFamily, "softswitch_queue_abandoned", "Callers that hung up waiting", "abandoned"),
    (CounterMetricFamily, "softswitch_queue_abandoned_short", "Of these, within seconds", "abandoned_short"),
    (CounterMetricFamily, "softswitch_queue_overflowed", "Callers passed on by the queue", "overflowed"),
    (CounterMetricFamily, "softswitch_queue_called_back", "Call-backs kept", "called_back"),
    (CounterMetricFamily, "softswitch_queue_let_others_first", "Callers who let others go first", "let_others_first"),
    (CounterMetricFamily, "softswitch_queue_promises_escalated", "Call-backs not in time", "promises_escalated"),
    (CounterMetricFamily, "softswitch_queue_estimates_measured", "Told a wait, then answered", "estimates_measured"),
)
# The attributes above must exist.
assert all(hasattr(QueueView, attribute) for *_, attribute in _QUEUE_GAUGES + _QUEUE_COUNTERS)


def _totals(now: CountersView) -> Iterable[Metric]:
    yield GaugeMetricFamily("softswitch_calls_active", "Calls in the switch", value=now.calls_active)
    yield GaugeMetricFamily("softswitch_legs_active", "SIP call legs in the switch", value=now.legs_active)
    yield CounterMetricFamily("softswitch_calls", "Calls taken or made", value=now.calls_total)
    refused = {str(status): number for status, number in now.calls_refused.items()}
    yield _counters("softswitch_calls_refused", "Calls we refused, by SIP status", "status", refused)
    yield _counters("softswitch_interactions", "Interactions ended, by outcome", "outcome", now.outcomes)
    yield _counters("softswitch_ring_attempts", "Ring attempts ended, by result", "result", now.rings)
    yield _counters("softswitch_promises", "Promises, by what became of them", "state", now.promises)
    yield _counters("softswitch_transfers", "Transfers by phone, by result", "result", now.transfers)
    watching = "Phones that watch somebody (lamps)"
    yield GaugeMetricFamily("softswitch_subscriptions", watching, value=now.subscriptions)
    yield _counters("softswitch_security_events", "Security events, by kind", "kind", now.security)
    yield _counters("softswitch_caller_identities", "Callers whose number was checked", "result", now.identities)
    yield _counters("softswitch_leg_audio", "Call legs, by how well they were heard", "quality", now.audio)
    silent = "Call legs that should have been heard and were not, by trunk or agent"
    yield _counters("softswitch_legs_silent", silent, "party", now.silences)
    yield _counters("softswitch_speech", "Texts spoken during calls: known, made, late", "result", now.speech)
    messages = CounterMetricFamily("softswitch_sip_messages", "SIP messages", labels=["direction"])
    messages.add_metric(["received"], now.sip_received)
    messages.add_metric(["sent"], now.sip_sent)
    yield messages
    yield GaugeMetricFamily("softswitch_sip_transactions", "Live SIP transactions", value=now.sip_transactions)
    carried = GaugeMetricFamily("softswitch_media_legs", "Call legs, by media process", labels=["process"])
    for number, count in enumerate(now.media_legs, 1):
        carried.add_metric([str(number)], count)
    yield carried
    restarts = "Media processes that died or hung and were started again"
    yield CounterMetricFamily("softswitch_media_restarts", restarts, value=now.media_restarts)
    ports = GaugeMetricFamily("softswitch_media_ports", "Media ports of the pool", labels=["state"])
    ports.add_metric(["used"], now.media_ports_used)
    ports.add_metric(["free"], now.media_ports_total - now.media_ports_used)
    yield ports
    yield GaugeMetricFamily("softswitch_store_depth", "Records waiting for the database", value=now.store_depth)
    yield CounterMetricFamily("softswitch_store_committed", "Records written", value=now.store_committed)
    yield CounterMetricFamily("softswitch_store_dropped", "Records lost while it was away", value=now.store_dropped)
    yield CounterMetricFamily("softswitch_store_refused", "Records the database refused", value=now.store_refused)


def _gauges(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, number in values.items():
        family.add_metric([key], number)
    return family


def _counters(name: str, text: str, label: str, values: Mapping[str, int]) -> Metric:
    family = CounterMetricFamily(name, text, labels=[label])
    for key, number in values.items():
        family.add_metric([key], number)
    return family


def registry(view: SwitchView) -> CollectorRegistry:
    """A registry of its own: nothing of the Python process leaks in, two switches in one test do not collide."""
    own = CollectorRegistry(auto_describe=False)
    own.register(SwitchCollector(view))
    return own

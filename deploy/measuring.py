"""Writes what worker and collector measure of themselves to ClickHouse, where Grafana reads it.

Nothing waits for it, and nothing fails with it: what cannot be written now is in the next row, or gone.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry

from deploy.parts import background
from producers.spotify.health import ListenerHealth
from sinks.clickhouse import ClickHouse
from sinks.measurements import Measurement, Part, write_measurements
from sinks.times import now_ms
from streams.contracts.errors import SpotifireError
from streams.contracts.ids import from_hex

if TYPE_CHECKING:
    from producers.spotify.collector import Collector  # a worker does without Spotify's client

EVERY = 10.0  # seconds
LISTENERS = 12  # at most, those first who were not heard of for longest: three rows each

COUNTERS: Mapping[str, str] = {
    "spotifire_records_read_total": "read",
    "spotifire_sightings_stored_total": "stored",
    "spotifire_sightings_known_total": "known",
    "spotifire_records_refused_total": "refused",
    "spotifire_plays_written_total": "plays",
    "spotifire_plays_enriched_total": "enriched",
    "spotifire_slice_retries_total": "retries",
}
QUERYABLE = "spotifire_publish_to_queryable_seconds_bucket"
LAG = "kafka_consumergroup_lag"

Key = tuple[str, str]  # measure, label
Round = tuple[list[Measurement], dict[Key, float]]  # figures of this moment; counters since the start

log = structlog.get_logger(__name__)


def of_worker(registry: CollectorRegistry) -> Round:
    """A worker's figures, from its own Prometheus registry (streams/metrics.py)."""
    counters: dict[Key, float] = {}
    lags: dict[str, float] = {}
    below: list[tuple[str, float]] = []
    for sample in (sample for family in registry.collect() for sample in family.samples):
        if sample.name in COUNTERS:
            counters[COUNTERS[sample.name], sample.labels.get("topic", "")] = sample.value
        elif sample.name == QUERYABLE:
            below.append((sample.labels["le"], sample.value))
        elif sample.name == LAG:
            where = f"{sample.labels['consumergroup']}/{sample.labels['topic']}"
            lags[where] = lags.get(where, 0.0) + sample.value
    over, before = "0", 0.0
    for bound, upto in below:  # Prometheus counts up to each bound, ascending
        counters["queryable", f"{over} {bound}"] = upto - before
        over, before = bound, upto
    return [Measurement("lag", records, where) for where, records in lags.items()], counters


def of_collector(health: Iterable[ListenerHealth], told: Mapping[str, int], since: int, now: int) -> Round:
    """The collector's figures. `since`: when it started; `told`: answers by which Spotify asked for a pause."""
    everyone = sorted(health, key=lambda one: one.last_good_at or since)
    waits = [one.blocked_until - now for one in everyone if one.blocked_until is not None]
    now_figures = [Measurement("blocked", max([0, *waits]) / 1000)]
    now_figures += [figure for one in everyone[:LISTENERS] for figure in _of_listener(one, since, now)]
    counters: dict[Key, float] = {("polls", ""): sum(one.calls for one in everyone)}
    return now_figures, counters | {("told_to_wait", kind): float(count) for kind, count in told.items()}


def _of_listener(one: ListenerHealth, since: int, now: int) -> Iterator[Measurement]:
    listener = from_hex(one.listener)
    yield Measurement("connection", 1.0, one.state, listener)
    if one.state != "reconnect":  # else nobody polls for them
        yield Measurement("poll_age", max(0, now - (one.last_good_at or since)) / 1000, "", listener)
    if one.token_expires_at is not None and one.state != "reconnect":
        yield Measurement("token_left", (one.token_expires_at - now) / 1000, "", listener)


class Measuring:
    """One part of this process. `figures` is asked every round."""

    def __init__(self, ch: ClickHouse, part: Part, figures: Callable[[], Round]) -> None:
        self._ch, self._part, self._figures = ch, part, figures
        self._process = secrets.token_hex(4)
        self._written: dict[Key, float] = {}

    def write(self, now: int) -> None:
        """One round, as of `now` (Unix ms UTC). Blocks; raises StoreUnavailable, and the next round has it all."""
        figures, counters = self._figures()
        came = [
            Measurement(measure, max(0.0, value - self._written.get((measure, label), 0.0)), label)
            for (measure, label), value in counters.items()
        ]
        # of the buckets of a histogram those that hold something; a counter's zero says that nothing came
        figures = [*figures, *(one for one in came if one.value or one.measure != "queryable")]
        write_measurements(self._ch, self._part, self._process, now, figures)
        self._written = counters

    async def run(self) -> None:
        """A round every ten seconds, until cancelled."""
        while True:
            await asyncio.sleep(EVERY)
            try:
                await asyncio.to_thread(self.write, now_ms())
            except SpotifireError as error:
                log.warning("measurements are not stored", part=self._part, error=error.one_line())
            except Exception:  # a fault of ours here must not stop the plays
                log.exception("measurements failed", part=self._part)


def measure_worker(opened: AsyncExitStack, ch: ClickHouse, registry: CollectorRegistry) -> None:
    """Tell of this process's worker until the stack closes."""
    background(opened, "measure worker", Measuring(ch, "worker", lambda: of_worker(registry)).run())


def measure_collector(opened: AsyncExitStack, ch: ClickHouse, collector: Collector) -> None:
    """Tell of this process's collector until the stack closes."""
    since = now_ms()

    def figures() -> Round:
        return of_collector(collector.health(), collector.told_to_wait(), since, now_ms())

    background(opened, "measure collector", Measuring(ch, "collector", figures).run())

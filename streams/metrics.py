"""What the worker did, for Prometheus and for the live line of the terminal.

A registry of its own, so that several workers in one process (tests) do not meet. Names follow
Prometheus: base units, `_total` for counters. `kafka_consumergroup_lag` has the name and labels
of the common Kafka exporters, and is end minus *committed*: end minus read hides a stuck sink.
"""

from __future__ import annotations

import threading
import time
from collections import Counter as Tally
from collections.abc import Mapping, Sequence
from operator import attrgetter

import numpy as np
from msgspec import Struct
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from streams.columns import Int64s
from streams.contracts.record import Taken
from streams.contracts.topics import PLAY_RECORDED
from streams.latency import ArrayHistogram, RecentLatency

_SLICE_SIZES = (1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
BACKLOG = 1_000  # records in one slice: it lingers 100 ms at most, so they came faster than 10,000 a second
_timestamp = attrgetter("timestamp")


def published_ms(records: Sequence[Taken]) -> Int64s:
    """When each record was published, Unix milliseconds UTC."""
    return np.fromiter(map(_timestamp, records), np.int64, len(records))


class Snapshot(Struct, frozen=True, kw_only=True):
    """The figures of the live line. Counts since the start; lag in records; latency in seconds."""

    plays_in: int  # records read from PLAY_RECORDED
    enriched: int  # plays published to PLAY_ENRICHED
    stored: int  # sightings that were new
    known: int  # sightings that were there before
    refused: int  # records that went to the dead letters
    plays: int  # rows of plays written, removals left out
    lag: int | None  # records published and not committed; None until it was first asked
    p50: float | None  # seconds from published to queryable, last minute without backlogs; None when nothing came
    p99: float | None


class Metrics:
    """Counters, histograms and gauges of one worker. Methods may be called from any thread."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._read = Counter(
            "spotifire_records_read", "Records that agents took up, by topic.", ["topic"], registry=self.registry
        )
        self._stored = Counter("spotifire_sightings_stored", "Sightings stored that were new.", registry=self.registry)
        self._known = Counter("spotifire_sightings_known", "Sightings that were stored before.", registry=self.registry)
        self._refused = Counter(
            "spotifire_records_refused", "Records that went to the dead letters.", registry=self.registry
        )
        self._plays = Counter(
            "spotifire_plays_written", "Rows of plays written, removals left out.", registry=self.registry
        )
        self._enriched = Counter(
            "spotifire_plays_enriched", "Plays published with local time and genre.", registry=self.registry
        )
        self._slices = Histogram(
            "spotifire_slice_records",
            "Records in a slice, by topic.",
            ["topic"],
            buckets=_SLICE_SIZES,
            registry=self.registry,
        )
        self._work = Histogram(
            "spotifire_slice_seconds",
            "From the moment a slice is taken until it and all before it are durable and told, by topic.",
            ["topic"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._inserts = Histogram(
            "spotifire_insert_seconds",
            "What ClickHouse took for a slice of plays: all its inserts, with retries.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._queryable = ArrayHistogram(
            "spotifire_publish_to_queryable_seconds",
            "From a play's record on Kafka to its rows in ClickHouse.",
            _SECONDS,
            self.registry,
        )
        self._retries = Counter(
            "spotifire_slice_retries", "Slices published again because the broker was down.", registry=self.registry
        )
        self._lag = Gauge(
            "kafka_consumergroup_lag",
            "End of the partition minus what the group committed.",
            ["consumergroup", "topic", "partition"],
            registry=self.registry,
        )
        self._lock = threading.Lock()
        self._recent = RecentLatency()
        self._caught_up = 0  # when the last backlog was worked off, Unix milliseconds UTC
        self._counts: Tally[str] = Tally()
        self._last_lag: int | None = None

    def worked(
        self,
        topic: str,
        records: int,
        seconds: float,
        *,
        stored: int = 0,
        known: int = 0,
        refused: int = 0,
        plays: int = 0,
    ) -> None:
        """A slice of `topic` is durable, `seconds` after it was taken up."""
        self._read.labels(topic).inc(records)
        self._slices.labels(topic).observe(records)
        self._work.labels(topic).observe(seconds)
        self._refused.inc(refused)
        self._plays.inc(plays)
        counts = {topic: records, " refused": refused, " plays": plays}
        if topic == PLAY_RECORDED.name:  # the others hold no sightings
            self._stored.inc(stored)
            self._known.inc(known)
            counts |= {" stored": stored, " known": known}
        with self._lock:
            self._counts.update(counts)

    def inserted(self, seconds: float) -> None:
        """A slice of plays is in ClickHouse, which took that long."""
        self._inserts.observe(seconds)

    def queryable(self, published: Int64s, now_ms: int | None = None) -> None:
        """Plays that can be queried as of now, by their records' timestamps (`published_ms`).

        The snapshot's figure is what a play that is played now waits: a backlog (an import, the demo's
        history) empties it, and what was published before that was worked off waited for it.
        """
        if not len(published):
            return
        now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        seconds = np.maximum(now - published, 0) / 1000
        self._queryable.observe(seconds)
        with self._lock:
            if len(published) >= BACKLOG:
                self._caught_up = max(self._caught_up, now)
                self._recent = RecentLatency()
            elif len(live := seconds[published > self._caught_up]):
                self._recent.add(time.monotonic(), live)

    def published(self, enriched: int) -> None:
        """Enriched plays are on their topic."""
        self._enriched.inc(enriched)
        with self._lock:
            self._counts[" enriched"] += enriched

    def retried(self) -> None:
        """A slice is published again."""
        self._retries.inc()

    def lag(self, group: str, lags: Mapping[tuple[str, int], int]) -> None:
        """Lag by (topic, partition), in records."""
        for (topic, partition), records in lags.items():
            self._lag.labels(group, topic, str(partition)).set(records)
        self._last_lag = sum(lags.values())

    def snapshot(self) -> Snapshot:
        """The figures of this moment."""
        with self._lock:
            p50, p99 = self._recent.quantile(time.monotonic(), 0.5, 0.99)
            counts = dict(self._counts)
        return Snapshot(
            plays_in=counts.get(PLAY_RECORDED.name, 0),
            enriched=counts.get(" enriched", 0),
            stored=counts.get(" stored", 0),
            known=counts.get(" known", 0),
            refused=counts.get(" refused", 0),
            plays=counts.get(" plays", 0),
            lag=self._last_lag,
            p50=p50,
            p99=p99,
        )

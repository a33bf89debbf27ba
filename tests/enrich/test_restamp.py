"""A re-stamp sees what was changed just before it, though the worker's memory may be a second old."""

from __future__ import annotations

import threading

from sinks.catalog import ClickHouseCatalog
from sinks.clickhouse import ClickHouse
from sinks.listeners import Listeners
from sinks.reference import ClickHouseReference
from sinks.writer import Writer
from streams.contracts.events import ArtistDescribed
from streams.contracts.tables import IMPORT_ROWS
from streams.pipeline import Pipeline
from tests.support.rows import sighting, sightings_table

STAMPED = "SELECT artist_id, genre, time_zone FROM plays FINAL ORDER BY listener"


def test_a_restamp_sees_the_catalogue_and_the_settings_of_that_moment(
    clickhouse: ClickHouse, store: Writer, stopping: threading.Event
) -> None:
    people = Listeners(clickhouse)
    listener = people.add("Ada", "Europe/Berlin").id
    reference = ClickHouseReference(clickhouse, stopping, fresh_s=3600)
    store.write_sightings(
        sightings_table(sighting(listener, artist_names=["Björk"], artist_ids=[""])), IMPORT_ROWS.empty_table()
    )
    pipeline = Pipeline(store, reference)
    list(pipeline.derive_again(listener))
    assert clickhouse.query(STAMPED) == [("", "unknown", "Europe/Berlin")]

    people.set_zone("Ada", "Asia/Tokyo")
    bjork = ArtistDescribed(source="spotify", id="b", name="björk", described_at=1_750_000_000_000)
    ClickHouseCatalog(clickhouse).put_artists([bjork], [("electronic", "trip hop")])
    list(pipeline.derive_again(listener))
    assert clickhouse.query(STAMPED) == [("b", "electronic", "Asia/Tokyo")]

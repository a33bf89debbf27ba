"""Trains the personas that are shipped, on simulated listeners: their plays are made and enriched as
real ones are, in memory. `python -m deploy.training` writes ml/trained.json anew."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from ml.model import Model, to_json
from ml.store import SHIPPED
from ml.train import train_from_plays
from producers.simulator.listeners import SimulatedListener, population
from producers.simulator.simulator import Simulator
from sinks.clickhouse import ClickHouse, ClickHouseSettings
from sinks.migrate import migrate
from streams.columns import sighting_table
from streams.contracts.ids import fold
from streams.contracts.ports import CatalogArtist, ListenerSettings
from streams.enrich.genre import decide
from streams.enrichment import enriched
from streams.identity import components, keys_of, plays_of
from streams.neighbours import tracks_of
from streams.plays import merged

SEED = 5
LISTENERS = 100  # twenty of each archetype
DAYS = 42
UNTIL = 1_793_491_200_000  # 2026-11-01: the model says the same whenever it is made again


class SimulatedReference:
    """streams.contracts.ports.Reference of a simulation: its listeners and its catalogue."""

    def __init__(self, listeners: Sequence[SimulatedListener], artists: Sequence[CatalogArtist]) -> None:
        self._listeners = {one.listener: one.settings for one in listeners}
        self._by_id = {artist.artist_id: artist for artist in artists}
        self._by_name: dict[str, list[CatalogArtist]] = {}
        for artist in sorted(artists, key=lambda one: -(one.popularity or 0)):
            self._by_name.setdefault(fold(artist.name), []).append(artist)

    def listeners(self, ids: Collection[int]) -> Mapping[int, ListenerSettings]:
        """Those of the simulation."""
        return {one: self._listeners[one] for one in ids if one in self._listeners}

    def artists_by_id(self, ids: Collection[str]) -> Mapping[str, CatalogArtist]:
        """Those of the simulation."""
        return {one: self._by_id[one] for one in ids if one in self._by_id}

    def artists_by_name(self, folded: Collection[str]) -> Mapping[str, Sequence[CatalogArtist]]:
        """Those of the simulation, namesakes by popularity."""
        return {one: self._by_name[one] for one in folded if one in self._by_name}

    def artists_of_tracks(self, uris: Collection[str]) -> Mapping[str, Sequence[str]]:
        """None: the simulation's plays carry ids."""
        return {}

    def forget(self, listener: int) -> None:
        """Nothing changes here."""


def catalogue(simulator: Simulator) -> list[CatalogArtist]:
    """The simulator's artists with their genre decided."""
    made = []
    for artist in simulator.artists():
        genre, subgenre = decide(artist.genres)
        made.append(
            CatalogArtist(
                artist_id=artist.id, name=artist.name, genre=genre, subgenre=subgenre, popularity=artist.popularity
            )
        )
    return made


def simulated_plays(
    simulator: Simulator, listeners: Sequence[SimulatedListener], days: int, until_ms: int
) -> tuple[pa.Table, dict[int, str], list[CatalogArtist]]:
    """Plays (schema PLAYS) of the `days` before `until_ms`, whose archetype is whose, the catalogue."""
    artists = catalogue(simulator)
    reference = SimulatedReference(listeners, artists)
    tables = []
    for listener in listeners:
        sightings = tracks_of(sighting_table(simulator.history(listener, days, until_ms), 1))
        keys = keys_of(sightings)
        plays = merged(sightings, keys, plays_of(keys, components(keys)))
        tables.append(enriched(plays, {listener.listener: listener.settings}, reference, 1))
    return pa.concat_tables(tables), {one.listener: one.archetype for one in listeners}, artists


def train_on_simulated(ch: ClickHouse) -> Model:
    """Train on a population that is the same on every machine. Takes some ten seconds."""
    plays, labels, artists = simulated_plays(Simulator(SEED), population(LISTENERS, SEED), DAYS, UNTIL)
    return train_from_plays(ch, plays, labels, artists, trained_at=UNTIL)


def main() -> None:
    """Write the model that is shipped. `make generated` runs it in a throw-away database."""
    with tempfile.TemporaryDirectory() as folder:
        ch = ClickHouse(ClickHouseSettings(path=Path(folder)))
        migrate(ch)
        SHIPPED.write_text(to_json(train_on_simulated(ch)) + "\n", "utf-8")
        ch.close()


if __name__ == "__main__":
    main()

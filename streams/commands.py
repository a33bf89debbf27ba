"""The commands to the one writer of a listener: what each does, piece by piece.

    restamp      all plays anew, as zones, catalogue and corrections now say
    undo-import  {"import"}: as if it had never been run; what something else brought too stays
    hide         {"play"} or {"artist"} or {"track"}: counts nowhere; unhide takes it back
    merge        {"track", "into"}: one URI counts as another; unmerge {"track"} takes it back
    drop-countries  no sighting and play has the country any more, nor will later ones; keep-countries ends that
    erase        everything of the listener, gone, and tombstones on the topics that forget nothing

A command is a row first (CommandLog); the record on Kafka only wakes the worker. `command` does the
next piece and returns what is to be published, `conclude` notes it afterwards; call both in turn until
`command` returns no commands. A crash between any two writes leaves the command open, and it is begun
again: every piece gives the same when it is repeated, and what was finished stays finished.

Plays may be taken between two pieces, and none may be in flight during one (prepared and not yet
stored): a piece reads the listener's sightings and changes them.

Why undoing is right. Records of the import that come later (a replay of Kafka's) are refused, which is
noted first. Then, some rows at a time: the plays around the sightings that go are derived as if those
were gone, their other ids removed; then the sightings are removed, or handed to what else brought
them; and when that is published, the import's hold on them ends. The holds are what is left to do, so a
repeat does the rest.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from typing import TypeAlias, get_args

import numpy as np
import pyarrow as pa
import structlog
from msgspec.structs import replace

from streams.columns import Int64s, conform, unsigned
from streams.contracts.ids import fold, from_hex, name_key, to_hex
from streams.contracts.ports import (
    Command,
    CommandKind,
    CommandLog,
    Correction,
    CorrectionStore,
    HeldImports,
    PlayStore,
    Reference,
    Span,
)
from streams.contracts.tables import IMPORT_ROWS, SIGHTINGS
from streams.contracts.topics import LASTING
from streams.identity import Keys, components, keys_of, plays_of
from streams.matching import WINDOW
from streams.neighbours import tracks_of
from streams.outcome import Outcome
from streams.pipeline import Pipeline
from streams.telling import removed

REACH = 3_600  # seconds looked at, at first, to both sides of a play
KINDS = get_args(CommandKind)
ROWS = 10_000  # rows of an import, or plays or keys of an erased listener, in one piece

Steps: TypeAlias = Generator[tuple[Outcome, str], None, str]
"""Pieces: what to publish, and how far the command is; at the end what came of it."""

log = structlog.get_logger(__name__)


class Commands:
    """Carries commands out. One for a pipeline, and in the same hands: nothing else runs meanwhile."""

    def __init__(
        self,
        pipeline: Pipeline,
        store: PlayStore,
        reference: Reference,
        corrections: CorrectionStore,
        imports: HeldImports,
        commands: CommandLog,
    ) -> None:
        self._pipeline = pipeline
        self._store = store
        self._reference = reference
        self._corrections = corrections
        self._imports = imports
        self._log = commands
        self._begun: dict[int, Steps] = {}

    def command(self, listener: int) -> Outcome:
        """The next piece of the oldest open command; without `commands` when there is none, or it is not known here.

        Publish it, then hand it to `conclude`. Raises what the store raises; then call it again.
        """
        opened = self._log.open_commands(listener)
        if not opened:
            return Outcome()
        command = opened[0]
        if command.kind not in KINDS:  # of a newer version, while workers are replaced one by one
            log.error("command left for a newer Spotifire: update this one", kind=command.kind)
            return Outcome()
        self._reference.forget(listener)  # zones, catalogue and settings as they are now; an erased one is refused
        steps = self._begun.pop(command.command_id, None) or self._steps(command)
        try:
            outcome, detail = next(steps)
        except StopIteration as ended:
            return Outcome(commands=[(replace(command, state="done"), ended.value)])
        self._begun[command.command_id] = steps
        outcome.commands = [(replace(command, state="working"), detail)]
        return outcome

    def conclude(self, outcome: Outcome) -> Outcome:
        """Note how far the commands of an outcome are. It was published."""
        for command, detail in outcome.commands:
            if command.state == "done":
                self._log.done(command, detail or "")
                log.info("command done", command=to_hex(command.command_id), kind=command.kind, detail=detail)
            else:
                self._log.working(command, detail or "")
        return outcome

    def _steps(self, command: Command) -> Steps:
        log.info("command begins", command=to_hex(command.command_id), kind=command.kind)
        match command.kind:
            case "restamp":
                return self._restamp(command)
            case "undo-import":
                return self._undo(command)
            case "hide" | "unhide":
                play = command.arguments.get("play")
                return self._play(command, from_hex(play)) if play else self._group(command)
            case "merge" | "unmerge":
                return self._merge(command)
            case "drop-countries" | "keep-countries":
                return self._countries(command)
            case "erase":
                return self._erase(command)

    def _restamp(self, command: Command) -> Steps:
        plays, sightings = yield from self._all_again(command.listener)
        return f"{plays} plays from {sightings} sightings"

    def _all_again(self, listener: int) -> Generator[tuple[Outcome, str], None, tuple[int, int]]:
        plays = sightings = 0
        for outcome in self._pipeline.derive_again(listener):
            plays, sightings = plays + outcome.plays, sightings + outcome.known
            yield outcome, f"{plays} plays so far"
        return plays, sightings

    def _undo(self, command: Command) -> Steps:
        listener, text = command.listener, command.arguments["import"]
        number = from_hex(text)
        self._put([Correction(listener=listener, kind="undo", subject=text)])
        seen = gone = handed = 0
        while True:
            held = self._imports.held(listener, number, ROWS)
            if not held.rows.num_rows:
                break
            sightings = conform(held.sightings, SIGHTINGS)
            brought = np.isin(unsigned(sightings["import_id"]), [np.uint64(number)])
            elsewhere = np.isin(unsigned(sightings["sighting_id"]), np.fromiter(held.others, np.uint64))
            goes = sightings.filter(pa.array(brought & ~elsewhere))
            outcome = self._pipeline.derive_around(goes, gone=True)
            version = self._pipeline.next_version()
            stays = sightings.filter(pa.array(brought & elsewhere))
            others = pa.array([held.others[one] for one in stays["sighting_id"].to_pylist()], pa.uint64())
            changed = pa.concat_tables(
                [
                    _with(goes, version=version, is_deleted=1),
                    _with(
                        stays.set_column(SIGHTINGS.get_field_index("import_id"), "import_id", others), version=version
                    ),
                ]
            )
            self._store.write_sightings(changed, IMPORT_ROWS.empty_table())
            self._pipeline.forget_listener(listener)
            gone, handed, seen = gone + goes.num_rows, handed + stays.num_rows, seen + held.rows.num_rows
            yield outcome, f"{seen} rows so far"
            # only now: a crash before that was published must tell it again
            done = _with(conform(held.rows, IMPORT_ROWS), version=self._pipeline.next_version(), is_deleted=1)
            self._store.write_sightings(SIGHTINGS.empty_table(), done)
        self._imports.close(listener, number)
        return f"{gone} sightings removed, {handed} kept that something else brought too"

    def _play(self, command: Command, play_id: int) -> Steps:
        """Hide one play, or show it again: known by every id that its sightings give it."""
        tracks, ids = self._play_around(command.listener, play_id)
        if command.kind == "hide":
            if not ids:
                return "there is no such play"
            correction = Correction(
                listener=command.listener, kind="play", subject=to_hex(play_id), ids=ids, label=_label(tracks, play_id)
            )
            self._put([correction])
        else:
            known = {*ids, play_id}
            self._remove([c for c in self._corrections.of(command.listener) if c.kind == "play" and known & set(c.ids)])
        outcome = self._pipeline.derive_around(tracks)
        yield outcome, f"{outcome.plays} plays stamped"
        return f"{outcome.plays} plays stamped"

    def _play_around(self, listener: int, play_id: int) -> tuple[pa.Table, tuple[int, ...]]:
        """The sightings of a play's component, and every id that those of the play itself give it."""
        second, reach = play_id >> 32, REACH
        while True:
            span = Span(listener, max(0, second - reach) * 1000, (second + reach) * 1000 + 999)
            tracks = tracks_of(conform(self._store.sightings_within([span]), SIGHTINGS))
            keys = keys_of(tracks)
            labels = components(keys)
            inside = np.isin(labels, labels[keys.candidate == np.uint64(play_id)])
            ends = keys.second[inside]
            if not len(ends) or (second - reach + WINDOW < ends.min() and ends.max() < second + reach - WINDOW):
                return tracks.filter(pa.array(inside)), _ids_of(keys, plays_of(keys, labels), play_id)
            reach *= 4

    def _group(self, command: Command) -> Steps:
        """Hide an artist or a track, or show it again."""
        listener = command.listener
        artist, track = command.arguments.get("artist", ""), command.arguments.get("track", "")
        kind, subject = ("artist", artist) if artist else ("track", track)
        keys = {artist, fold(artist)} if artist else self._keys(listener, track)
        if command.kind == "hide":
            self._put(
                [
                    Correction(
                        listener=listener,
                        kind="artist" if artist else "track",
                        subject=fold(subject) if artist else subject,
                        keys=tuple(sorted(keys)),
                        label=subject,
                    )
                ]
            )
        else:
            self._take_back(listener, kind, keys)
        plays, _ = yield from self._all_again(listener)
        return f"{plays} plays stamped"

    def _merge(self, command: Command) -> Steps:
        listener, track = command.listener, command.arguments["track"]
        if command.kind == "unmerge":
            self._remove([c for c in self._corrections.of(listener) if c.kind == "merge" and c.subject == track])
        else:
            into = command.arguments["into"]
            keys = self._keys(listener, track) | self._keys(listener, into)
            self._put(
                [
                    Correction(
                        listener=listener,
                        kind="merge",
                        subject=track,
                        target=into,
                        keys=tuple(sorted(keys)),
                        label=track,
                    )
                ]
            )
        plays, _ = yield from self._all_again(listener)
        return f"{plays} plays stamped"

    def _countries(self, command: Command) -> Steps:
        """Nobody is told: no event of a play has a country. That none are kept is noted first."""
        listener = command.listener
        note = [Correction(listener=listener, kind="country", subject="")]
        if command.kind == "keep-countries":
            self._remove(note)
            return "countries are kept from now on"
        self._put(note)
        yield Outcome(), "no more countries are kept"
        dropped = self._corrections.drop_countries(listener)
        self._pipeline.forget_listener(listener)
        return f"the countries of {dropped} sightings are gone"

    def _put(self, corrections: Sequence[Correction]) -> None:
        self._corrections.put(corrections)
        for one in corrections:
            self._reference.forget(one.listener)

    def _remove(self, corrections: Sequence[Correction]) -> None:
        self._corrections.remove(corrections)
        for one in corrections:
            self._reference.forget(one.listener)

    def _take_back(self, listener: int, kind: str, keys: Iterable[str]) -> None:
        known = set(keys)
        self._remove([c for c in self._corrections.of(listener) if c.kind == kind and known & {*c.keys, c.subject}])

    def _keys(self, listener: int, uri: str) -> set[str]:
        """A track's URI, and what its sightings call it."""
        names = (name_key(artist, title) for artist, title in self._corrections.names_of(listener, uri))
        return {uri, *(name for name in names if name)}

    def _erase(self, command: Command) -> Steps:
        """Readers are told first: once the rows are gone, nothing says what to tell.

        The cut-off was set before. Whoever publishes on a topic of LASTING writes a row first and looks at the
        cut-off last, after the broker has the record. So either its row is among those read here and its record
        lies before our tombstone, or it sees the cut-off and takes back itself what it published.
        """
        listener, last, told = command.listener, 0, 0
        self._pipeline.forget_listener(listener)  # what still comes is refused from here on
        while ids := self._corrections.play_ids(listener, last, ROWS):
            last, told = ids[-1], told + len(ids)
            gone = removed([listener] * len(ids), ids, self._pipeline.next_version())
            yield Outcome(enriched=gone), f"{told} plays told to be gone"
        for topic in LASTING:
            start = 0
            while keys := self._store.keys_of(listener, topic, start, ROWS):
                start += len(keys)
                tombstones = [(topic, [key.encode() for key in keys])]
                yield Outcome(tombstones=tombstones), f"{start} records of {topic.name} taken back"
        deleted = self._store.erase(listener)
        self._pipeline.forget_listener(listener)
        return ", ".join(f"{table} {rows}" for table, rows in deleted.items()) or "nothing was stored"


def _with(table: pa.Table, **values: int) -> pa.Table:
    """The same rows with other values in some columns."""
    for name, value in values.items():
        at = table.schema.get_field_index(name)
        kind = table.schema.field(at).type
        table = table.set_column(at, table.schema.field(at), pa.array(np.full(table.num_rows, value)).cast(kind))
    return table


def _ids_of(keys: Keys, play: Int64s, play_id: int) -> tuple[int, ...]:
    """The candidates of every sighting of the plays that have a sighting with that one."""
    members = np.isin(play, play[keys.candidate == np.uint64(play_id)])
    return tuple(sorted(set(keys.candidate[members].tolist())))


def _label(tracks: pa.Table, play_id: int) -> str:
    """Artist and title of a play, for whoever looks at the list."""
    at: Sequence[int] = np.flatnonzero(keys_of(tracks).candidate == np.uint64(play_id)).tolist()
    if not at:
        return to_hex(play_id)
    row = tracks.slice(at[0], 1).to_pylist()[0]
    artist = next(iter(row["artist_names"]), "")
    return " – ".join(text for text in (artist, row["title"] or row["uri"]) if text)

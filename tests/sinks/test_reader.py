"""The named reads, on real rows: what counts, exact local days, order, and empty answers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest

from sinks.clickhouse import ClickHouse
from sinks.dead_letters import DeadLetters
from sinks.listeners import Listeners
from sinks.profiles import Profiles
from sinks.reader import Coverage, Reader, Totals
from sinks.rows import ListenerRow
from sinks.windows import Window, parse_window
from sinks.writer import Writer
from streams.contracts.errors import UserError
from streams.contracts.events import ListenerProfile
from streams.contracts.ids import to_hex
from streams.contracts.tables import DEAD_LETTERS, PLAYBACK
from tests.support.rows import NOON, NOON_MS, play, plays_table

HOUR = 3_600_000
ALL = Window("all", None, None)


@pytest.fixture
def ada(clickhouse: ClickHouse) -> ListenerRow:
    return Listeners(clickhouse).add("Ada", "Europe/Berlin")


def test_nothing_yet_is_empty_everywhere(reader: Reader, ada: ListenerRow) -> None:
    assert reader.listeners() == [ada]
    assert reader.recent(ada.id) == []
    assert reader.top(ada.id, "artists", ALL) == []
    assert [h.plays for h in reader.clock(ada.id, ALL)] == [0] * 24
    assert reader.totals(ada.id, ALL) == Totals(0, 0.0, 0, 0, 0, None, None)
    assert reader.genre_coverage(ada.id, ALL) == Coverage(0, 0, 0.0)
    assert reader.now(ada.id) is None
    assert reader.imports(ada.id) == []
    assert reader.gaps(ada.id) == []
    assert reader.profile(ada.id, "90d") is None


def test_what_counts_is_the_listeners_choice(
    reader: Reader, store: Writer, clickhouse: ClickHouse, ada: ListenerRow
) -> None:
    kinds: list[dict[str, Any]] = [
        {"ms_played": 29_999},
        {"ms_played": None},
        {"incognito": True},
        {"reason_end": "fwdbtn"},
        {"reason_end": "trackdone", "skipped": True},
        {"skipped": True},
    ]
    store.write_plays(plays_table(*(play(ada.id, NOON_MS + n * HOUR, **kind) for n, kind in enumerate(kinds))))
    people = Listeners(clickhouse)

    def counted() -> list[int]:
        plays = reader.recent(ada.id)
        assert len(plays) == len(kinds), "recent shows all of them"
        assert reader.totals(ada.id, ALL).plays == sum(p.counted for p in plays)
        return [n for n, p in enumerate(reversed(plays)) if p.counted]

    assert counted() == [1, 3, 4, 5]
    people.set("Ada", count_incognito=True)
    assert counted() == [1, 2, 3, 4, 5]
    people.set("Ada", min_ms_played=0)
    assert counted() == [0, 1, 2, 3, 4, 5]
    people.set("Ada", finished_only=True)
    assert counted() == [0, 1, 2, 4]


def test_recent_pages_without_loss_or_overlap(reader: Reader, store: Writer, ada: ListenerRow) -> None:
    ends = [NOON_MS - n * 40 * 24 * HOUR for n in range(7)]  # further apart than the first look
    store.write_plays(plays_table(*(play(ada.id, end) for end in ends), play(1)))
    seen: list[str] = []
    before = None
    while page := reader.recent(ada.id, limit=3, before=before):
        seen += [p.play_id for p in page]
        before = page[-1].play_id
    assert seen == sorted(seen, reverse=True)
    assert len(set(seen)) == 7
    newest = reader.recent(ada.id, limit=1)[0]
    assert (newest.ended_at, newest.artist_names, newest.local_date) == (NOON, ("John Coltrane",), date(2025, 3, 1))


def test_rankings(reader: Reader, store: Writer, ada: ListenerRow) -> None:
    rows = [
        play(ada.id, NOON_MS, artist="Björk", title="Joga", album="Homogenic", genre="electronic"),
        play(
            ada.id, NOON_MS + HOUR, artist="björk", title="JOGA", album="homogenic", genre="electronic", image_url="i"
        ),
        play(
            ada.id, NOON_MS + 2 * HOUR, artist="Can", title="Vitamin C", ms_played=3_600_000, genre="unknown", album=""
        ),
        play(ada.id, NOON_MS + 3 * HOUR, artist="", title="", uri="spotify:local:1", genre=""),
        play(1, NOON_MS, artist="Somebody else"),
    ]
    store.write_plays(plays_table(*rows))
    artists = reader.top(ada.id, "artists", ALL)
    assert [(r.rank, r.name, r.plays, r.minutes) for r in artists] == [(1, "björk", 2, 6.67), (2, "Can", 1, 60.0)]
    assert [r.name for r in reader.top(ada.id, "artists", ALL, by="minutes")] == ["Can", "björk"]
    tracks = reader.top(ada.id, "tracks", ALL)
    assert (tracks[0].name, tracks[0].artist, tracks[0].plays) == ("JOGA", "björk", 2)
    assert len(tracks) == 3
    albums = reader.top(ada.id, "albums", ALL)
    assert [(r.name, r.plays, r.image_url) for r in albums] == [("homogenic", 2, "i"), ("Blue Train", 1, "")]
    assert [(r.name, r.plays) for r in reader.top(ada.id, "genres", ALL)] == [("electronic", 2)]
    assert len(reader.top(ada.id, "artists", ALL, limit=1)) == 1
    assert reader.genre_coverage(ada.id, ALL) == Coverage(4, 2, 0.5)
    totals = reader.totals(ada.id, ALL)
    assert (totals.plays, totals.artists, totals.tracks, totals.days) == (4, 2, 3, 1)
    assert totals.last_at == datetime.fromtimestamp((NOON_MS + 3 * HOUR) / 1000, UTC)


def test_a_linked_artist_is_one_whatever_the_spelling(reader: Reader, store: Writer, ada: ListenerRow) -> None:
    store.write_plays(
        plays_table(
            play(ada.id, artist="Sigur Ros", artist_id="6U"),
            play(ada.id, NOON_MS + HOUR, artist="Sigur Rós", artist_id="6U"),
        )
    )
    (only,) = reader.top(ada.id, "artists", ALL)
    assert (only.name, only.plays, only.key, only.uri) == ("Sigur Rós", 2, "6U", "spotify:artist:6U")


def test_windows_are_exact_in_local_days(reader: Reader, store: Writer, ada: ListenerRow) -> None:
    # 23:30 UTC on 31 December is New Year's day in Berlin: the stamped local day decides
    eve = int(datetime(2024, 12, 31, 23, 30, tzinfo=UTC).timestamp() * 1000)
    store.write_plays(
        plays_table(
            play(ada.id, eve, local_date=date(2025, 1, 1), local_hour=0),
            play(ada.id, eve - 2 * HOUR, local_date=date(2024, 12, 31), local_hour=22),
        )
    )
    today = date(2026, 1, 1)
    assert [reader.totals(ada.id, parse_window(year, today)).plays for year in ("2024", "2025", "all")] == [1, 1, 2]
    hours = reader.clock(ada.id, parse_window("2025", today))
    assert [(h.hour, h.plays) for h in hours if h.plays] == [(0, 1)]
    assert [h.hour for h in hours] == list(range(24))


def test_window_of_a_listener_uses_their_own_half_of_the_globe(reader: Reader, clickhouse: ClickHouse) -> None:
    people = Listeners(clickhouse)
    sydney = people.add("Syd", "Australia/Sydney")
    assert reader.window(sydney, "2025-summer").first == date(2025, 12, 1)
    moved = people.set("Syd", hemisphere="north")
    assert reader.window(moved, "2025-summer").first == date(2025, 6, 1)


def test_now_profile_and_dead_letters(reader: Reader, store: Writer, clickhouse: ClickHouse, ada: ListenerRow) -> None:
    row: dict[str, Any] = dict.fromkeys(PLAYBACK.names, "") | {
        "listener": ada.id, "observed_at": NOON_MS, "is_playing": True, "title": "Joga", "artist_names": ["Björk"],
        "progress_ms": 5, "duration_ms": None,
    }  # fmt: skip
    store.write_playback(pa.Table.from_pylist([row], schema=PLAYBACK))
    now = reader.now(ada.id)
    assert now is not None
    assert (now.title, now.artist_names, now.duration_ms, now.observed_at) == ("Joga", ("Björk",), None, NOON)

    profiles = Profiles(clickhouse)
    told = ListenerProfile(
        listener=ada.listener, window="90d", computed_at=NOON_MS, plays=3, reasons=("too few plays",)
    )
    later = ListenerProfile(
        listener=ada.listener, window="90d", computed_at=NOON_MS + 1, plays=90, persona="Explorer", confidence=0.5,
        features={"a": 1.5}, model_id="m",
    )  # fmt: skip
    profiles.put_profiles([told])
    first = reader.profile(ada.id, "90d")
    assert first is not None
    assert (first.persona, first.confidence, first.reasons) == (None, None, ("too few plays",))
    profiles.put_profiles([later])
    second = reader.profile(ada.id, "90d")
    assert second is not None
    assert asdict(second)["features"] == {"a": 1.5}
    assert second.persona == "Explorer"

    letter: dict[str, Any] = dict.fromkeys(DEAD_LETTERS.names, "") | {
        "dead_letter_id": 2**63, "refused_at": NOON_MS, "reason": "malformed-json", "listener": ada.id, "import_id": 0,
        "partition": 1, "offset": 2, "published_at": NOON_MS, "headers": [], "key": None, "payload": b"\xff{",
    }  # fmt: skip
    store.write_dead_letters(pa.Table.from_pylist([letter], schema=DEAD_LETTERS))
    (found,) = DeadLetters(clickhouse).newest()
    assert (found.dead_letter_id, found.listener, found.import_id) == (to_hex(2**63), ada.listener, "")
    assert found.payload == "\ufffd{"
    assert DeadLetters(clickhouse).newest(listener=1) == []
    assert DeadLetters(clickhouse).newest(listener=ada.id) == [found]


def test_unknown_listener(reader: Reader) -> None:
    with pytest.raises(UserError, match="no listener"):
        reader.listener("Nobody")

"""The figures of a listener's local days, made from the plays: one row a day, in one reading.

The rollup (sinks/rollup.py) stores these rows; a read of days that the rollup does not have yet
makes them on the spot. One statement reads the plays once, so the fingerprint and the figures of
a row are of the same moment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from sinks.windows import Window

RULES = 1  # raise it when what FIGURES makes changes: every row is made anew then

# What a row says, as in listener_days and in its order.
FIGURES_OF_A_DAY = (
    "listener", "day", "fingerprint", "known", "season", "plays", "ms", "first_at", "last_at", "hours", "hours_ms",
    "genres", "sessions", "artists", "tracks", "albums",
)  # fmt: skip

# What a play is counted by: the day itself (key 1), its artist, track and album by hash (0 is nobody's), the
# local hour, the family by hash. Numbers only, since this is what millions of rows are grouped by.
_DAY, _ARTIST, _TRACK, _ALBUM, _HOUR, _GENRE = range(1, 7)
_KEYS = """[
    toUInt64(1),
    if(artist_key = '', 0, cityHash64(artist_key)),
    if(track_key = '', 0, cityHash64(track_key)),
    if(album = '', 0, cityHash64(artist_key, lowerUTF8(album))),
    toUInt64(local_hour),
    cityHash64(genre)
]"""
_SEASONS = "['winter', 'spring', 'summer', 'autumn']"
_LINES = (
    "CAST(groupArrayIf((key, n_plays, n_ms, t_first, t_last, if(shown_by_own > 0, shown_by_own, shown_by_any), "
    "shown_by_own > 0, pictured), kind = {kind} AND key != 0), "
    "'{type}')"
)
_TYPE = (
    "Array(Tuple(key UInt64, plays UInt32, ms UInt64, first_at DateTime64(3, ''UTC''), "
    "last_at DateTime64(3, ''UTC''), shown UInt64, own Bool, pictured UInt64))"
)


def _hours(figure: str) -> str:
    found = f"groupArrayIf((key, {figure}), kind = {_HOUR})"
    return f"arrayMap(h -> arraySum(arrayMap(one -> if(one.1 = h, one.2, 0), {found})), range(24))"


def _lines(kind: int) -> str:
    return _LINES.format(kind=kind, type=_TYPE.replace("''", "\\'"))


_HEARD = "ended_at, play_id, ifNull(started_at, ended_at - toIntervalMillisecond(ms_heard)), toUInt64(ms_heard)"
# A play begins a sitting when it starts more than 30 minutes after the end of the one that ended before it.
_SESSIONS = f"""arrayMap(
    plays -> (arrayMin(plays.3), arrayMax(plays.1), length(plays), arraySum(plays.4)),
    arraySplit(
        (play, end_before) -> play.3 > end_before + toIntervalMinute(30),
        arraySort(groupArrayArrayIf(heard, kind = {_DAY})) AS in_order,
        arrayPopBack(arrayPushFront(in_order.1, in_order.1[1]))
    )
)"""
_SESSION = (
    "Array(Tuple(started_at DateTime64(3, \\'UTC\\'), ended_at DateTime64(3, \\'UTC\\'), plays UInt32, ms UInt64))"
)

_FIGURES: Mapping[str, str] = {
    "listener": "listener",
    "day": "day",
    "fingerprint": f"groupBitXorIf(print, kind = {_DAY})",
    "known": f"toUInt32(sumIf(n_known, kind = {_DAY}))",
    "season": f"arrayElement({_SEASONS}, argMaxIf(of_season, shown_by_any, kind = {_DAY}))",
    "plays": f"toUInt32(sumIf(n_plays, kind = {_DAY}))",
    "ms": f"toUInt64(sumIf(n_ms, kind = {_DAY}))",
    "first_at": f"minIf(t_first, kind = {_DAY} AND n_plays > 0)",
    "last_at": f"maxIf(t_last, kind = {_DAY} AND n_plays > 0)",
    "hours": f"CAST({_hours('n_plays')}, 'Array(UInt32)')",
    "hours_ms": f"CAST({_hours('n_ms')}, 'Array(UInt64)')",
    "genres": (
        f"CAST(groupArrayIf((label, n_plays, n_ms, t_first, t_last), kind = {_GENRE}), "
        "'Array(Tuple(genre LowCardinality(String), plays UInt32, ms UInt64, "
        "first_at DateTime64(3, \\'UTC\\'), last_at DateTime64(3, \\'UTC\\')))')"
    ),
    "sessions": f"CAST({_SESSIONS}, '{_SESSION}')",
    "artists": _lines(_ARTIST),
    "tracks": _lines(_TRACK),
    "albums": _lines(_ALBUM),
}

_PLAYS = f"""
    SELECT
        listener, local_date AS day, kind, key,
        groupBitXor(cityHash64(play_id, version)) AS print,
        count() AS n_known,
        countIf(counted) AS n_plays,
        sumIf(ms_heard, counted) AS n_ms,
        minIf(ended_at, counted) AS t_first,
        maxIf(ended_at, counted) AS t_last,
        maxIf(play_id, kind = {_TRACK} AND uri = track_key) AS shown_by_own,
        max(play_id) AS shown_by_any,
        maxIf(play_id, kind IN ({_TRACK}, {_ALBUM}) AND image_url != '') AS pictured,
        argMax(indexOf({_SEASONS}, season), play_id) AS of_season,
        groupArrayIf(({_HEARD}), kind = {_DAY} AND counted) AS heard,
        anyIf(genre, kind = {_GENRE}) AS label
    FROM v_judged_plays
    ARRAY JOIN if(counted, {_KEYS}, [toUInt64(1)]) AS key, if(counted, range(1, 7), [{_DAY}]) AS kind
    WHERE {{where}}
    GROUP BY listener, day, kind, key"""

# A row that adds nothing for each day that is asked for, so that a day without plays has its row of zeros.
_EMPTY = """
    UNION ALL
    SELECT
        pair.1 AS listener, pair.2 AS day, 1 AS kind, 1 AS key, 0 AS print, 0 AS n_known, 0 AS n_plays, 0 AS n_ms,
        toDateTime64(0, 3, 'UTC') AS t_first, toDateTime64(0, 3, 'UTC') AS t_last,
        0 AS shown_by_own, 0 AS shown_by_any, 0 AS pictured, 0 AS of_season, [] AS heard, '' AS label
    FROM
    (
        SELECT arrayJoin(arrayZip({listeners:Array(UInt64)}, arrayMap(n -> toDate(n), {days:Array(UInt16)}))) AS pair
    )"""

WANTED = (
    "listener IN {listeners:Array(UInt64)} AND play_id >= {low:UInt64} AND play_id < {high:UInt64} "
    "AND (listener, local_date) IN (SELECT arrayJoin(arrayZip({listeners:Array(UInt64)}, "
    "arrayMap(n -> toDate(n), {days:Array(UInt16)}))))"
)


def figures(where: str, columns: tuple[str, ...] = FIGURES_OF_A_DAY, *, empty_days: bool = False) -> str:
    """SELECT of those columns of a day for the plays of `where` (a condition on v_judged_plays).

    With `empty_days` every (listener, day) of the parameters `listeners` and `days` (days since
    1970, of one length) has a row, of zeros where nothing was played.
    """
    chosen = ", ".join(f"{_FIGURES[name]} AS {name}" for name in columns)
    source = _PLAYS.format(where=where) + (_EMPTY if empty_days else "")
    return f"SELECT {chosen} FROM ({source}) GROUP BY listener, day"


def days_of(low: int, high: int) -> tuple[date, date]:
    """The first and last local day on which a play with an id from `low` to `high` can have begun.

    A play begins at most a day and an hour before the end that its id tells, in a zone from 12 h
    behind UTC to 14 h ahead of it.
    """
    return _utc_day(low) - timedelta(days=3), _utc_day(high) + timedelta(days=1)


def ids_of(first: date, last: date) -> tuple[int, int]:
    """A range of play ids, upper end excluded, that holds every play of those local days."""
    return Window("", first, last).play_ids()


def _utc_day(play_id: int) -> date:
    return datetime.fromtimestamp(play_id >> 32, UTC).date()


__all__ = ["FIGURES_OF_A_DAY", "RULES", "WANTED", "days_of", "figures", "ids_of"]

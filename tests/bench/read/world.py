"""Plays made inside ClickHouse: ten years of one listener, and as many of others as one likes."""

from __future__ import annotations

from sinks.clickhouse import ClickHouse
from sinks.days import RULES
from sinks.times import next_version

YEARS = 10
SECONDS = YEARS * 365 * 86_400
ME = 1
OTHERS_FROM = 1_000
PLAYS_OF_ANOTHER = 100_000
BATCH = 1_000_000
CATALOGUE = 50_000
RULES_OF_OTHERS = f"cityHash64({RULES}, toUInt64(1))"  # LISTENERS writes version 1

# A play is told by its listener and number: when, of whom, in which zone (Berlin, roughly) and how long. The
# artist's number is the cube of an even draw, so that few are played often and many once.
PLAYS = f"""
INSERT INTO plays (
    listener, play_id, version, is_deleted, ended_at, started_at, ms_played, ms_played_is_estimate, duration_ms, uri,
    title, artist_names, artist_ids, album, album_uri, image_url, isrc, release_date, country, platform, reason_start,
    reason_end, shuffle, skipped, offline, incognito, explicit, sources, artist, artist_id, artist_is_guess,
    local_date, local_hour, weekday, utc_offset_minutes, time_zone, season, genre, subgenre, hidden, counts_as)
WITH
    {{first:UInt64}} + number AS n,
    if({{per:UInt64}} = 0, {ME}, {OTHERS_FROM} + intDiv(n, {{per:UInt64}})) AS whose,
    if({{per:UInt64}} = 0, n, n % {{per:UInt64}}) AS nth,
    cityHash64(whose, nth) AS draw,
    pow((draw % 10007) / 10007, 3) AS liked,
    toUInt32(liked * 4000) AS who,
    toUInt32(who * 20 + intDiv(draw, 10007) % 20) AS track,
    toUInt32({{begin:UInt32}} + intDiv(nth * {SECONDS}, {{of:UInt64}}) - (nth % 8) * 40) AS second,
    60000 + intDiv(draw, 200140) % 240000 AS ms,
    toDateTime(second - intDiv(ms, 1000), 'UTC') AS start,
    start + toIntervalHour(1) AS there,
    concat('Artist ', toString(who)) AS name
SELECT
    whose, bitShiftLeft(toUInt64(second), 32) + track, {{version:UInt64}}, {{removed:UInt8}},
    toDateTime64(second, 3, 'UTC'), toDateTime64(start, 3, 'UTC'), if(draw % 20 = 0, NULL, ms), false, ms,
    concat('spotify:track:', leftPad(toString(track), 22, '0')), concat('Track ', toString(track)), [name],
    [leftPad(toString(who), 22, '0')], concat('Album ', toString(intDiv(track, 10))), '',
    'https://i.scdn.co/image/0123456789abcdef', '', '2019-05-01', 'DE', 'android', 'trackdone',
    ['trackdone', 'fwdbtn', 'endplay'][draw % 3 + 1], false, draw % 3 = 1, false, draw % 97 = 0, false,
    ['spotify.export.extended'], name, if(who % 10 = 0, '', leftPad(toString(who), 22, '0')), false,
    toDate(there), toHour(there), toDayOfWeek(there), 60, 'Europe/Berlin',
    ['winter', 'spring', 'summer', 'autumn'][intDiv(toMonth(there) % 12, 3) + 1],
    ['rock', 'pop', 'jazz', 'hip-hop', 'electronic', 'unknown', 'latin-pop', 'metal'][who % 8 + 1], '', false, ''
FROM numbers({{rows:UInt64}})
WHERE {{every:UInt64}} < 2 OR draw % {{every:UInt64}} = 0
SETTINGS max_insert_threads = 2"""

LISTENERS = f"""
INSERT INTO listeners
SELECT if(number = 0, {ME}, {OTHERS_FROM} + number - 1), 1, concat('listener ', toString(number)), '', false,
    now64(3), [(toDateTime64(0, 3, 'UTC'), 'Europe/Berlin')], '', 30000, false, false, 'all', NULL
FROM numbers({{count:UInt64}})"""

ARTISTS = f"""
INSERT INTO artists (artist_id, source, version, name, folded_name, genres, genre, subgenre, popularity, followers)
SELECT leftPad(toString(number), 22, '0'), 'file', 1, concat('Artist ', toString(number)),
    concat('artist ', toString(number)), ['rock'], 'rock', 'rock', if(number % 7 = 0, NULL, 100 - number % 100), NULL
FROM numbers({CATALOGUE})"""

# The rollup rows of others, with as many lines a day as theirs would have; what they say is never read.
DAYS_OF_OTHERS = f"""
INSERT INTO listener_days
WITH
    arrayMap(n -> (cityHash64(number, n), 1, 200000, toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'),
        cityHash64(n, number), false, cityHash64(n)), range({{lines:UInt64}})) AS lines
SELECT {OTHERS_FROM} + intDiv(number, {YEARS * 365}), toDate({{begin:UInt32}}) + number % {YEARS * 365}, 1,
    cityHash64(number), length(lines), {RULES_OF_OTHERS}, 'winter', length(lines), 200000 * length(lines),
    toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), range(24), range(24),
    [('rock', 1, 1, toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'))],
    [(toDateTime64(0, 3, 'UTC'), toDateTime64(0, 3, 'UTC'), 1, 1)], lines, lines, lines
FROM numbers({{first:UInt64}}, {{rows:UInt64}})"""


# A library of 5,000 saved tracks, of which a third was never played, 400 followed artists and full top lists.
LIBRARY = f"""
INSERT INTO library_items (
    listener, kind, time_range, item, position, title, artist, artist_id, album, image_url, uri, isrc, added_at,
    seen_at, version)
WITH
    kind = 'saved-track' OR kind = 'top-track' AS is_track,
    cityHash64(number, 7) AS draw,
    toUInt32(if(number % 3 = 0, 80020 + number, pow((draw % 10007) / 10007, 3) * 80000)) AS saved,
    multiIf(kind = 'saved-track', saved, kind = 'followed-artist', number * 13 * 20, (number + shift) * 20) AS track,
    intDiv(track, 20) AS who,
    leftPad(toString(if(is_track, track, who)), 22, '0') AS id
SELECT
    {ME}, kind, time_range, id, if(time_range = '', 0, number + 1), if(is_track, concat('Track ', toString(track)), ''),
    concat('Artist ', toString(who)), leftPad(toString(who), 22, '0'), if(is_track, 'Album', ''),
    'https://i.scdn.co/image/0123456789abcdef', concat(if(is_track, 'spotify:track:', 'spotify:artist:'), id), '',
    if(kind = 'saved-track', toDateTime64(1500000000 + number * 60000, 3, 'UTC'), NULL), now64(3), 1
FROM
(
    SELECT one.1 AS kind, one.2 AS time_range, one.3 AS shift, arrayJoin(range(one.4)) AS number
    FROM
    (
        SELECT arrayJoin([
            ('saved-track', '', 0, 5000), ('followed-artist', '', 0, 400),
            ('top-track', 'short', 0, 100), ('top-track', 'medium', 20, 100), ('top-track', 'long', 40, 100),
            ('top-artist', 'short', 0, 100), ('top-artist', 'medium', 20, 100), ('top-artist', 'long', 40, 100)
        ]) AS one
    )
)"""


def make_me(ch: ClickHouse, plays: int, begin: int, others: int) -> None:
    """One listener: forty inserts, then every twentieth play again with a newer version, every hundredth removed."""
    ch.command(LISTENERS, {"count": 1 + -(-others // PLAYS_OF_ANOTHER)})
    ch.command(ARTISTS)
    ch.command(LIBRARY)
    once = {"per": 0, "of": plays, "begin": begin, "version": 1, "removed": 0, "every": 0}
    step = -(-plays // 40)
    for first in range(0, plays, step):
        ch.command(PLAYS, {**once, "first": first, "rows": min(step, plays - first)})
    again = {**once, "first": 0, "rows": plays, "version": next_version()}
    ch.command(PLAYS, {**again, "every": 20})
    ch.command(PLAYS, {**again, "every": 100, "version": next_version(), "removed": 1})


def make_others(ch: ClickHouse, plays: int, begin: int) -> None:
    """Listeners of 100,000 plays each, and their rollup."""
    params = {"per": PLAYS_OF_ANOTHER, "of": PLAYS_OF_ANOTHER, "begin": begin, "version": 1, "removed": 0, "every": 0}
    for first in range(0, plays, BATCH):
        ch.command(PLAYS, {**params, "first": first, "rows": min(BATCH, plays - first)})
    days = -(-plays // PLAYS_OF_ANOTHER) * YEARS * 365
    for first in range(0, days, 100_000):
        lines = {"lines": PLAYS_OF_ANOTHER // (YEARS * 365), "begin": begin}
        ch.command(DAYS_OF_OTHERS, {**lines, "first": first, "rows": min(100_000, days - first)})
    ch.command(
        f"INSERT INTO rollup_marks SELECT listener, 1, {RULES_OF_OTHERS}, now64(3) FROM listeners "
        f"WHERE listener != {ME}"
    )

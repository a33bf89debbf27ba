"""Where a sighting can come from, and which source is believed first.

The rank decides, field by field, whose value a play takes (the lowest rank that has one), and
which sightings anchor a group. It is part of the play id's formula: append, never reorder.
"""

from __future__ import annotations

from typing import Final

EXTENDED_EXPORT: Final = "spotify.export.extended"
RECENTLY_PLAYED: Final = "spotify.recently-played"
NOW_PLAYING: Final = "spotify.now-playing"
LISTENBRAINZ: Final = "listenbrainz"
LASTFM: Final = "lastfm"
ACCOUNT_EXPORT: Final = "spotify.export.account"
SIMULATOR: Final = "simulator"

RANK: dict[str, int] = {
    EXTENDED_EXPORT: 0,  # knows ms_played to the millisecond, and every skip
    RECENTLY_PLAYED: 1,  # knows ids, ISRC, pictures; misses plays under 30 s
    NOW_PLAYING: 2,
    LISTENBRAINZ: 3,
    LASTFM: 4,
    ACCOUNT_EXPORT: 5,  # its end is cut to the minute
    SIMULATOR: 6,
}

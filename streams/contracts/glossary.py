"""What each field of the events means, and in what unit. A field means the same in every event.

docs/events.md and the descriptions in docs/schemas are generated from here; a test holds that
every field has an entry and every entry a field.
"""

from __future__ import annotations

FIELDS: dict[str, tuple[str, str]] = {  # name -> unit or form, meaning
    "listener": ("16 hex digits", "internal id of the listener"),
    "source": ("word", "who says it: a kind of export, poll or submission, or a catalogue"),
    "reported_end": ("Unix ms, UTC", "when it ended, exactly as the source gave it; part of the sighting's id"),
    "published_at": ("Unix ms, UTC", "when it was first published; a replay keeps it"),
    "ended_at": ("Unix ms, UTC", "when it ended; on a sighting only where better than what the source reported"),
    "started_at": ("Unix ms, UTC", "when it started, as far as known"),
    "ms_played": ("ms", "how long it was heard"),
    "duration_ms": ("ms", "how long the track is"),
    "kind": ("choice", "track, episode or chapter; only tracks become plays"),
    "uri": ("URI", "Spotify's URI of what was played, or empty"),
    "title": ("text", "name of the track, episode or chapter, as given"),
    "artists": ("list", "artists as the source named them, the main one first; of an episode the show"),
    "name": ("text", "name as the source gave it"),
    "id": ("text", "id at the source; empty where it gives only names"),
    "album": ("text", "name of the album, as given"),
    "album_uri": ("URI", "Spotify's URI of the album, or empty"),
    "image_url": ("URL", "the cover, or empty"),
    "isrc": ("text", "International Standard Recording Code, or empty"),
    "release_date": ("text", "as given: YYYY, YYYY-MM or YYYY-MM-DD"),
    "country": ("two letters", "where it was played; serves only to propose travel periods"),
    "platform": ("word", "family only: android, ios, windows, macos, linux, web, cast, other"),
    "reason_start": ("word", "why it started, in Spotify's words"),
    "reason_end": ("word", "why it ended, in Spotify's words"),
    "shuffle": ("flag", "played in shuffle mode"),
    "skipped": ("flag", "skipped before its end"),
    "offline": ("flag", "played without a connection"),
    "incognito": ("flag", "played in a private session"),
    "explicit": ("flag", "marked as explicit"),
    "import_id": ("16 hex digits", "the import that brought it, or empty"),
    "play_id": ("16 hex digits", "id of the play: the end's second above, the track's hash below"),
    "version": ("microseconds", "the highest version of a play id is the truth"),
    "removed": ("flag", "the play is no longer one: it became part of another, or was erased"),
    "artist": ("text", "the first artist's name, as given"),
    "artist_id": ("text", "the first artist's id, given or linked by name; empty while unknown"),
    "local_date": ("YYYY-MM-DD", "of the start, in the listener's time zone on that date"),
    "local_hour": ("0 to 23", "of the start, in the listener's time zone"),
    "weekday": ("1 to 7", "of the start, in the listener's time zone; Monday is 1"),
    "utc_offset_minutes": ("minutes", "how far the listener's clock was ahead of UTC"),
    "season": ("choice", "by local month and hemisphere; December to February is winter in the north"),
    "genre": ("word", "genre family of the artist, or unknown"),
    "subgenre": ("text", "the artist's own genre name that decided the family, or empty"),
    "observed_at": ("Unix ms, UTC", "when it was seen to play"),
    "is_playing": ("flag", "whether anything plays"),
    "progress_ms": ("ms", "how far into the track"),
    "command_id": ("16 hex digits", "id of the command's row in ClickHouse"),
    "asked_at": ("Unix ms, UTC", "when the command was given"),
    "item": ("text", "Spotify's id of the track or artist"),
    "time_range": ("choice", "of a top list: short (4 weeks), medium (6 months) or long (a year); else empty"),
    "position": ("count", "in a top list, from 1, or where it stood last; 0 for what was saved or followed"),
    "seen_at": ("Unix ms, UTC", "when it was first seen there"),
    "added_at": ("Unix ms, UTC", "of a saved track: when the listener saved it, as Spotify says"),
    "removed_at": ("Unix ms, UTC", "the first look at which it was no longer there; absent while it is"),
    "described_at": ("Unix ms, UTC", "when the source said so"),
    "genres": ("list", "genre names as the source gave them"),
    "popularity": ("0 to 100", "Spotify's popularity"),
    "followers": ("count", "followers at the source"),
    "window": ("word", "the time that it covers: 90d, 2025, 2025-summer, 2025-03, all"),
    "computed_at": ("Unix ms, UTC", "when the profile was computed"),
    "plays": ("count", "plays that it was computed from"),
    "model_id": ("16 hex digits", "the model that decided the persona, or empty"),
    "persona": ("text", "name of the persona, or null when nothing fits or too little is known"),
    "confidence": ("0 to 1", "how clearly this persona and no other"),
    "reasons": ("list", "what decided it, or why there is none, in plain words"),
    "features": ("map", "name of a feature -> its value"),
}

WHICH_KIND: dict[str, tuple[str, str]] = {  # where one event needs its own words
    "LibraryItem.kind": ("choice", "which list of the library"),
    "LibraryItem.uri": ("URI", "Spotify's URI of the track or artist"),
    "LibraryItem.title": ("text", "name of the track, or empty for an artist"),
    "LibraryItem.artist": ("text", "the first artist of the track, or the artist"),
    "LibraryItem.artist_id": ("text", "Spotify's id of that artist"),
    "LibraryItem.image_url": ("URL", "picture of the album or the artist, or empty"),
    "LibraryItem.version": ("microseconds", "the highest version of an item of a list is the truth"),
    "ListenerCommand.kind": ("choice", "erase: everything; restamp: whatever else changes plays, as the row says"),
}


def meaning(event: str, field: str) -> tuple[str, str]:
    """Unit and meaning of a field of an event (its class name). Raises KeyError for an unknown field."""
    return WHICH_KIND.get(f"{event}.{field}") or FIELDS[field]

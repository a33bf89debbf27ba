"""The fake's JSON, in the shapes of the Web API as development mode gives them in late 2026.

What new apps lost is left out (a track's popularity, markets and linked_from; an artist's
popularity and followers; of /me country, email and product). An album keeps
`available_markets`, which the published contract requires.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from producers.spotify.fake.world import FakeArtist, FakePlay, FakeTrack

Json = dict[str, Any]


def instant(ms: int) -> str:
    """Unix ms UTC as Spotify writes it: 2026-01-31T17:05:09.123Z."""
    moment = datetime.fromtimestamp(ms // 1000, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ms % 1000:03}Z"


def error(status: int, message: str, reason: str = "") -> Json:
    """The Web API's error body."""
    return {"error": {"status": status, "message": message} | ({"reason": reason} if reason else {})}


def simple_artist(base: str, artist: FakeArtist) -> Json:
    """SimplifiedArtistObject."""
    return _named(base, "artist", artist.id, artist.name)


def artist(base: str, one: FakeArtist, genres: list[str] | str | None) -> Json:
    """ArtistObject; `genres` is a list, None for null, or "absent"."""
    shape = simple_artist(base, one) | {"images": _images(one.id)}
    return shape if genres == "absent" else shape | {"genres": genres}


def track(base: str, one: FakeTrack) -> Json:
    """TrackObject."""
    return _named(base, "track", one.id, one.name) | {
        "album": _named(base, "album", one.album_id, one.album)
        | {
            "album_type": "album",
            "total_tracks": 12,
            "available_markets": [],
            "images": _images(one.album_id),
            "release_date": one.release_date,
            "release_date_precision": ("year", "month", "day")[one.release_date.count("-")],
            "artists": [simple_artist(base, artist) for artist in one.artists[:1]],
        },
        "artists": [simple_artist(base, artist) for artist in one.artists],
        "disc_number": 1,
        "duration_ms": one.duration_ms,
        "explicit": one.explicit,
        "external_ids": {"isrc": one.isrc},
        "is_local": False,
        "is_playable": True,
        "preview_url": None,
        "track_number": 1,
    }


def episode(base: str, one: FakeTrack) -> Json:
    """EpisodeObject."""
    talk: Json = {
        "description": one.name,
        "html_description": f"<p>{one.name}</p>",
        "explicit": False,
        "images": _images(one.album_id),
        "is_externally_hosted": False,
        "languages": ["en"],
    }
    show = _named(base, "show", one.album_id, one.album) | talk
    show |= {
        "available_markets": [],
        "copyrights": [],
        "media_type": "audio",
        "publisher": "",
        "total_episodes": 7,
    }
    return (
        _named(base, "episode", one.id, one.name)
        | talk
        | {
            "audio_preview_url": None,
            "duration_ms": one.duration_ms,
            "is_playable": True,
            "release_date": one.release_date,
            "release_date_precision": "day",
            "show": show,
        }
    )


def play_history(base: str, plays: list[FakePlay], limit: int, more: bool) -> Json:
    """CursorPagingPlayHistoryObject; `plays` newest first."""
    items = [
        {
            "track": track(base, play.track),
            "played_at": instant(play.played_at),
            "context": {
                "type": "album",
                "href": f"{base}/albums/{play.track.album_id}",
                "external_urls": _web("album", play.track.album_id),
                "uri": f"spotify:album:{play.track.album_id}",
            },
        }
        for play in plays
    ]
    here = f"{base}/me/player/recently-played"
    page: Json = {"href": f"{here}?limit={limit}", "limit": limit, "items": items}
    if plays:
        before = plays[-1].played_at
        page["cursors"] = {"after": str(plays[0].played_at), "before": str(before)}
        page["next"] = f"{here}?before={before}&limit={limit}" if more else None
    return page


def saved_track(base: str, one: FakeTrack, added_at: int) -> Json:
    """SavedTrackObject; Spotify writes whole seconds here."""
    return {
        "added_at": f"{datetime.fromtimestamp(added_at // 1000, UTC):%Y-%m-%dT%H:%M:%SZ}",
        "track": track(base, one),
    }


def paging(here: str, query: str, items: list[Any], limit: int, offset: int, total: int) -> Json:
    """PagingObject of the page at `offset`; `query` are its further parameters."""

    def at(place: int) -> str:
        return f"{here}?offset={place}&limit={limit}{query}"

    return {
        "href": at(offset),
        "limit": limit,
        "next": at(offset + limit) if offset + limit < total else None,
        "offset": offset,
        "previous": at(max(0, offset - limit)) if offset else None,
        "total": total,
        "items": items,
    }


def followed(here: str, items: list[Any], limit: int, total: int, after: str | None) -> Json:
    """CursorPagedArtists; `after` is what the next page is asked for with, None for the last."""
    return {
        "artists": {
            "href": f"{here}?type=artist&limit={limit}",
            "limit": limit,
            "next": f"{here}?type=artist&after={after}&limit={limit}" if after else None,
            "cursors": {"after": after} if after else {},
            "total": total,
            "items": items,
        }
    }


def currently_playing(base: str, play: FakePlay, now: int, *, episodes: bool) -> Json:
    """CurrentlyPlayingObject; ads have no item, nor have episodes unless they were asked for."""
    item: Json | None = None
    if play.track.kind == "track":
        item = track(base, play.track)
    elif play.track.kind == "episode" and episodes:
        item = episode(base, play.track)
    return {
        "timestamp": play.start,
        "progress_ms": now - play.start,
        "is_playing": True,
        "currently_playing_type": play.track.kind,
        "item": item,
        "context": None,
        "actions": {"disallows": {"resuming": True}},
    }


def playback_state(base: str, play: FakePlay, now: int, *, episodes: bool) -> Json:
    """CurrentlyPlayingContextObject."""
    return currently_playing(base, play, now, episodes=episodes) | {
        "device": {
            "id": None,
            "is_active": True,
            "is_private_session": False,
            "is_restricted": False,
            "name": "Kitchen speaker",
            "type": "speaker",
            "volume_percent": 40,
            "supports_volume": True,
        },
        "repeat_state": "off",
        "shuffle_state": False,
    }


def me(base: str, account_id: str, user_id: str, name: str) -> Json:
    """PrivateUserObject."""
    return {
        "account_id": account_id,
        "display_name": name,
        "external_urls": _web("user", user_id),
        "href": f"{base}/users/{user_id}",
        "id": user_id,
        "images": [],
        "type": "user",
        "uri": f"spotify:user:{user_id}",
    }


def _named(base: str, kind: str, one: str, name: str) -> Json:
    return {
        "external_urls": _web(kind, one),
        "href": f"{base}/{kind}s/{one}",
        "id": one,
        "name": name,
        "type": kind,
        "uri": f"spotify:{kind}:{one}",
    }


def _web(kind: str, one: str) -> Json:
    return {"spotify": f"https://open.spotify.com/{kind}/{one}"}


def _images(one: str) -> list[Json]:
    # made here, so that a page of fake plays asks nobody on the internet for pictures
    hue = sum(one.encode()) * 47 % 360
    picture = (
        "data:image/svg+xml,%3Csvg%20xmlns='http://www.w3.org/2000/svg'%20viewBox='0%200%209%209'%3E"
        f"%3Crect%20width='9'%20height='9'%20fill='hsl({hue},45%25,55%25)'/%3E%3C/svg%3E"
    )
    return [{"url": picture, "height": size, "width": size} for size in (640, 300, 64)]

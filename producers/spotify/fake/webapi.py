"""The fake's Web API: what a new app in development mode gets in late 2026, and its refusals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from msgspec import Struct

from producers.spotify.fake import shapes
from producers.spotify.fake.clock import Clock
from producers.spotify.fake.library import SPAN_MS, FakeLibrary
from producers.spotify.fake.people import App, Person, Tokens
from producers.spotify.fake.troubles import Fault, Trouble
from producers.spotify.fake.world import LISTED_MOST, FakePlay, FakeTrack, Timeline

OFFSET_MOST = 100_000

# What the published contract marks as deprecated: 403 for a new app. A test compares the two.
GONE = """GET /albums; GET /artists; GET /artists/{id}/related-artists; GET /artists/{id}/top-tracks
GET /audio-analysis/{id}; GET /audio-features; GET /audio-features/{id}; GET /audiobooks
GET /browse/categories; GET /browse/categories/{category_id}; GET /browse/featured-playlists
GET /browse/categories/{category_id}/playlists; GET /browse/new-releases; GET /chapters
GET /episodes; GET /markets; GET /me/albums/contains; GET /me/audiobooks/contains
GET /me/episodes/contains; GET /me/following/contains; GET /me/shows/contains
GET /me/tracks/contains; GET /playlists/{playlist_id}/followers/contains
GET /playlists/{playlist_id}/tracks; GET /recommendations
GET /recommendations/available-genre-seeds; GET /shows; GET /tracks; GET /users/{user_id}
GET /users/{user_id}/playlists; POST /playlists/{playlist_id}/tracks
POST /users/{user_id}/playlists; PUT /me/albums; PUT /me/audiobooks; PUT /me/episodes
PUT /me/following; PUT /me/shows; PUT /me/tracks; PUT /playlists/{playlist_id}/followers
PUT /playlists/{playlist_id}/tracks; DELETE /me/albums; DELETE /me/audiobooks
DELETE /me/episodes; DELETE /me/following; DELETE /me/shows; DELETE /me/tracks
DELETE /playlists/{playlist_id}/followers; DELETE /playlists/{playlist_id}/tracks"""


def gone() -> list[tuple[str, str]]:
    """(method, path) of every operation that new apps lost."""
    lines = GONE.replace("\n", ";").split(";")
    return [(method, path) for method, path in (line.split() for line in lines)]


class Call(Struct, frozen=True, kw_only=True):
    """One request that the fake got. `at` is what the fake's own clock (Unix s) said."""

    at: float
    path: str
    query: str
    status: int


class _Wrong(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class WebApi:
    """What the routes share: people's timelines, tokens, troubles, and the record of what was shown."""

    def __init__(
        self,
        app: App,
        people: tuple[Person, ...],
        timelines: dict[str, Timeline],
        libraries: dict[str, FakeLibrary],
        catalogue: list[FakeTrack],
        tokens: Tokens,
        trouble: Trouble,
        music: Clock,
        clock: Callable[[], float],
    ) -> None:
        self.app = app
        self.people = {person.account_id: person for person in people}
        self.timelines = timelines
        self.libraries = libraries
        self.tracks = {track.id: track for track in catalogue}
        self.artists = {artist.id: artist for track in catalogue for artist in track.artists}
        self.tokens = tokens
        self.trouble = trouble
        self.music = music
        self.clock = clock
        self.calls: list[Call] = []
        self.shown: dict[str, dict[int, FakePlay]] = {person.account_id: {} for person in people}
        self.listener: Callable[[], None] | None = None  # told after each request
        self._lock = threading.Lock()

    def note(self, call: Call) -> None:
        """Remember a request."""
        with self._lock:
            self.calls.append(call)
        if self.listener is not None:
            self.listener()

    def person(self, request: Request, scope: str = "") -> Person:
        """Who asks, after every check that Spotify makes. Raises _Wrong."""
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        if kind != "Bearer" or not token:
            raise _Wrong(401, "No token provided")
        given = self.tokens.holder(token)
        if given is None:
            raise _Wrong(401, "Invalid access token")
        if self.trouble.happens(self.trouble.troubles.token_dies):
            self.tokens.end(token)
            raise _Wrong(401, "The access token expired")
        if given.until <= self.clock():
            raise _Wrong(401, "The access token expired")
        if not self.app.owner_has_premium:
            raise _Wrong(403, "Active premium subscription required for the owner of the app.")
        person = self.people[given.account_id]
        if not person.allowed:
            raise _Wrong(403, "User not registered in the Developer Dashboard")
        if scope and scope not in given.asked.scope.split():
            raise _Wrong(403, "Insufficient client scope")
        return person

    def recently_played(self, request: Request) -> Any:
        """The last plays of whoever asks."""
        account = self.person(request, "user-read-recently-played").account_id
        limit = _whole(request, "limit", 20)
        if limit is None or not 1 <= limit <= LISTED_MOST:
            raise _Wrong(400, "Invalid limit")
        after, before = _whole(request, "after", None), _whole(request, "before", None)
        if after is not None and before is not None:
            raise _Wrong(400, "Only one of 'after' and 'before' is allowed")
        listed = self.timelines[account].listed(self.music() - self.trouble.staleness_ms())
        if after is not None:
            listed = [play for play in listed if play.played_at > after]
        if before is not None:
            listed = [play for play in listed if play.played_at < before]
        page = listed[:limit]
        with self._lock:
            self.shown[account].update({play.played_at: play for play in page})
        return shapes.play_history(_base(request), page, limit, len(listed) > limit)

    def saved_tracks(self, request: Request) -> Any:
        """A page of the saved tracks of whoever asks, the newest first."""
        account = self.person(request, "user-library-read").account_id
        base, listed = _base(request), self.libraries[account].saved(self.music())
        limit, offset = _page(request)
        page: list[Any] = [shapes.saved_track(base, *one) for one in listed[offset : offset + limit]]
        if page and self.trouble.happens(self.trouble.troubles.odd_items):
            page[0] = page[0] | {"track": None}
        return shapes.paging(f"{base}/me/tracks", "", page, limit, offset, len(listed))

    def top(self, request: Request, kind: str) -> Any:
        """A page of what whoever asks heard most."""
        account = self.person(request, "user-top-read").account_id
        base, library = _base(request), self.libraries[account]
        limit, offset = _page(request)
        span = request.query_params.get("time_range", "medium_term")
        if span not in SPAN_MS:
            raise _Wrong(400, "Invalid time range")
        made: list[Any]
        if kind == "tracks":
            made = [shapes.track(base, one) for one in library.top_tracks(self.music(), span)]
        else:
            made = [shapes.artist(base, one, self._genres()) for one in library.top_artists(self.music(), span)]
        page = self._odd(made[offset : offset + limit])
        return shapes.paging(f"{base}/me/top/{kind}", f"&time_range={span}", page, limit, offset, len(made))

    def following(self, request: Request) -> Any:
        """A page of the artists whom whoever asks follows."""
        account = self.person(request, "user-follow-read").account_id
        if request.query_params.get("type") != "artist":
            raise _Wrong(400, "Invalid type")
        base, after = _base(request), request.query_params.get("after", "")
        limit, _ = _page(request)
        listed = self.libraries[account].followed(self.music())
        behind = [one for one in listed if one.id > after]
        page = self._odd([shapes.artist(base, one, self._genres()) for one in behind[:limit]])
        last = behind[limit - 1].id if len(behind) > limit else None
        return shapes.followed(f"{base}/me/following", page, limit, len(listed), last)

    def playing(self, request: Request, scope: str, *, state: bool) -> Any:
        """What plays for whoever asks; None when nothing does."""
        account = self.person(request, scope).account_id
        now = self.music()
        play = self.timelines[account].playing(now)
        if play is None:
            return None
        episodes = "episode" in request.query_params.get("additional_types", "").split(",")
        shape = shapes.playback_state if state else shapes.currently_playing
        return shape(_base(request), play, now, episodes=episodes)

    def me(self, request: Request) -> Any:
        """Who asks."""
        person = self.person(request)
        return shapes.me(_base(request), person.account_id, person.user_id, person.name)

    def track(self, request: Request) -> Any:
        """A track of the catalogue."""
        self.person(request)
        track = self.tracks.get(request.path_params["id"])
        if track is None:
            raise _Wrong(404, "Resource not found")
        return shapes.track(_base(request), track)

    def artist(self, request: Request) -> Any:
        """An artist of the catalogue, with genres, with null, or without."""
        self.person(request)
        artist = self.artists.get(request.path_params["id"])
        if artist is None:
            raise _Wrong(404, "Resource not found")
        return shapes.artist(_base(request), artist, self._genres())

    def _genres(self) -> list[str] | str | None:
        if self.trouble.happens(self.trouble.troubles.odd_genres):
            return None if self.trouble.happens(0.5) else "absent"
        return ["made-up pop"]

    def _odd(self, page: list[Any]) -> list[Any]:
        if page and self.trouble.happens(self.trouble.troubles.odd_items):
            return [None, *page[1:]]
        return page


def web_api(api: WebApi) -> APIRouter:
    """Routes under /v1."""
    router = APIRouter(prefix="/v1")

    def serve(path: str, answer: Callable[[Request], Any], methods: tuple[str, ...] = ("GET",)) -> None:
        async def endpoint(request: Request) -> Response:
            response = await _answer(api, request, answer)
            api.note(
                Call(
                    at=api.clock(),
                    path=request.url.path,
                    query=request.url.query,
                    status=response.status_code,
                )
            )
            return response

        router.add_api_route(path, endpoint, methods=list(methods), response_model=None)

    def lost(request: Request) -> Any:
        api.person(request)
        raise _Wrong(403, "Forbidden")

    for method, path in gone():
        serve(path, lost, (method,))
    serve("/me", api.me)
    serve("/me/", api.me)  # spotipy asks with the slash
    serve("/me/player/recently-played", api.recently_played)
    serve(
        "/me/player/currently-playing",
        lambda request: api.playing(request, "user-read-currently-playing", state=False),
    )
    serve("/me/player", lambda request: api.playing(request, "user-read-playback-state", state=True))
    serve("/me/tracks", api.saved_tracks)
    serve("/me/following", api.following)
    serve("/me/top/tracks", lambda request: api.top(request, "tracks"))
    serve("/me/top/artists", lambda request: api.top(request, "artists"))
    serve("/tracks/{id}", api.track)
    serve("/artists/{id}", api.artist)
    return router


async def _answer(api: WebApi, request: Request, answer: Callable[[Request], Any]) -> Response:
    fault = api.trouble.next_fault(request.url.path.rstrip("/"))
    if fault is not None:
        await asyncio.sleep(fault.delay_s)
        return _faulty(fault)
    if api.trouble.happens(api.trouble.troubles.slow):
        await asyncio.sleep(api.trouble.troubles.slow_s)
    try:
        body = answer(request)
    except _Wrong as wrong:
        return JSONResponse(shapes.error(wrong.status, wrong.message), wrong.status)
    return Response(status_code=204) if body is None else JSONResponse(body)


def _faulty(fault: Fault) -> Response:
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    if fault.body is not None:
        return Response(fault.body, fault.status, headers, media_type="text/html")
    return JSONResponse(shapes.error(fault.status, fault.message, fault.reason), fault.status, headers)


def _whole(request: Request, name: str, default: int | None) -> int | None:
    text = request.query_params.get(name)
    if text is None:
        return default
    try:
        return int(text)
    except ValueError:
        raise _Wrong(400, f"Invalid {name}") from None


def _page(request: Request) -> tuple[int, int]:
    """Limit and offset. Raises _Wrong."""
    limit, offset = _whole(request, "limit", 20), _whole(request, "offset", 0)
    if limit is None or not 1 <= limit <= LISTED_MOST:
        raise _Wrong(400, "Invalid limit")
    if offset is None or not 0 <= offset <= OFFSET_MOST:
        raise _Wrong(400, "Invalid offset")
    return limit, offset


def _base(request: Request) -> str:
    return f"{request.url.scheme}://{request.url.netloc}/v1"

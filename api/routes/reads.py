"""What a listener's plays say. Every route takes its listener from the scope."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query

from api import examples
from api.examples import example
from api.profiles import profile_of
from api.scope import Listener, ServicesOf
from api.services import needed
from api.shapes import (
    Calendar,
    Clock,
    Discovery,
    Evolution,
    Favourites,
    Gaps,
    Library,
    Mainstream,
    PlayShape,
    Profile,
    RecentPage,
    Top,
    Week,
)
from api.web import words
from sinks.reader import Reader
from sinks.reads.rows import Sessions, Streaks
from sinks.rows import Coverage, Play, Playback, Totals
from sinks.windows import Window

router = APIRouter(prefix="/api/v1/listeners/{listener}", tags=["reads"])

By = Annotated[Literal["plays", "minutes"], Query(description="Rank by plays or by minutes heard.")]
What = Literal["artists", "tracks", "albums", "genres"]
Per = Annotated[Literal["week", "month", "season"], Query(description="Weeks begin on Monday, seasons with December.")]


def reader_of(services: ServicesOf) -> Reader:
    """The database, or 503."""
    return needed(services.reader, "The database")


Store = Annotated[Reader, Depends(reader_of)]


def window_of(
    listener: Listener,
    store: Store,
    window: Annotated[
        str,
        Query(
            description="`90d`, `2025`, `2025-03`, `2025-summer` or `all`; dates are the listener's local ones.",
            examples=["90d", "2025-summer", "all"],
            max_length=32,
        ),
    ] = "90d",
) -> Window:
    """The window that was asked for. Raises UserError (400) for one that is none."""
    return store.window(listener, window)


def shape(play: Play) -> PlayShape:
    """A play with its local time of day."""
    said = {field.name: getattr(play, field.name) for field in fields(play)}
    return PlayShape(**said, local_time=words.clock(play.started_at or play.ended_at, play.utc_offset_minutes))


In = Annotated[Window, Depends(window_of)]


@router.get("/recent", summary="The last plays", responses=example(examples.RECENT))
def recent(
    listener: Listener,
    store: Store,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    cursor: Annotated[str | None, Query(pattern="^[0-9a-f]{16}$", description="`next` of the page before.")] = None,
    hidden: Annotated[bool, Query(description="hidden plays too")] = False,
) -> RecentPage:
    """Newest first, a page at a time: follow `next` until it is null."""
    plays = store.recent(listener.id, limit + 1, cursor, hidden=hidden)
    more = len(plays) > limit
    return RecentPage([shape(play) for play in plays[:limit]], plays[limit - 1].play_id if more else None)


@router.get("/now", summary="What plays at this moment", responses=example(examples.NOW))
def now(listener: Listener, store: Store) -> Playback | None:
    """Null while nothing plays or nobody looks (the now-playing poller is off)."""
    return store.now(listener.id)


@router.get("/top/{what}", summary="What was played most", responses=example(examples.TOP))
def top(
    listener: Listener,
    store: Store,
    what: What,
    window: In,
    by: By = "plays",
    limit: Annotated[int, Query(ge=1, le=500)] = 20,
) -> Top:
    """Artists are grouped by the linked artist, so nobody is listed twice."""
    return Top(window.text, by, store.top(listener.id, what, window, by, limit))


@router.get("/clock", summary="Plays by local hour", responses=example(examples.CLOCK))
def clock(listener: Listener, store: Store, window: In, by: By = "plays") -> Clock:
    """24 rows, by the clock of where the listener was at the time."""
    return Clock(window.text, by, store.clock(listener.id, window, by))


@router.get("/week", summary="Plays by weekday and local hour", responses=example(examples.WEEK))
def week(listener: Listener, store: Store, window: In) -> Week:
    """168 rows, by the clock of where the listener was at the time."""
    return Week(window.text, store.week(listener.id, window))


@router.get("/calendar", summary="Plays by local day", responses=example(examples.CALENDAR))
def calendar(listener: Listener, store: Store, window: In) -> Calendar:
    """Only the days with music."""
    return Calendar(window.text, store.calendar(listener.id, window))


@router.get("/streaks", summary="Days in a row with music", responses=example(examples.STREAKS))
def streaks(listener: Listener, store: Store, window: In) -> Streaks:
    """The longest, and the one that reaches today or yesterday."""
    return store.streaks(listener.id, window, datetime.now(ZoneInfo(listener.zone)).date())


@router.get("/sessions", summary="Sittings", responses=example(examples.SESSIONS))
def sessions(listener: Listener, store: Store, window: In, limit: Annotated[int, Query(ge=0, le=500)] = 50) -> Sessions:
    """Less than 30 minutes of silence between the plays of one; the newest first."""
    return store.sessions(listener.id, window, limit)


@router.get("/mainstream", summary="The mainstream index by period", responses=example(examples.MAINSTREAM))
def mainstream(listener: Listener, store: Store, window: In, per: Per = "month") -> Mainstream:
    """The mean popularity of the artists, over the plays whose artist's is known."""
    return Mainstream(window.text, per, store.mainstream(listener.id, window, per))


@router.get("/evolution", summary="Genres by period", responses=example(examples.EVOLUTION))
def evolution(listener: Listener, store: Store, window: In, per: Per = "month") -> Evolution:
    """How taste moves: plays by family in each week, month or season."""
    return Evolution(window.text, per, store.evolution(listener.id, window, per))


@router.get("/discovery", summary="First hearings by period", responses=example(examples.DISCOVERY))
def discovery(listener: Listener, store: Store, window: In, per: Per = "month") -> Discovery:
    """Artists and tracks that had never been heard before."""
    return Discovery(window.text, per, store.discovery(listener.id, window, per))


@router.get("/library", summary="The library against the plays", responses=example(examples.LIBRARY))
def library(listener: Listener, store: Store, limit: Annotated[int, Query(ge=1, le=500)] = 20) -> Library:
    """Favourites over three ranges, liked but never played, followed but dropped, and how well known it all is.

    `limit` bounds each list; the counts beside it are of all.
    """
    favourites = Favourites(
        store.favourites(listener.id, "top-artist", limit), store.favourites(listener.id, "top-track", limit)
    )
    return Library(
        store.library_looks(listener.id),
        favourites,
        store.never_played(listener.id, limit),
        store.followed(listener.id, limit),
        store.well_known(listener.id),
    )


@router.get("/totals", summary="Plays, minutes, artists, tracks, days", responses=example(examples.TOTALS))
def totals(listener: Listener, store: Store, window: In) -> Totals:
    """The window in a few figures."""
    return store.totals(listener.id, window)


@router.get("/genres/coverage", summary="How many plays have a known genre", responses=example(examples.COVERAGE))
def coverage(listener: Listener, store: Store, window: In) -> Coverage:
    """Raise it with `spotifire catalog import FILE`."""
    return store.genre_coverage(listener.id, window)


@router.get("/profile", summary="Who the listener is", responses=example(examples.PROFILE))
def profile(listener: Listener, services: ServicesOf, window: In) -> Profile:
    """The personality of a window and its reasons. Not enough data is an answer, not an error."""
    return profile_of(services, listener, window)


@router.get("/gaps", summary="Times in which plays may be missing")
def gaps(listener: Listener, store: Store) -> Gaps:
    """Closed again when an import covers them."""
    return Gaps(list(store.gaps(listener.id)))

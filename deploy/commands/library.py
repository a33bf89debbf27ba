"""`spotifire library`: favourites, liked but never played, followed but dropped, how well known it all is."""

from __future__ import annotations

from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from deploy.commands.console import Config, Data, Json, Listener, bar, guarded, printable, route, shell, table
from deploy.commands.reads import Limit

WHAT = {
    "plays": "plays",
    "saved-track": "saved tracks",
    "followed-artist": "followed artists",
    "top-artist": "favourite artists",
    "top-track": "favourite tracks",
}
RANGES = {"short": "4 weeks", "medium": "6 months", "long": "1 year", "trend": ""}


@guarded
def library(
    listener: Listener, limit: Limit = 10, json: Json = False, data: Data = None, config: Config = None
) -> None:
    """The library on Spotify against what is played."""
    run = shell(json, data, config)
    with run.api() as api:
        answer = api.get(route(listener, "library"), limit=limit)
    empty = not answer["looks"]
    run.show(answer, lambda: nothing_yet(listener) if empty else picture(answer), empty=empty)


def nothing_yet(listener: str) -> Text:
    """The answer while no list was ever looked at, and what to do."""
    return Text(
        f"Nothing of the library is known yet. Connect Spotify: spotifire listeners connect {printable(listener)}"
    )


def picture(answer: dict[str, Any]) -> Group:
    """What a person reads: figures first, then each list."""
    totals = {(look["kind"], look["time_range"]): look["total"] for look in answer["looks"]}
    newest = max(look["looked_at"] for look in answer["looks"])
    told = [f"{totals[kind, '']:,} {WHAT[kind]}" for kind in ("saved-track", "followed-artist") if (kind, "") in totals]
    parts: list[RenderableType] = [
        Text(f"As of {newest[:10]} {newest[11:16]} UTC" + (f": {', '.join(told)}" if told else ""))
    ]
    rated = [row for row in answer["well_known"] if row["index"] is not None]
    if rated:
        parts += [Text("\nHow well known the artists are, 0 to 100", style="bold"), *(known(row) for row in rated)]
    for heading, rows in (("artists", "artist"), ("tracks", "title")):
        found = [{**row, "trend": trend(row)} for row in answer["favourites"][heading]]
        by = {"artist": "by"} if rows == "title" else {}
        if found:
            parts += [Text(f"\nFavourite {heading}", style="bold"), table(found, {rows: heading[:-1], **by, **RANGES})]
    parts += [*followed(answer["followed"]), *never_played(answer["never_played"])]
    return Group(*parts)


def known(row: dict[str, Any]) -> Text:
    """One line of how well known the artists of a list are, and of how many that is known."""
    line = f"{WHAT[row['what']]:18} {bar(row['index'], 100, 30):30} {row['index']:.0f}"
    return Text(line + ("" if row["coverage"] == 1 else f"  (known of {row['coverage']:.0%})"))


def trend(row: dict[str, Any]) -> str:
    """`risen 3`, `fallen 2`, `new`."""
    return f"{row['trend']} {abs(row['places'])}" if row["places"] else row["trend"]


def followed(answer: dict[str, Any]) -> list[RenderableType]:
    """Followed artists who are dropped, fading or never heard."""
    if not answer["rows"]:
        return []
    count = f"{answer['dropped']:,} dropped, {answer['fading']:,} fading, {answer['never']:,} never heard"
    rows = [{**row, "last_at": (row["last_at"] or "")[:10]} for row in answer["rows"]]
    columns = {"artist": "artist", "state": "", "plays": "plays", "plays_recent": "in 90 days", "last_at": "last heard"}
    return [Text(f"\nOf {answer['followed']:,} followed artists {count}", style="bold"), table(rows, columns)]


def never_played(answer: dict[str, Any]) -> list[RenderableType]:
    """Saved tracks without a play."""
    if not answer["rows"]:
        return []
    heading = f"\nLiked but never played: {answer['never_played']:,} of {answer['saved']:,} saved tracks"
    rows = [{**row, "added_at": (row["added_at"] or "")[:10]} for row in answer["rows"]]
    return [
        Text(heading, style="bold"),
        table(rows, {"title": "track", "artist": "artist", "album": "album", "added_at": "saved"}),
    ]

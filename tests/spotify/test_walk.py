"""What a reading of a list may conclude, though the list changes between its pages."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest

from producers.spotify.listed import ListPage
from producers.spotify.walk import Walk
from streams.contracts.ports import LibraryEntry, Look, Shelf

SAVED, FOLLOWED, TOP = Shelf("saved-track"), Shelf("followed-artist"), Shelf("top-artist", "long")


def entries(items: list[str]) -> tuple[LibraryEntry, ...]:
    return tuple(LibraryEntry(item=item, added_at=int(item[1:])) for item in items)


def page_of(live: list[str], offset: int, limit: int = 50, unreadable: int = 0) -> ListPage:
    """As Spotify cuts it; the first `unreadable` items of it are null."""
    cut = live[offset : offset + limit]
    return ListPage(
        entries=entries(cut[unreadable:]),
        unreadable=min(unreadable, len(cut)),
        total=len(live),
        more=offset + limit < len(live),
    )


def read(walk: Walk, live: list[str], between: Callable[[list[str]], None] = lambda live: None, **more: int) -> Walk:
    while not walk.over:
        walk.take(page_of(live, walk.offset, **more))
        between(live)
    return walk


def items(count: int) -> list[str]:
    """Newest first."""
    return [f"i{number}" for number in range(count, 0, -1)]


@pytest.mark.parametrize("count", [0, 1, 49, 50, 51, 100, 149])
def test_a_list_that_stands_still_is_whole(count: int) -> None:
    walk = read(Walk(SAVED), items(count))
    assert walk.is_whole
    assert [entry.item for entry in walk.entries] == items(count)


def test_a_list_that_shrinks_between_two_pages_is_not_believed() -> None:
    live = items(120)

    def shrink(live: list[str]) -> None:
        if live[0] == "i120":
            del live[0]  # of the first page: i70 slips onto it, and is never seen

    walk = read(Walk(SAVED), live, shrink)
    assert "i70" not in {entry.item for entry in walk.entries}
    assert not walk.is_whole
    again = read(Walk(SAVED, before=walk), live)
    assert again.is_whole
    assert {entry.item for entry in again.entries} == set(live)


def test_one_saved_and_one_taken_away_do_not_hide_each_other() -> None:
    live = items(120)
    turns = iter(range(9))

    def both(live: list[str]) -> None:
        match next(turns):
            case 0:
                del live[0]
            case 1:
                live.insert(0, "i121")

    walk = read(Walk(SAVED), live, both)
    assert walk.total == 120
    assert not walk.is_whole


def test_no_change_in_between_ever_takes_a_standing_item_for_gone() -> None:
    dice = random.Random(7)
    believed = 0
    for _ in range(2_000):
        live = items(dice.randint(60, 260))
        newest = len(live)

        def change(live: list[str]) -> None:
            nonlocal newest
            for _ in range(dice.choice((0, 0, 0, 1, 2))):
                if dice.random() < 0.5 and live:
                    del live[dice.randrange(len(live))]
                else:
                    newest += 1
                    live.insert(0, f"i{newest}")

        start = set(live)
        walk = read(Walk(SAVED), live, change)
        if not walk.is_whole:
            start = set(live)
            walk = read(Walk(SAVED, before=walk), live, change)
        if walk.is_whole:
            believed += 1
            assert start & set(live) <= {entry.item for entry in walk.entries}
    assert believed > 200


def test_a_total_that_is_off_for_good_is_believed_the_second_time_if_it_is_hardly_off() -> None:
    live = items(100)

    def off(by: int) -> Walk:
        first: Walk | None = None
        for _ in range(2):
            walk = Walk(SAVED, before=first)
            while not walk.over:
                page = page_of(live, walk.offset)
                walk.take(ListPage(entries=page.entries, unreadable=0, total=len(live) + by, more=page.more))
            assert not walk.is_sure
            first, last = walk, first
        assert last is not None and first is not None
        assert not last.is_whole
        return first

    assert off(2).is_whole
    assert not off(3).is_whole  # a list that is cut short is broken, however often it is


def test_an_item_that_cannot_be_read_is_believed_to_be_none_only_the_second_time() -> None:
    first = read(Walk(SAVED), items(40), unreadable=1)
    assert not first.is_whole
    assert read(Walk(SAVED, before=first), items(40), unreadable=1).is_whole
    assert read(Walk(SAVED, before=first), items(40)).is_whole  # now all can be read


def known(live: list[str]) -> Mapping[str, int | None]:
    return {item: int(item[1:]) for item in live}


def look(total: int) -> Look:
    return Look(looked_at=0, whole_at=0, total=total)


def test_saved_tracks_that_are_known_are_not_read_to_the_end() -> None:
    live = items(500)
    same = read(Walk(SAVED, known=known(live), look=look(500)), live)
    assert (same.stopped_early, same.offset) == (True, 50)
    more = ["i503", "i502", "i501", *live]
    added = read(Walk(SAVED, known=known(live), look=look(500)), more)
    assert (added.stopped_early, added.offset) == (True, 100)
    assert {"i501", "i502", "i503"} <= {entry.item for entry in added.entries}


def test_one_that_went_is_looked_for_to_the_end() -> None:
    live = items(200)
    for now in (live[:150] + live[151:], ["i201", *live[:150], *live[151:]]):
        walk = read(Walk(SAVED, known=known(live), look=look(200)), now)
        assert not walk.stopped_early
        assert walk.is_whole
        assert {entry.item for entry in walk.entries} == set(now)


def test_a_track_that_is_saved_anew_is_seen_without_reading_all() -> None:
    live = items(200)
    before = {**known(live), "i200": 1}
    walk = read(Walk(SAVED, known=before, look=look(200)), live)
    assert (walk.stopped_early, walk.offset) == (True, 100)
    assert walk.entries[0].added_at == 200


def test_a_cursor_that_leads_nowhere_ends() -> None:
    walk = Walk(FOLLOWED)
    page = ListPage(entries=entries(["i1"]), unreadable=0, total=3, more=True, after="x")
    walk.take(page)
    assert not walk.over
    walk.take(page)
    assert walk.over
    assert not walk.is_whole


def test_of_a_top_list_the_first_hundred_are_read() -> None:
    walk = read(Walk(TOP), items(250))
    assert (walk.offset, walk.is_whole, len(walk.entries)) == (100, True, 100)


def test_a_top_list_of_which_spotify_gives_one_page_is_whole_the_second_time() -> None:
    first: Walk | None = None
    for believed in (False, True):
        walk = Walk(TOP, before=first)
        walk.take(ListPage(entries=entries(items(50)), unreadable=0, total=99, more=True))
        walk.take(ListPage(entries=(), unreadable=0, total=99, more=False))
        assert (walk.over, walk.is_whole) == (True, believed)
        first = walk


def test_of_a_short_list_one_may_be_missing_for_good() -> None:
    for missing, believed in ((1, True), (2, False)):
        first: Walk | None = None
        for again in (False, True):
            walk = Walk(FOLLOWED, before=first)
            walk.take(ListPage(entries=entries(items(20)), unreadable=0, total=20 + missing, more=False))
            assert (walk.over, walk.is_whole) == (True, again and believed)
            first = walk

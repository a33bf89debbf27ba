"""One reading of a list, page by page. Pure: pages in, and what may be concluded from them.

Spotify's pages are cut at an offset, and the list goes on living between two calls. A track that is
saved meanwhile pushes the rest down: an item is seen twice, which does no harm. One that is taken away
pulls the rest up: an item slips from a page that is still to come onto one that was read, and is never
seen. So a list is believed to be whole only where it said the same `total` on its first and last page
and that many items came, each readable; else it is read once more, and believed where both readings agree
and hardly anything is missing. What is not whole never says that something is gone.
"""

from __future__ import annotations

from collections.abc import Mapping

from producers.spotify.client import PAGE
from producers.spotify.listed import ListPage
from streams.contracts.ports import LibraryEntry, Look, Shelf

TOP_MOST = 100  # of a top list: what lies behind is hardly anybody's favourite, and costs a call for each 50
PAGES_MOST = 2_000  # 100,000 items: a list that never ends is no list
OFF = 0.02  # share of its items by which a total may be wrong for good: what is gone from the catalogue counts on


class Walk:
    """One reading. `known` and `look`: what stood there at the last look, for one that may stop where it knows all.

    `before` is the reading that this one repeats, as that was not believed.
    """

    def __init__(
        self,
        shelf: Shelf,
        *,
        known: Mapping[str, int | None] | None = None,
        look: Look | None = None,
        before: Walk | None = None,
    ) -> None:
        self.shelf = shelf
        self.before = before
        self.offset = 0
        self.after = ""
        self.total: int | None = None
        self.stopped_early = False
        self.unreadable = 0
        self._known = known
        self._look = look
        self._entries: dict[str, LibraryEntry] = {}
        self._new = 0
        self._same_total = True
        self._pages = 0
        self._cut = False
        self.over = False

    @property
    def entries(self) -> list[LibraryEntry]:
        """Each item once, in the order in which they came."""
        return list(self._entries.values())

    def take(self, page: ListPage) -> None:
        """Take the next page; `over` says whether it was the last."""
        self._same_total = self._same_total and (self._pages == 0 or page.total == self.total)
        self.total = page.total
        self._pages += 1
        items = len(page.entries) + page.unreadable
        self.offset += items
        self.unreadable += page.unreadable
        fresh = 0
        for entry in page.entries:
            if entry.item in self._entries:
                continue
            self._entries[entry.item] = entry
            if self._known is not None:
                self._new += entry.item not in self._known
                fresh += entry.item not in self._known or entry.added_at != self._known[entry.item]
        if self._known is not None and self._look is not None and items and not fresh and not page.unreadable:
            # newest first: nothing new here, so nothing behind; and the total shows that nothing went
            self.stopped_early = page.total == self._look.total + self._new
            if self.stopped_early:
                self.over = True
                return
        cursor = self.shelf.kind == "followed-artist"
        more = page.more and bool(page.after) if cursor else page.more or self.offset < (page.total or 0)
        same_page = cursor and page.after == self.after
        self.after = page.after
        if self._pages >= PAGES_MOST or same_page:
            self._cut = more
            self.over = True
            return
        self.over = not items or not more or self.offset >= self._most

    @property
    def is_sure(self) -> bool:
        """Whether every item of the list was seen, by its own count."""
        return not self._cut and self._same_total and self.total is not None and not self.unreadable and not self._short

    @property
    def is_whole(self) -> bool:
        """Whether what did not come is not there: by its own count, or as the reading before says the same."""
        if self.is_sure:
            return True
        if self.before is None or self._cut or not self._same_total or self.before.total != self.total:
            return False
        if self.before.unreadable != self.unreadable:
            return False
        if self._entries.keys() != self.before._entries.keys():
            return False
        # nobody can take away from a top list; of a long one Spotify may give no more than the first page
        given = bool(self.shelf.time_range) and len(self._entries) + self.unreadable >= PAGE
        return given or abs(self._short) <= max(1, OFF * (self.total or 0))

    @property
    def _most(self) -> int:
        return TOP_MOST if self.shelf.time_range else PAGES_MOST * PAGE

    @property
    def _short(self) -> int:
        return min(self.total or 0, self._most) - len(self._entries) - self.unreadable

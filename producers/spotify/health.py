"""How each listener's collection is doing: what the API, `doctor` and the metrics read."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

State = Literal["starting", "ok", "failing", "blocked", "reconnect"]


class LibraryHealth(Struct, frozen=True, kw_only=True):
    """How it goes. `lists` of the eight were read; `looked_at` (Unix ms UTC) is of the one that is oldest."""

    lists: int = 0
    looked_at: int | None = None
    lacking: tuple[str, ...] = ()  # scopes that were not granted: their lists are not asked for
    error: str = ""  # why a list was refused or could not be read; "" after a good poll


class ListenerHealth(Struct, frozen=True, kw_only=True):
    """One listener at one moment. Times are Unix ms UTC, None where there is none. Holds no secret."""

    listener: str  # 16 hexadecimal digits
    client_id: str
    state: State
    last_poll_at: int | None = None
    last_good_at: int | None = None  # of recently-played: that one must not lose plays
    next_poll_at: int | None = None
    last_error: str = ""  # cause and cure on one line; "" after a good poll
    failures: int = 0  # in a row
    blocked_until: int | None = None  # Spotify told us to ask nothing before
    token_expires_at: int | None = None
    warning: str = ""  # the connection ends soon: what the listener should do
    published: int = 0  # plays, since the collector started
    gaps: int = 0  # noted since the collector started
    calls: int = 0  # polls of any kind, since the collector started
    library: LibraryHealth = LibraryHealth()

"""Every error that Spotifire raises on purpose, and whether time can mend it.

    SpotifireError                  .retriable says whether trying again can help
    ├── Refused                     a record that a person could mend: to the dead letters, the rest goes on
    │   ├── MalformedJson           the bytes are not a JSON object
    │   ├── NotUtf8                 the text is in another encoding, or half a character stands in it
    │   ├── UnknownVersion          its schema version is not one that we read
    │   ├── MissingField            a required field is not there
    │   ├── WrongType               a field is there, and is something else
    │   ├── TooLong                 a text is longer than its limit
    │   ├── ImpossibleTime          before 2006, or more than a day ahead
    │   ├── OutOfRange              a number or a choice outside its limits
    │   ├── UnknownListener         nobody by that id is known
    │   ├── Erased                  the listener was erased
    │   ├── Undone                  the import that published it was undone
    │   └── OurFault                an exception of ours while this record was worked on
    ├── Unavailable                 retriable: something outside is down or busy
    │   ├── StoreUnavailable        ClickHouse
    │   ├── BrokerUnavailable       Kafka
    │   └── SourceUnavailable       Spotify: network, 5xx, 429 (with its retry_after)
    ├── UserError                   exit code 2: the message names the cause, `cure` the next step
    │   └── AlreadyThere            somebody else has that name, or what is to be made is there
    ├── NothingYet                  exit code 3: a true answer, and it is empty
    └── RecordsLost                 records vanished before they were read: stop, never go on silently

Retry or give up is decided by `retriable`, never by a list of types elsewhere.
"""

from __future__ import annotations

from typing import ClassVar


class SpotifireError(Exception):
    """The root. `cure` is the next step for whoever reads the message, or empty."""

    retriable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, cure: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.cure = cure

    def one_line(self) -> str:
        """Cause and cure, as a person reads them in a terminal."""
        return f"{self.message} {self.cure}".strip()


class Refused(SpotifireError):
    """A record that a person could mend. `reason` is the word that dead letters are counted by."""

    reason: ClassVar[str] = "refused"


class MalformedJson(Refused):
    """The bytes are not a JSON object."""

    reason = "malformed-json"


class NotUtf8(Refused):
    """The text is in another encoding than UTF-8, or half a character (a lone surrogate) stands in it."""

    reason = "not-utf8"


class UnknownVersion(Refused):
    """The record's schema version is not one that this code reads."""

    reason = "unknown-version"


class MissingField(Refused):
    """A required field is not there."""

    reason = "missing-field"


class WrongType(Refused):
    """A field is there, and holds another type than the schema says."""

    reason = "wrong-type"


class TooLong(Refused):
    """A text or a list is longer than its limit."""

    reason = "too-long"


class ImpossibleTime(Refused):
    """A time before 2006 (Spotify's founding) or more than a day ahead."""

    reason = "impossible-time"


class OutOfRange(Refused):
    """A number or a choice outside its limits."""

    reason = "out-of-range"


class UnknownListener(Refused):
    """Nobody by that id is known."""

    reason = "unknown-listener"


class Erased(Refused):
    """The record's listener was erased."""

    reason = "erased"


class Undone(Refused):
    """The import that published the record was undone."""

    reason = "undone"


class OurFault(Refused):
    """An exception of ours while this one record was worked on."""

    reason = "our-fault"


class Unavailable(SpotifireError):
    """Something outside is down or busy. `retry_after` is in seconds, when it said so."""

    retriable = True

    def __init__(self, message: str, *, cure: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, cure=cure)
        self.retry_after = retry_after


class StoreUnavailable(Unavailable):
    """ClickHouse cannot be reached, or asks us to wait."""


class BrokerUnavailable(Unavailable):
    """Kafka cannot be reached, or asks us to wait."""


class SourceUnavailable(Unavailable):
    """Spotify cannot be reached, answers 5xx, or throttles (429)."""


class UserError(SpotifireError):
    """Something that the person at the keyboard can mend; the command exits with 2."""

    exit_code = 2


class AlreadyThere(UserError):
    """Somebody else has that name, or what is to be made is there already."""


class NothingYet(SpotifireError):
    """A true answer that is empty: no plays in that window, not enough for a profile."""

    exit_code = 3


class RecordsLost(SpotifireError):
    """Records vanished from a partition before they were read (an in-memory broker drops silently)."""

"""What became of a slice, as the agents count and publish it."""

from __future__ import annotations

from msgspec import Struct, field

from streams.contracts.ports import Command
from streams.contracts.topics import Topic
from streams.refusals import DeadLetter
from streams.telling import Messages


class Outcome(Struct):
    """What became of a slice: records by what they were, and what is to be published, in order."""

    stored: int = 0  # records whose sighting was new
    known: int = 0  # records whose sighting was there before, or stood in the slice before
    refused: int = 0  # records that became dead letters
    plays: int = 0  # rows of plays written, without removals
    enriched: Messages = field(default_factory=Messages)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    tombstones: list[tuple[Topic, list[bytes]]] = field(default_factory=list)  # keys whose records are taken back
    # commands that were worked on (streams/commands.py), and what came of each; None: not done yet
    commands: list[tuple[Command, str | None]] = field(default_factory=list)

"""What `spotifire library` shows a person."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from api.examples import LIBRARY
from deploy.commands.library import nothing_yet, picture


def drawn(what: Any) -> str:
    out = Console(file=io.StringIO(), width=120, highlight=False)
    out.print(what)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue()


def test_figures_come_before_lists() -> None:
    text = drawn(picture(LIBRARY))
    assert text.startswith("As of 2025-11-21 20:00 UTC: 812 saved tracks")
    lines = text.splitlines()
    (bar,) = [line for line in lines if line.startswith("plays")]
    assert "█" in bar and bar.endswith("61  (known of 94%)")
    order = ["How well known", "Favourite artists", "Of 131 followed artists 38 dropped, 6 fading, 13 never heard",
             "Liked but never played: 96 of 812 saved tracks"]  # fmt: skip
    places = [next(n for n, line in enumerate(lines) if line.startswith(start)) for start in order]
    assert places == sorted(places)
    (radiohead,) = [line for line in lines if line.startswith("Radiohead")]
    assert radiohead.split() == ["Radiohead", "1", "4", "9", "risen", "3"]
    assert any("Weird Fishes" in line and line.rstrip().endswith("2021-03-04") for line in lines)


def test_lists_without_rows_are_left_out() -> None:
    empty: dict[str, Any] = {
        **LIBRARY,
        "favourites": {"artists": [], "tracks": []},
        "never_played": {"saved": 0, "never_played": 0, "rows": []},
        "followed": {**LIBRARY["followed"], "rows": []},
        "well_known": [{**LIBRARY["well_known"][0], "index": None, "coverage": 0.0}],
    }
    assert drawn(picture(empty)).splitlines() == ["As of 2025-11-21 20:00 UTC: 812 saved tracks"]


def test_nothing_yet_says_what_to_do_and_obeys_no_control_character() -> None:
    assert "spotifire listeners connect Ada" in drawn(nothing_yet("Ada"))
    assert "\x1b" not in drawn(nothing_yet("\x1b[2J"))

"""What the command says when it was written wrong, and how its lines come out where no terminal is."""

from __future__ import annotations

import io

import pytest
from rich.console import Console, Group

from api import problems
from deploy import cli
from deploy.commands import console
from deploy.watch import line
from streams.metrics import Snapshot


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["recent"], "spotifire: Missing argument 'listener'. See `spotifire recent --help`."),
        (["recent", "a", "b"], "spotifire: Got unexpected extra argument(s) (b). See `spotifire recent --help`."),
        (["imports", "show"], "spotifire: Missing argument 'listener'. See `spotifire imports show --help`."),
        (["nope"], "spotifire: No such command 'nope'. See `spotifire --help`."),
        (["--nope"], "spotifire: No such option: --nope. See `spotifire --help`."),
    ],
)
def test_one_line_of_cause_and_cure(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["spotifire", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert capsys.readouterr().err.splitlines() == [said]


def test_a_right_command_ends_with_0(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["spotifire", "--version"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert not ended.value.code
    assert capsys.readouterr().out.strip()


FIGURES = Snapshot(
    plays_in=9_136_907, enriched=0, stored=8_136_907, known=1_000_000, refused=0, plays=0, lag=99_999, p50=None, p99=2.5
)


@pytest.mark.parametrize("columns", [40, 80, 100])
def test_the_live_line_is_one_line_on_a_terminal(columns: int) -> None:
    drawn = io.StringIO()
    Console(file=drawn, width=columns, force_terminal=True, color_system=None).print(Group(line(FIGURES)))
    (row,) = drawn.getvalue().splitlines()
    assert len(row) <= columns
    assert row.startswith("read 9,136,907  stored 8,136,907")
    assert columns < 100 or row.rstrip().endswith("queryable p99 2.50 s")


def test_what_is_piped_is_not_broken(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    console.for_person(stderr=False).print("word " * 60)
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize(
    ("where", "what", "said"),
    [
        (("body", "name"), "String should have at least 1 character", "name should have at least 1 character."),
        (("query", "limit"), "Input should be greater than 0", "limit should be greater than 0."),
        (("body", "name"), "Field required", "name is missing."),
        (("body", "role"), "Extra inputs are not permitted", "role is not known here."),
        (("body", "zone"), "Value error, there is no such zone", "zone: there is no such zone."),
        (("body", 9), "JSON decode error", "9: JSON decode error."),
    ],
)
def test_what_the_api_refuses_in_words(where: tuple[str | int, ...], what: str, said: str) -> None:
    assert problems.wrong(where, what) == said

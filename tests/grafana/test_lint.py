"""The form of every dashboard: what Grafana and a person who reads it can rely on."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from grafana import home, palette, you, you_sql
from grafana.query import PLUGIN, PLUGIN_VERSION
from grafana.render import FOLDER, render, rendered
from ml.features import FEATURES
from ml.personas import DESCRIPTIONS
from streams.enrich.genre_words import FAMILIES
from tests.grafana.boards import BOARDS, asked

SOURCE = {"type": PLUGIN, "uid": "${source}"}
WITHOUT_QUERY = {"text", "dashlist"}
RANGES = {
    "home": "now-7d", "now": "now-30d", "taste": "now-90d", "rhythm": "now-1y", "evolution": "now-90d",
    "you": "now-1y", "pipeline": "now-24h",
}  # fmt: skip
MACROS = {"$__fromTime", "$__toTime", "$__interval_s"}
HEALTH = re.compile(r"green|red\b|Rd|Gr(?=Yl)|#(?:f00|ff0000|0f0|00ff00)\b")

each = pytest.mark.parametrize("name", BOARDS)


def panels(name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = BOARDS[name]["panels"]
    return found


@pytest.mark.drift
def test_what_is_committed_is_what_is_rendered() -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(rendered())
    for name, text in rendered().items():
        assert (FOLDER / name).read_text("utf-8") == text, "run: spotifire grafana render"


def test_render_writes_every_dashboard(tmp_path: Path) -> None:
    written = render(tmp_path / "new")
    assert {path.name: path.read_text("utf-8") for path in written} == rendered()


@each
def test_every_panel_has_a_title_and_asks_one_question(name: str) -> None:
    titles = [panel["title"].strip() for panel in panels(name)]
    assert all(titles)
    assert len(set(titles)) == len(titles), "a title stands twice"
    for panel in panels(name):
        question = panel["description"]
        assert question.endswith("?")
        assert question[0].isupper()
        assert question.count("?") + question.count(". ") == 1, "one sentence"


@each
def test_every_panel_with_a_query_has_a_unit_and_the_chosen_source(name: str) -> None:
    for panel in panels(name):
        if panel["type"] in WITHOUT_QUERY:
            assert not panel.get("targets")
            continue
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == SOURCE
        assert panel["targets"]
        letters = [target["refId"] for target in panel["targets"]]
        assert len(set(letters)) == len(letters)
        for target in panel["targets"]:
            assert target["datasource"] == SOURCE
            assert target["editorType"] == "sql"
            assert target["format"] in (0, 1)
            assert target["queryType"] == ("table" if target["format"] else "timeseries")
            assert target["pluginVersion"] == PLUGIN_VERSION
        if panel["type"] in {"timeseries", "status-history"}:
            assert all(target["format"] == 0 for target in panel["targets"])


@each
def test_no_uid_of_a_data_source_is_written_down(name: str) -> None:
    board = BOARDS[name]
    holders = [*board["templating"]["list"], *board["annotations"].get("list", ())]
    for holder in holders:
        assert holder.get("type") == "datasource" or holder["datasource"] == SOURCE
    kinds = [variable["type"] for variable in board["templating"]["list"]]
    assert kinds[0] == "datasource", "the others ask it"
    assert kinds.count("datasource") == 1


@each
def test_ids_are_unique_and_no_panel_overlaps_or_leaves_the_grid(name: str) -> None:
    ids = [panel["id"] for panel in panels(name)]
    assert len(set(ids)) == len(ids)
    assert min(ids) > 0
    places = {panel["title"]: panel["gridPos"] for panel in panels(name)}
    for place in places.values():
        assert 0 <= place["x"] < place["x"] + place["w"] <= 24
        assert place["h"] >= 4
    for (left, a), (right, b) in combinations(places.items(), 2):
        apart = (
            a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
            or a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        )  # fmt: skip
        assert apart, f"{left} lies over {right}"


@each
def test_range_refresh_and_schema(name: str) -> None:
    board = BOARDS[name]
    assert board["schemaVersion"] == 42
    assert board["uid"] == f"spotifire-{name}"
    assert board["time"] == {"from": RANGES[name], "to": "now"}
    assert board["refresh"] == ("5s" if name in {"now", "pipeline"} else "1m")
    assert board["description"].endswith(".")


def test_every_dashboard_links_to_the_others() -> None:
    assert len({board["uid"] for board in BOARDS.values()}) == len(BOARDS)
    for board in BOARDS.values():
        (link,) = board["links"]
        assert (link["type"], link["includeVars"]) == ("dashboards", True)
        assert "placement" not in link, "in sight"
        assert set(link["tags"]) <= set(board["tags"])
    guide, *_ = panels("home")
    assert set(re.findall(r"/d/([\w-]+)", guide["options"]["content"])) == {
        board["uid"] for name, board in BOARDS.items() if name != "home"
    }
    assert [name.lower() for name in home.GUIDE] == [name for name in BOARDS if name != "home"]


@each
def test_listener_and_window_are_variables(name: str) -> None:
    variables = [variable["name"] for variable in BOARDS[name]["templating"]["list"]]
    wanted = {
        "home": [], "now": ["listener"], "you": ["listener", "profile"], "pipeline": [],
        "evolution": ["listener", "window", "season"],
    }  # fmt: skip
    assert variables == ["source", *wanted.get(name, ["listener", "window"])]


@pytest.mark.parametrize("query", list(asked()), ids=str)
def test_queries_use_only_macros_and_variables_that_are_safe(query: Any) -> None:
    known = {variable["name"] for variable in BOARDS[query.board]["templating"]["list"]} - {"source"}
    assert set(re.findall(r"\$__\w+", query.sql)) <= MACROS
    forms = set(re.findall(r"\$\{[^}]*\}|\$(?!__|\{)\w+", query.sql))
    assert forms <= {f"${{{name}:singlequote}}" for name in known}
    assert "'${" not in query.sql, "quoted twice"
    assert "--" not in query.sql, "macros expand in comments too"
    assert not re.search(r"\$__timeGroup|\$__conditionalAll|\$__adHoc", query.sql)
    if query.shape == 0:
        assert re.search(r"ORDER BY time\b", query.sql), "the plugin takes times only in order"


@pytest.mark.parametrize("name", [name for name in BOARDS if name != "pipeline"])
def test_red_and_green_are_for_health_only(name: str) -> None:
    for panel in panels(name):
        colours = re.findall(r"(?:fixedColor|color|mode)': '([^']+)'", str(panel.get("fieldConfig")))
        assert not [colour for colour in colours if HEALTH.search(colour)], panel["title"]
        if panel["type"] in {"gauge", "bargauge", "timeseries", "barchart", "histogram", "xychart"}:
            steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps")
            assert steps and len(steps) == 1, f"{panel['title']}: without its own, Grafana paints 80 and more red"


# What is written in two places, since grafana imports nothing of ours


def test_the_personalities_are_those_of_the_model() -> None:
    assert dict(DESCRIPTIONS) == you.PERSONALITIES
    assert set(you.COLOURS) == set(DESCRIPTIONS)


def test_the_habits_that_are_drawn_are_shares() -> None:
    assert set(you_sql.SHARES) == {feature.name for feature in FEATURES if feature.unit == "share"}
    lines = {panel["title"]: panel for panel in panels("you")}["Drift of habits"]
    painted = {override["matcher"]["options"] for override in lines["fieldConfig"]["overrides"]}
    assert painted == set(you_sql.SHARES.values())


def test_every_family_has_a_colour_of_its_own() -> None:
    assert set(palette.FAMILIES) == {*FAMILIES, "other"}
    assert len(set(palette.FAMILIES.values())) == len(palette.FAMILIES)

"""The dashboard You: the listening personality, why, since when, and the others beside it."""

from __future__ import annotations

from grafana_foundation_sdk.builders import gauge, stat, statetimeline, table, text, timeseries
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMap, ValueMappingResult
from grafana_foundation_sdk.models.text import TextMode

from grafana import you_sql
from grafana.board import ASIDE, accent, at, choice, colour, figures, gauge_cell, head, listener, plain
from grafana.query import SOURCE, Format, Query

# As ml/personas.py has them; a test compares.
PERSONALITIES = {
    "Mainstream Explorer": "You are at home with what everybody knows, and always find the next hit in it.",
    "Underground Hunter": "You go looking where few others listen, across many genres.",
    "Music Addict": "There is hardly an hour without music, and your favourites come round again and again.",
    "Night Owl": "Your music starts when others go to bed.",
    "Casual Listener": "You put music on now and then, and like what you already know.",
}
COLOURS = {
    "Mainstream Explorer": "orange",
    "Underground Hunter": "blue",
    "Music Addict": "purple",
    "Night Owl": "dark-blue",
    "Casual Listener": "yellow",
}
_LINES = {
    "days with music": "purple",
    "at night": "dark-blue",
    "in the evening": "blue",
    "at weekends": "light-blue",
    "new tracks": "orange",
    "repeated within a week": "light-orange",
    "the top artist": "yellow",
    "skipped": ASIDE,
}


def dashboard() -> Dashboard:
    """The dashboard, ready to build."""
    board = head(
        "You",
        "Who I am as a listener, why, since when, and how others compare.",
        since="now-1y",
        choices=[listener(), choice("profile", "Profile of", you_sql.PROFILES)],
    )
    board.with_panel(_personality().id(1).grid_pos(at(0, 0, 8, 7)))
    board.with_panel(_confidence().id(2).grid_pos(at(8, 0, 4, 7)))
    board.with_panel(_reasons().id(3).grid_pos(at(12, 0, 12, 7)))
    board.with_panel(_history().id(4).grid_pos(at(0, 7, 16, 7)))
    board.with_panel(_meanings().id(5).grid_pos(at(16, 7, 8, 7)))
    board.with_panel(_drift().id(6).grid_pos(at(0, 14, 24, 10)))
    board.with_panel(_compared().id(7).grid_pos(at(0, 24, 24, 10)))
    return board


def _personality() -> stat.Panel:
    return (
        stat.Panel()
        .title("Personality")
        .description("What kind of listener am I?")
        .datasource(SOURCE)
        .with_target(Query(you_sql.PERSONALITY))
        .unit("string")
        .no_value("No profile yet")
        .color_scheme(accent())
        .thresholds(plain())
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .text_mode(BigValueTextMode.VALUE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]).fields("/^personality$/"))
    )


def _confidence() -> gauge.Panel:
    return (
        gauge.Panel()
        .title("Confidence")
        .description("How sure is the model of this personality?")
        .datasource(SOURCE)
        .with_target(Query(you_sql.CONFIDENCE))
        .unit("percentunit")
        .decimals(0)
        .min(0)
        .max(1)
        .no_value("–")
        .color_scheme(accent())
        .thresholds(plain())
        .show_threshold_markers(False)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _reasons() -> table.Panel:
    return (
        table.Panel()
        .title("Why")
        .description("What in my listening makes me that kind of listener?")
        .datasource(SOURCE)
        .with_target(Query(you_sql.REASONS))
        .unit("string")
        .show_header(False)
        .no_value("No profile yet")
    )


def _history() -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .title("Personalities over time")
        .description("Since when am I that kind of listener, and what was I before?")
        .datasource(SOURCE)
        .with_target(Query(you_sql.HISTORY))
        .unit("string")
        .thresholds(plain())
        .merge_values(True)
        .show_value(VisibilityMode.AUTO)
        .mappings([ValueMap({name: ValueMappingResult(color=shown) for name, shown in COLOURS.items()})])
        .legend(VizLegendOptions().show_legend(False))
    )


def _meanings() -> text.Panel:
    lines = "\n".join(f"- **{name}**: {meaning}" for name, meaning in PERSONALITIES.items())
    return (
        text.Panel()
        .title("The five personalities")
        .description("What does each personality mean?")
        .mode(TextMode.MARKDOWN)
        .content(lines)
        .transparent(True)
    )


def _drift() -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title("Drift of habits")
        .description("Which of my habits change, as a share of my plays or days?")
        .datasource(SOURCE)
        .with_target(Query(you_sql.DRIFT, Format.TIME_SERIES))
        .unit("percentunit")
        .decimals(0)
        .axis_soft_min(0)
        .thresholds(plain())
        .line_width(2)
        .show_points(VisibilityMode.ALWAYS)
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.TABLE)
            .placement(LegendPlacement.RIGHT)
            .calcs(["first", "lastNotNull"])
        )
    )  # fmt: skip
    for name, shown in _LINES.items():
        panel.override_by_name(name, [colour(shown)])
    return panel


def _compared() -> table.Panel:
    return (
        table.Panel()
        .title("Listeners compared")
        .description("How do I listen beside the others, over the same window?")
        .datasource(SOURCE)
        .with_target(Query(you_sql.LISTENERS_COMPARED))
        .unit("string")
        .override_by_name("plays", [*figures("short"), DynamicConfigValue("decimals", 0)])
        .override_by_name("mainstream", [*gauge_cell(top=100), _called("mainstream index")])
        .override_by_name("discovery", [*gauge_cell("percentunit", top=1), _called("new tracks")])
        .override_by_name("night", [*gauge_cell("percentunit", top=1), _called("at night")])
        .override_by_name("a_day", [*gauge_cell(), _called("plays on a day with music")])
    )


def _called(name: str) -> DynamicConfigValue:
    return DynamicConfigValue("displayName", name)

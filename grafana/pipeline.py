"""The dashboard Pipeline: whether all runs, how far behind, how fast, and what was lost."""

from __future__ import annotations

from collections.abc import Sequence

from grafana_foundation_sdk.builders import barchart, stat, table, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    VizLegendOptions,
)
from grafana_foundation_sdk.builders.dashboard import Dashboard, FieldColor, ThresholdsConfig
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    GraphThresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from grafana import pipeline_sql as sql
from grafana.board import ACCENT, ASIDE, at, colour, head
from grafana.query import SOURCE, Format, Query

GOOD, BAD = "green", "red"  # health, and here alone
LAG_BAD = 10_000  # records
LATENCY_BAD = 5  # seconds
POLL_BAD = 3_960  # seconds: an hour and a tenth is the longest pause of a listener who hears nothing


def dashboard() -> Dashboard:
    """The dashboard, ready to build."""
    board = head(
        "Pipeline",
        "Whether every part runs, how far behind and how fast it is, and what was refused or missed.",
        since="now-24h",
        refresh="5s",
        timezone="browser",
    )
    figures = (
        ("Silent for", "How long has each part said nothing?", sql.SILENT, "s", 60, "nothing heard"),
        ("Behind", "How many records wait in Kafka?", sql.LAG_NOW, "short", LAG_BAD, "no worker"),
        ("Until queryable", "How long do the slowest plays take?", sql.LATENCY_NOW, "s", LATENCY_BAD, "no plays"),
        ("Refused", "How many refused records are not resolved?", sql.REFUSED_OPEN, "short", 1, "0"),
        ("Oldest poll", "Who waits longest for a good poll?", sql.POLL_AGE_NOW, "s", POLL_BAD, "nobody"),
        ("Spotify asks to wait", "How long may nothing be asked?", sql.BLOCKED_NOW, "s", 60, "no collector"),
    )  # fmt: skip
    for number, (title, question, query, unit, bad, nothing) in enumerate(figures):
        panel = _figure(title, question, query, unit, bad, nothing)
        board.with_panel(panel.id(number + 1).grid_pos(at(4 * number, 0, 4, 5)))
    board.with_panel(_lag().id(7).grid_pos(at(0, 5, 12, 8)))
    board.with_panel(_latency().id(8).grid_pos(at(12, 5, 12, 8)))
    board.with_panel(_events().id(9).grid_pos(at(0, 13, 12, 8)))
    board.with_panel(_dead_letters().id(10).grid_pos(at(12, 13, 12, 8)))
    board.with_panel(_polls().id(11).grid_pos(at(0, 21, 12, 8)))
    board.with_panel(_asked().id(12).grid_pos(at(12, 21, 12, 8)))
    board.with_panel(_coverage().id(13).grid_pos(at(0, 29, 12, 8)))
    board.with_panel(_gaps().id(14).grid_pos(at(12, 29, 12, 8)))
    return board


def _health(bad: float) -> ThresholdsConfig:
    """Green, and red from `bad` on."""
    steps = [Threshold(value=None, color=GOOD), Threshold(value=bad, color=BAD)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)


def _figure(title: str, question: str, query: str, unit: str, bad: float, nothing: str) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .description(question)
        .datasource(SOURCE)
        .with_target(Query(query))
        .unit(unit)
        .no_value(nothing)
        .thresholds(_health(bad))
        .color_scheme(FieldColor().mode(FieldColorModeId.THRESHOLDS))
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(ReduceDataOptions().values(True).calcs([]).limit(4))
    )


def _series(title: str, question: str, query: str, unit: str) -> timeseries.Panel:
    legend = VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    return (
        timeseries.Panel()
        .title(title)
        .description(question)
        .datasource(SOURCE)
        .with_target(Query(query, Format.TIME_SERIES))
        .unit(unit)
        .min(0)
        .line_width(1)
        .fill_opacity(8)
        .span_nulls(False)  # a hole is a part that was not there
        .legend(legend.show_legend(True))
    )


def _lined(panel: timeseries.Panel, bad: float) -> timeseries.Panel:
    """The same with a line where it becomes bad."""
    style = GraphThresholdsStyleConfig().mode(GraphThresholdsStyleMode.LINE)
    return panel.thresholds(_health(bad)).thresholds_style(style)


def _coloured(panel: timeseries.Panel, colours: Sequence[tuple[str, str]]) -> timeseries.Panel:
    for name, its in colours:
        panel.override_by_name(name, [colour(its)])
    return panel


def _lag() -> timeseries.Panel:
    return _lined(
        _series("Lag by group", "Does each group of readers keep up with its topics?", sql.LAG, "short"), LAG_BAD
    )


def _latency() -> timeseries.Panel:
    panel = _series(
        "Play to queryable", "How long does a play take from Kafka until a query finds it?", sql.LATENCY, "s"
    )
    return _lined(_coloured(panel, (("p50", ASIDE), ("p95", "light-purple"), ("p99", ACCENT))), LATENCY_BAD)


def _events() -> timeseries.Panel:
    panel = _series("Events", "How many plays a minute come in, and what becomes of them?", sql.EVENTS, "cpm")
    return _coloured(panel, (("plays in", ASIDE), ("stored", ACCENT), ("refused", BAD)))


def _dead_letters() -> barchart.Panel:
    return (
        barchart.Panel()
        .title("Dead letters by reason")
        .description("Why were records refused, imports too, and which were mended?")
        .datasource(SOURCE)
        .with_target(Query(sql.DEAD_LETTERS))
        .unit("short")
        .no_value("None were refused")
        .x_field("reason")
        .orientation(VizOrientation.HORIZONTAL)
        .stacking(StackingMode.NORMAL)
        .override_by_name("open", [colour(BAD)])
        .override_by_name("resolved", [colour(GOOD)])
        .legend(VizLegendOptions().placement(LegendPlacement.BOTTOM).show_legend(True))
    )


def _polls() -> timeseries.Panel:
    panel = _series(
        "Last good poll by listener", "When did Spotify last tell us what each listener played?", sql.POLL_AGE, "s"
    )
    return _lined(panel, POLL_BAD)


def _asked() -> timeseries.Panel:
    panel = _series(
        "Calls to Spotify and 429s",
        "How often is Spotify asked, and how often did it want a pause, since it never says how much quota is left?",
        sql.ASKED,
        "short",
    ).draw_style(GraphDrawStyle.BARS)
    return _coloured(panel, (("calls", ASIDE), ("told to slow down", "orange"), ("quota used up", BAD)))


def _coverage() -> timeseries.Panel:
    panel = _series(
        "Enrichment coverage", "Of how many stored plays are artist, genre and time heard known?", sql.COVERAGE,
        "percentunit",
    )  # fmt: skip
    return _coloured(
        panel.max(1), (("genre known", ACCENT), ("artist linked", "light-purple"), ("time heard known", ASIDE))
    )


def _gaps() -> table.Panel:
    states = [{"type": "value", "options": {"open": {"color": BAD, "index": 0}, "closed": {"color": GOOD, "index": 1}}}]
    return (
        table.Panel()
        .title("Gaps")
        .description("Where may plays be missing that only an import can bring?")
        .datasource(SOURCE)
        .with_target(Query(sql.GAPS))
        .unit("string")
        .no_value("No gaps")
        .override_by_name("from", [DynamicConfigValue("unit", "dateTimeAsLocal")])
        .override_by_name("until", [DynamicConfigValue("unit", "dateTimeAsLocal")])
        .override_by_name(
            "state",
            [DynamicConfigValue("mappings", states), DynamicConfigValue("custom.cellOptions", {"type": "color-text"})],
        )
    )

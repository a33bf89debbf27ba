"""The dashboard Evolution: genres over time, discovery, seasons, what came and what went."""

from __future__ import annotations

from grafana_foundation_sdk.builders import barchart, table, timeseries
from grafana_foundation_sdk.builders.common import StackingConfig, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import (
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import evolution_sql
from grafana.board import (
    ACCENT,
    ASIDE,
    accent,
    at,
    choice,
    choices_of_plays,
    colour,
    gauge_cell,
    head,
    image,
    plain,
)
from grafana.palette import FAMILIES, of_family
from grafana.query import SOURCE, Format, Query


def dashboard() -> Dashboard:
    """The dashboard, ready to build."""
    board = head(
        "Evolution",
        "How my taste changes: genres by week and season, what I discover and what I forget.",
        since="now-90d",
        choices=[*choices_of_plays(), choice("season", "Season", evolution_sql.SEASONS)],
    )
    board.with_panel(_genres().id(1).grid_pos(at(0, 0, 24, 11)))
    board.with_panel(_discovery().id(2).grid_pos(at(0, 11, 8, 9)))
    board.with_panel(_new().id(3).grid_pos(at(8, 11, 8, 9)))
    board.with_panel(_season().id(4).grid_pos(at(16, 11, 8, 9)))
    board.with_panel(_first().id(5).grid_pos(at(0, 20, 12, 16)))
    board.with_panel(_forgotten().id(6).grid_pos(at(12, 20, 12, 16)))
    return board


def _below() -> VizLegendOptions:
    return (
        VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    )  # fmt: skip


def _genres() -> timeseries.Panel:
    panel = (
        timeseries.Panel()
        .title("Genres by week")
        .description("Which genres make up my weeks, and how do their shares shift?")
        .datasource(SOURCE)
        .with_target(Query(evolution_sql.GENRES_BY_WEEK, Format.TIME_SERIES))
        .unit("percentunit")
        .thresholds(plain())
        .draw_style(GraphDrawStyle.BARS)
        .bar_width_factor(0.95)
        .line_width(0)
        .fill_opacity(90)
        .stacking(StackingConfig().mode(StackingMode.PERCENT).group("A"))
        .legend(_below())
    )
    for name in FAMILIES:
        panel.override_by_name(name, of_family(name))
    return panel


def _discovery() -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title("Discovery rate")
        .description("How much of what I play in a week is a track that I had never played before?")
        .datasource(SOURCE)
        .with_target(Query(evolution_sql.DISCOVERY, Format.TIME_SERIES))
        .unit("percentunit")
        .decimals(0)
        .min(0)
        .color_scheme(accent())
        .thresholds(plain())
        .line_width(2)
        .fill_opacity(10)
        .show_points(VisibilityMode.ALWAYS)
        .legend(VizLegendOptions().show_legend(False))
    )


def _new() -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title("New against repeated")
        .description("How many of a week's plays are first hearings, and how many come back to what I know?")
        .datasource(SOURCE)
        .with_target(Query(evolution_sql.NEW_AND_REPEATED, Format.TIME_SERIES))
        .unit("short")
        .decimals(0)
        .thresholds(plain())
        .draw_style(GraphDrawStyle.BARS)
        .bar_width_factor(0.9)
        .line_width(0)
        .fill_opacity(90)
        .stacking(StackingConfig().mode(StackingMode.NORMAL).group("A"))
        .override_by_name("first_hearings", [colour(ACCENT), DynamicConfigValue("displayName", "new")])
        .override_by_name("repeated", [colour(ASIDE)])
        .legend(_below())
    )


def _season() -> barchart.Panel:
    return (
        barchart.Panel()
        .title("Genres of the season")
        .description("Which genres belong to this season more than to the rest of my time?")
        .datasource(SOURCE)
        .with_target(Query(evolution_sql.SEASON))
        .unit("percentunit")
        .decimals(0)
        .min(0)
        .thresholds(plain())
        .x_field("family")
        .orientation(VizOrientation.HORIZONTAL)
        .override_by_name("season", [colour(ACCENT), DynamicConfigValue("displayName", "this season")])
        .override_by_name("always", [colour(ASIDE), DynamicConfigValue("displayName", "all time")])
        .legend(_below())
    )


def _first() -> table.Panel:
    return (
        table.Panel()
        .title("First heard")
        .description("Which artists did I hear for the first time in this window, and which of them stayed?")
        .datasource(SOURCE)
        .with_target(Query(evolution_sql.FIRST_HEARD))
        .unit("string")
        .override_by_name("cover", image(64))
        .override_by_name(
            "first_heard", [DynamicConfigValue("displayName", "first heard"), DynamicConfigValue("custom.width", 110)]
        )
        .override_by_name("plays", gauge_cell())
    )


def _forgotten() -> table.Panel:
    return (
        table.Panel()
        .title("Forgotten favourites")
        .description("Which artists did I play a lot, but not in the last 90 days of this window?")
        .datasource(SOURCE)
        .with_target(Query(evolution_sql.FORGOTTEN))
        .unit("string")
        .override_by_name("cover", image(64))
        .override_by_name(
            "last_heard", [DynamicConfigValue("displayName", "last heard"), DynamicConfigValue("custom.width", 110)]
        )
        .override_by_name("plays", gauge_cell())
    )

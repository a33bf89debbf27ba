"""The dashboard Rhythm: clock, week, calendar, sessions, streaks."""

from __future__ import annotations

from grafana_foundation_sdk.builders import barchart, histogram, stat, statushistory, table
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import (
    BigValueColorMode,
    BigValueGraphMode,
    LegendDisplayMode,
    LegendPlacement,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, ValueMap, ValueMappingResult

from grafana import rhythm_sql
from grafana.board import ACCENT, ASIDE, accent, at, choices_of_plays, colour, head, plain, shades
from grafana.query import SOURCE, Format, Query

_CELL = {"type": "color-background", "mode": "basic"}


def dashboard() -> Dashboard:
    """The dashboard, ready to build."""
    board = head(
        "Rhythm",
        "When I listen: hours of the day, days of the week, sessions and streaks, by my own clock.",
        since="now-1y",
        choices=choices_of_plays(),
    )
    board.with_panel(_clock().id(1).grid_pos(at(0, 0, 12, 9)))
    board.with_panel(_weekend().id(2).grid_pos(at(12, 0, 12, 9)))
    board.with_panel(_week().id(3).grid_pos(at(0, 9, 24, 10)))
    board.with_panel(_calendar().id(4).grid_pos(at(0, 19, 24, 9)))
    board.with_panel(_streaks().id(5).grid_pos(at(0, 28, 8, 9)))
    board.with_panel(_sessions().id(6).grid_pos(at(8, 28, 16, 9)))
    return board


def _clock() -> barchart.Panel:
    return (
        barchart.Panel()
        .title("Plays by hour")
        .description("At which hours of my day do I listen?")
        .datasource(SOURCE)
        .with_target(Query(rhythm_sql.CLOCK))
        .unit("short")
        .color_scheme(accent())
        .thresholds(plain())
        .x_field("hour")
        .legend(VizLegendOptions().show_legend(False))
    )


def _weekend() -> barchart.Panel:
    return (
        barchart.Panel()
        .title("Weekday against weekend")
        .description("At which hours do I listen more on a free day than on a working day, in plays per day?")
        .datasource(SOURCE)
        .with_target(Query(rhythm_sql.WEEKDAY_AND_WEEKEND))
        .unit("short")
        .decimals(1)
        .thresholds(plain())
        .x_field("hour")
        .override_by_name(
            "weekday_plays", [colour(ASIDE), DynamicConfigValue("displayName", "Monday to Friday")]
        )
        .override_by_name(
            "weekend_plays", [colour(ACCENT), DynamicConfigValue("displayName", "Saturday and Sunday")]
        )
        .legend(
            VizLegendOptions()
            .show_legend(True)
            .display_mode(LegendDisplayMode.LIST)
            .placement(LegendPlacement.BOTTOM)
        )
    )  # fmt: skip


def _week() -> table.Panel:
    return (
        table.Panel()
        .title("Hours of the week")
        .description("On which weekdays and at which hours do I listen most?")
        .datasource(SOURCE)
        .with_target(Query(rhythm_sql.WEEK))
        .unit("short")
        .decimals(0)
        .min(0)
        .color_scheme(shades())
        .thresholds(plain())
        .mappings([ValueMap({"0": ValueMappingResult(text="·")})])
        .override_by_regexp(
            "/^[0-9]{2}$/",
            [
                DynamicConfigValue("custom.cellOptions", _CELL),
                DynamicConfigValue("custom.align", "center"),
                DynamicConfigValue("custom.minWidth", 40),
            ],
        )
        .override_by_name("weekday", [DynamicConfigValue("unit", "string"), DynamicConfigValue("custom.width", 80)])
    )


def _calendar() -> statushistory.Panel:
    return (
        statushistory.Panel()
        .title("Calendar")
        .description("On which days did I listen, and how much?")
        .datasource(SOURCE)
        .with_target(Query(rhythm_sql.CALENDAR, Format.TIME_SERIES))
        .unit("short")
        .decimals(0)
        .min(0)
        .color_scheme(shades())
        .thresholds(plain())
        .show_value(VisibilityMode.NEVER)
        .row_height(0.9)
        .col_width(0.9)
        .legend(VizLegendOptions().show_legend(False))
    )


def _streaks() -> stat.Panel:
    return (
        stat.Panel()
        .title("Streaks")
        .description("How many days in a row have I listened now, and what is my record?")
        .datasource(SOURCE)
        .with_target(Query(rhythm_sql.STREAKS))
        .unit("suffix: days")
        .decimals(0)
        .no_value("0")
        .color_scheme(accent())
        .thresholds(plain())
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.NONE)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _sessions() -> histogram.Panel:
    return (
        histogram.Panel()
        .title("Length of sessions")
        .description("How long do I listen without a break of more than half an hour?")
        .datasource(SOURCE)
        .with_target(Query(rhythm_sql.SESSIONS))
        .unit("m")
        .color_scheme(accent())
        .thresholds(plain())
        .bucket_size(15)
        .bucket_offset(0)
        .legend(VizLegendOptions().show_legend(False))
    )

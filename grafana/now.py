"""The dashboard Now: what plays, what today was like, the last plays."""

from __future__ import annotations

from grafana_foundation_sdk.builders import barchart, stat, statetimeline, table
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BigValueColorMode, BigValueGraphMode
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import now_sql
from grafana.board import accent, at, head, image, listener, plain
from grafana.query import SOURCE, Format, Query


def dashboard() -> Dashboard:
    """The dashboard, ready to build."""
    board = head(
        "Now",
        "What plays at this moment, and what the day sounds like so far.",
        since="now-30d",
        refresh="5s",
        timezone="browser",
        choices=[listener()],
    )
    board.with_panel(_playing().id(1).grid_pos(at(0, 0, 8, 6)))
    for number, (title, question, sql, unit) in enumerate(
        (
            ("Plays today", "How many tracks did I hear today?", now_sql.PLAYS_TODAY, "short"),
            ("Minutes today", "How long did I listen today?", now_sql.MINUTES_TODAY, "m"),
            ("Artists today", "How many different artists did I hear today?", now_sql.ARTISTS_TODAY, "short"),
            (
                "New artists today",
                "How many artists did I hear for the first time ever today?",
                now_sql.NEW_ARTISTS_TODAY,
                "short",
            ),
        )
    ):
        board.with_panel(_figure(title, question, sql, unit).id(number + 2).grid_pos(at(8 + 4 * number, 0, 4, 6)))
    board.with_panel(_days().id(6).grid_pos(at(0, 6, 16, 8)))
    board.with_panel(_sessions().id(7).grid_pos(at(16, 6, 8, 8)))
    board.with_panel(_last().id(8).grid_pos(at(0, 14, 24, 16)))
    return board


def _playing() -> table.Panel:
    return (
        table.Panel()
        .title("Playing now")
        .description("What is playing at this moment?")
        .datasource(SOURCE)
        .with_target(Query(now_sql.PLAYING))
        .unit("string")
        .no_value("Nothing plays")
        .override_by_name("cover", image(72))
        .override_by_name("seen", [DynamicConfigValue("unit", "dateTimeFromNow")])
    )


def _figure(title: str, question: str, sql: str, unit: str) -> stat.Panel:
    return (
        stat.Panel()
        .title(title)
        .description(question)
        .datasource(SOURCE)
        .with_target(Query(sql, Format.TIME_SERIES))
        .unit(unit)
        .decimals(0)
        .no_value("0")
        .color_scheme(accent())
        .thresholds(plain())
        .color_mode(BigValueColorMode.VALUE)
        .graph_mode(BigValueGraphMode.AREA)
        .reduce_options(ReduceDataOptions().calcs(["sum"]))
    )


def _days() -> barchart.Panel:
    return (
        barchart.Panel()
        .title("Plays by day")
        .description("On which days did I listen, and how much?")
        .datasource(SOURCE)
        .with_target(Query(now_sql.PLAYS_BY_DAY))
        .unit("short")
        .color_scheme(accent())
        .thresholds(plain())
        .x_field("day")
        .x_tick_label_spacing(100)
        .legend(VizLegendOptions().show_legend(False))
    )


def _sessions() -> statetimeline.Panel:
    return (
        statetimeline.Panel()
        .title("Sessions of the last 24 hours")
        .description("When did I listen without a break of more than half an hour?")
        .datasource(SOURCE)
        .with_target(Query(now_sql.SESSIONS))
        .time_from("24h")
        .hide_time_override(True)
        .unit("string")
        .color_scheme(accent())
        .thresholds(plain())
        .merge_values(False)
        .legend(VizLegendOptions().show_legend(False))
    )


def _last() -> table.Panel:
    return (
        table.Panel()
        .title("Last 50 plays")
        .description("What did I hear last, in my own local time?")
        .datasource(SOURCE)
        .with_target(Query(now_sql.LAST_PLAYS))
        .unit("string")
        .override_by_name("cover", image(64))
        .override_by_name("played", [DynamicConfigValue("custom.width", 150)])
        .override_by_name("heard", [DynamicConfigValue("unit", "dtdurations"), DynamicConfigValue("custom.width", 120)])
    )

"""The dashboard Taste: favourites, and how well known they are."""

from __future__ import annotations

from grafana_foundation_sdk.builders import barchart, bargauge, gauge, histogram, table, timeseries, xychart
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.xychart import SeriesMapping, XYShowMode

from grafana import library, taste_sql
from grafana.board import accent, at, axis, choices_of_plays, figures, gauge_cell, head, image, plain
from grafana.query import SOURCE, Format, Query


def dashboard() -> Dashboard:
    """The dashboard, ready to build."""
    board = head(
        "Taste",
        "What I like: artists, tracks, albums, how well known they are, and my library against what I play.",
        since="now-90d",
        choices=choices_of_plays(),
    )
    board.with_panel(_artists().id(1).grid_pos(at(0, 0, 14, 16)))
    board.with_panel(_tracks().id(2).grid_pos(at(14, 0, 10, 16)))
    board.with_panel(_albums().id(3).grid_pos(at(0, 16, 14, 14)))
    board.with_panel(_decades().id(4).grid_pos(at(14, 16, 10, 14)))
    board.with_panel(_index().id(5).grid_pos(at(0, 30, 6, 9)))
    board.with_panel(_trend().id(6).grid_pos(at(6, 30, 18, 9)))
    board.with_panel(_popularity().id(7).grid_pos(at(0, 39, 14, 12)))
    board.with_panel(_bands().id(8).grid_pos(at(14, 39, 10, 12)))
    library.add(board, 51, 9)
    return board


def _artists() -> table.Panel:
    return (
        table.Panel()
        .title("Top artists")
        .description("Which artists do I play most, and how well known are they?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.TOP_ARTISTS))
        .unit("string")
        .override_by_name("cover", image(64))
        .override_by_name("plays", gauge_cell())
        .override_by_name("minutes", figures("m", 110))
        .override_by_name("popularity", gauge_cell(top=100))
    )


def _tracks() -> bargauge.Panel:
    return (
        bargauge.Panel()
        .title("Top tracks")
        .description("Which tracks do I play most?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.TOP_TRACKS))
        .unit("short")
        .decimals(0)
        .min(0)
        .color_scheme(accent())
        .thresholds(plain())
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(ReduceDataOptions().values(True).calcs(["lastNotNull"]))
    )


def _albums() -> table.Panel:
    return (
        table.Panel()
        .title("Top albums")
        .description("Which albums do I play most?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.TOP_ALBUMS))
        .unit("string")
        .override_by_name("cover", image(64))
        .override_by_name("plays", gauge_cell())
    )


def _decades() -> barchart.Panel:
    return (
        barchart.Panel()
        .title("Release decades")
        .description("From which decades is the music that I play?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.DECADES))
        .unit("short")
        .color_scheme(accent())
        .thresholds(plain())
        .x_field("released")
        .legend(VizLegendOptions().show_legend(False))
    )


def _index() -> gauge.Panel:
    return (
        gauge.Panel()
        .title("Mainstream index")
        .description("How well known are the artists that I play, from 0 for nobody's to 100 for everybody's?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.MAINSTREAM))
        .unit("short")
        .decimals(0)
        .min(0)
        .max(100)
        .color_scheme(accent())
        .thresholds(plain())
        .show_threshold_markers(False)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _trend() -> timeseries.Panel:
    return (
        timeseries.Panel()
        .title("Mainstream index by week")
        .description("Does what I play become better known, or less?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.MAINSTREAM_BY_WEEK, Format.TIME_SERIES))
        .unit("short")
        .decimals(0)
        .color_scheme(accent())
        .thresholds(plain())
        .line_width(2)
        .fill_opacity(10)
        .show_points(VisibilityMode.ALWAYS)
        .legend(VizLegendOptions().show_legend(False))
    )


def _popularity() -> xychart.Panel:
    return (
        xychart.Panel()
        .title("Plays against popularity")
        .description("Are my favourites known to everybody, or found by me?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.POPULARITY))
        .unit("short")
        .color_scheme(accent())
        .thresholds(plain())
        .mapping(SeriesMapping.AUTO)
        .show(XYShowMode.POINTS)
        .override_by_name("popularity", axis("popularity of the artist", min=0, max=100))
        .override_by_name("plays", axis("plays", **{"custom.scaleDistribution": {"type": "log", "log": 10}}))
        .legend(VizLegendOptions().show_legend(False))
    )


def _bands() -> histogram.Panel:
    return (
        histogram.Panel()
        .title("Popularity bands")
        .description("How many of my artists are niche, rising, known, popular or stars (20 points each)?")
        .datasource(SOURCE)
        .with_target(Query(taste_sql.BANDS))
        .unit("short")
        .color_scheme(accent())
        .thresholds(plain())
        .bucket_size(20)
        .bucket_offset(0)
        .legend(VizLegendOptions().show_legend(False))
    )

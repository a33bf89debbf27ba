"""The panels about the library, at the end of the dashboard Taste: what is liked against what is played."""

from __future__ import annotations

from grafana_foundation_sdk.builders import barchart, bargauge, gauge, table
from grafana_foundation_sdk.builders.common import ReduceDataOptions, VizLegendOptions
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.common import BarGaugeDisplayMode, StackingMode, VisibilityMode, VizOrientation
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

from grafana import library_sql
from grafana.board import ACCENT, ASIDE, accent, at, colour, figures, gauge_cell, image, plain
from grafana.query import SOURCE, Query

NOTHING = "Nothing yet: connect Spotify"
_SHADES = ("super-light-purple", "light-purple", "purple", "semi-dark-purple", "dark-purple")


def add(board: Dashboard, y: int, first_id: int) -> None:
    """Put the panels below `y`."""
    board.with_panel(_well_known().id(first_id).grid_pos(at(0, y, 14, 11)))
    board.with_panel(_followed().id(first_id + 1).grid_pos(at(14, y, 10, 11)))
    board.with_panel(_moved().id(first_id + 2).grid_pos(at(0, y + 11, 12, 14)))
    board.with_panel(_favourites().id(first_id + 3).grid_pos(at(12, y + 11, 12, 14)))
    board.with_panel(_unheard().id(first_id + 4).grid_pos(at(0, y + 25, 4, 14)))
    board.with_panel(_never_played().id(first_id + 5).grid_pos(at(4, y + 25, 10, 14)))
    board.with_panel(_dropped().id(first_id + 6).grid_pos(at(14, y + 25, 10, 14)))


def _well_known() -> barchart.Panel:
    panel = (
        barchart.Panel()
        .title("The library against the plays")
        .description("Is what I save and follow better known than what I play, by 20 points of popularity each?")
        .datasource(SOURCE)
        .with_target(Query(library_sql.WELL_KNOWN))
        .unit("percentunit")
        .decimals(0)
        .no_value(NOTHING)
        .thresholds(plain())
        .x_field("of")
        .orientation(VizOrientation.HORIZONTAL)
        .stacking(StackingMode.NORMAL)
        .max(1)
        .show_value(VisibilityMode.NEVER)
    )
    for band, shade in zip(library_sql.BANDS, _SHADES, strict=True):
        panel.override_by_name(band, [colour(shade)])
    return panel


def _followed() -> bargauge.Panel:
    return (
        bargauge.Panel()
        .title("Followed artists")
        .description("How many of the artists whom I follow do I still hear?")
        .datasource(SOURCE)
        .with_target(Query(library_sql.FOLLOWED))
        .unit("short")
        .decimals(0)
        .min(0)
        .no_value(NOTHING)
        .color_scheme(accent())
        .thresholds(plain())
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .reduce_options(ReduceDataOptions().values(True).calcs(["lastNotNull"]))
    )


def _moved() -> barchart.Panel:
    return (
        barchart.Panel()
        .title("Risen and fallen")
        .description("Who rose or fell most among my favourites, in places of the last 4 weeks against 6 months?")
        .datasource(SOURCE)
        .with_target(Query(library_sql.MOVED))
        .unit("short")
        .decimals(0)
        .min(0)
        .no_value(NOTHING)
        .thresholds(plain())
        .x_field("artist")
        .orientation(VizOrientation.HORIZONTAL)
        .stacking(StackingMode.NORMAL)
        .override_by_name("risen", [colour(ACCENT)])
        .override_by_name("fallen", [colour(ASIDE)])
        .legend(VizLegendOptions().show_legend(True))
    )


def _favourites() -> table.Panel:
    return (
        table.Panel()
        .title("Favourites over three ranges")
        .description("Where do my favourites stand in the last 4 weeks, 6 months and year, as Spotify ranks them?")
        .datasource(SOURCE)
        .with_target(Query(library_sql.FAVOURITES))
        .unit("string")
        .no_value(NOTHING)
        .override_by_name("cover", image(64))
        .override_by_name("4 weeks", _place())
        .override_by_name("6 months", _place())
        .override_by_name("1 year", _place())
    )


def _place() -> list[DynamicConfigValue]:
    return [*figures("none", 90), DynamicConfigValue("decimals", 0)]


def _unheard() -> gauge.Panel:
    return (
        gauge.Panel()
        .title("Saved, unheard")
        .description("What share of my saved tracks have I never played?")
        .datasource(SOURCE)
        .with_target(Query(library_sql.UNHEARD_SHARE))
        .unit("percentunit")
        .decimals(0)
        .min(0)
        .max(1)
        .no_value(NOTHING)
        .color_scheme(accent())
        .thresholds(plain())
        .show_threshold_markers(False)
        .reduce_options(ReduceDataOptions().calcs(["lastNotNull"]))
    )


def _never_played() -> table.Panel:
    return (
        table.Panel()
        .title("Liked but never played")
        .description("Which tracks did I save and never play?")
        .datasource(SOURCE)
        .with_target(Query(library_sql.NEVER_PLAYED))
        .unit("string")
        .no_value(NOTHING)
        .override_by_name("cover", image(64))
    )


def _dropped() -> table.Panel:
    return (
        table.Panel()
        .title("Followed but dropped")
        .description("Whom do I follow and no longer hear?")
        .datasource(SOURCE)
        .with_target(Query(library_sql.DROPPED))
        .unit("string")
        .no_value(NOTHING)
        .override_by_name("cover", image(64))
        .override_by_name("plays", gauge_cell())
        .override_by_name("heard_last", [DynamicConfigValue("displayName", "heard last")])
    )

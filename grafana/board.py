"""What the dashboards share: their head, the links between them, annotations, colours, cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    FieldColor,
    QueryVariable,
    ThresholdsConfig,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardLinkType,
    DynamicConfigValue,
    FieldColorModeId,
    GridPos,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
)

from grafana import board_sql
from grafana.query import PLUGIN, SOURCE, Format, Query

TAG = "spotifire"
ACCENT = "purple"  # the one colour; red and green stay for health
ASIDE = "#8e8e8e"  # what the accent is compared with


def head(
    name: str,
    description: str,
    *,
    since: str,
    refresh: str = "1m",
    timezone: str = "utc",
    choices: Sequence[QueryVariable] = (),
) -> Dashboard:
    """A dashboard without panels: uid, range, data source, links to the others and the chosen variables.

    With a variable `listener` it also marks imports and gaps. The zone is UTC where a point in
    time stands for a local day, so that the browser's zone moves no day.
    """
    board = (
        Dashboard(name)
        .uid(uid(name))
        .description(description)
        .tags([TAG])
        .time(since, "now")
        .refresh(refresh)
        .timezone(timezone)
        .link(
            DashboardLink("Dashboards")
            .type(DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .icon("external link")
            .include_vars(True)
            .keep_time(False)
            .placement(None)  # type: ignore[arg-type]  # in sight; the SDK's own choice hides it in a menu
        )
        .with_variable(DatasourceVariable("source").label("Data source").type(PLUGIN))
    )
    for choice in choices:
        board.with_variable(choice)
    if any(choice.build().name == "listener" for choice in choices):
        board.annotation(_annotation("Imports", board_sql.IMPORTS, "blue"))
        board.annotation(_annotation("Gaps", board_sql.GAPS, "yellow"))
    return board


def uid(name: str) -> str:
    """The dashboard's own address in Grafana: /d/<uid>."""
    return f"spotifire-{name.lower()}"


def choice(name: str, label: str, sql: str) -> QueryVariable:
    """A variable whose query gives a column of values, or values and texts."""
    return (
        QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(sql)
        .refresh(VariableRefresh.ON_DASHBOARD_LOAD)
    )  # fmt: skip


def listener() -> QueryVariable:
    """Whose plays: the id as 16 digits."""
    return choice("listener", "Listener", board_sql.LISTENERS)


def window() -> QueryVariable:
    """Which local days: the time range, all time, or a year of that listener."""
    return choice("window", "Window", board_sql.WINDOWS)


def choices_of_plays() -> list[QueryVariable]:
    """Listener and window, as every dashboard about a stretch of time has them."""
    return [listener(), window()]


def _annotation(name: str, sql: str, colour: str) -> AnnotationQuery:
    return (
        AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(colour)
        .target(Query(sql, Format.TABLE, ref_id="Annotation"))
    )


def at(x: int, y: int, w: int, h: int) -> GridPos:
    """A place on the grid of 24 columns."""
    return GridPos(x=x, y=y, w=w, h=h)


def accent() -> FieldColor:
    """The one colour."""
    return FieldColor().mode(FieldColorModeId.FIXED).fixed_color(ACCENT)


def shades() -> FieldColor:
    """From pale to the one colour, by value."""
    return FieldColor().mode(FieldColorModeId.CONTINUOUS_PURPLES)


def plain() -> ThresholdsConfig:
    """No bounds: without it Grafana paints what is over 80 red."""
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps([Threshold(value=None, color=ACCENT)])


def colour(name: str) -> DynamicConfigValue:
    """A fixed colour for one field."""
    return DynamicConfigValue("color", {"mode": "fixed", "fixedColor": name})


def image(width: int) -> list[DynamicConfigValue]:
    """A column of addresses shown as pictures; without a heading."""
    return [
        DynamicConfigValue("custom.cellOptions", {"type": "image"}),
        DynamicConfigValue("custom.width", width),
        DynamicConfigValue("displayName", " "),
    ]


def gauge_cell(unit: str = "short", *, top: float | None = None, width: int | None = None) -> list[DynamicConfigValue]:
    """A column of numbers as bars from 0 to `top`, or to the largest of the column."""
    properties: list[tuple[str, Any]] = [
        ("custom.cellOptions", {"type": "gauge", "mode": "basic", "valueDisplayMode": "text"}),
        ("unit", unit),
        ("min", 0),
        ("fieldMinMax", True),
        ("color", {"mode": "fixed", "fixedColor": ACCENT}),
    ]
    if top is not None:
        properties.append(("max", top))
    if width is not None:
        properties.append(("custom.width", width))
    return [DynamicConfigValue(name, value) for name, value in properties]


def axis(label: str, **properties: object) -> list[DynamicConfigValue]:
    """A named axis for one field; `properties` by their path in a field's configuration."""
    return [
        DynamicConfigValue("custom.axisLabel", label),
        *(DynamicConfigValue(name, value) for name, value in properties.items()),
    ]


def figures(unit: str, width: int | None = None) -> list[DynamicConfigValue]:
    """A column of plain numbers."""
    properties = [DynamicConfigValue("unit", unit)]
    return properties if width is None else [*properties, DynamicConfigValue("custom.width", width)]

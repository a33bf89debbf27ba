"""The home dashboard: what there is to look at, and who listens."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboardlist, table, text
from grafana_foundation_sdk.builders.dashboard import Dashboard
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue
from grafana_foundation_sdk.models.text import TextMode

from grafana import home_sql
from grafana.board import TAG, at, gauge_cell, head, uid
from grafana.query import SOURCE, Query

# What each dashboard answers, in the order in which they are best read.
GUIDE = {
    "Now": "What plays, and what is today like?",
    "Taste": "What do I like, and how well known is it?",
    "Rhythm": "When do I listen?",
    "Evolution": "How does my taste change?",
    "You": "What kind of listener am I, and why?",
    "Pipeline": "Does everything arrive, and how fast?",
}


def dashboard() -> Dashboard:
    """The dashboard, ready to build."""
    board = head("Home", "Where to look, and who listens.", since="now-7d", timezone="browser")
    board.with_panel(_guide().id(1).grid_pos(at(0, 0, 16, 8)))
    board.with_panel(_boards().id(2).grid_pos(at(16, 0, 8, 8)))
    board.with_panel(_listeners().id(3).grid_pos(at(0, 8, 24, 14)))
    return board


def _guide() -> text.Panel:
    lines = "\n".join(f"- [**{name}**](/d/{uid(name)}): {question}" for name, question in GUIDE.items())
    return (
        text.Panel()
        .title("Spotifire")
        .description("Where do I find what?")
        .mode(TextMode.MARKDOWN)
        .content(lines)
        .transparent(True)
    )


def _boards() -> dashboardlist.Panel:
    return (
        dashboardlist.Panel()
        .title("Dashboards")
        .description("Which dashboards are there?")
        .show_search(True)
        .show_starred(False)
        .show_recently_viewed(False)
        .show_headings(False)
        .tags([TAG])
        .max_items(20)
        .include_vars(True)
    )


def _listeners() -> table.Panel:
    link = {"title": "Now", "url": f"/d/{uid('Now')}?var-listener=${{__data.fields.id}}"}
    return (
        table.Panel()
        .title("Listeners")
        .description("Who listened, and how much, in the last seven days?")
        .datasource(SOURCE)
        .with_target(Query(home_sql.LISTENERS))
        .unit("string")
        .no_value("Nobody listens yet")
        .override_by_name("id", [DynamicConfigValue("custom.hidden", True)])
        .override_by_name("listener", [DynamicConfigValue("links", [link])])
        .override_by_name("plays", gauge_cell())
        .override_by_name(
            "last_play", [DynamicConfigValue("unit", "dateTimeFromNow"), DynamicConfigValue("displayName", "last play")]
        )
    )

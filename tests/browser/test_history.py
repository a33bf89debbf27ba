"""An export dropped on the page of a running Spotifire: read, told, undone; and a trip that sets the clock."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.browser.test_page import CHROMIUM, HOSTILE, a_page
from tests.history.recording import row
from tests.support.stack import column, running

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"),
]

SLOWLY = 60_000  # milliseconds that a step may take on a busy machine


def export() -> list[object]:
    """Ten days in Portugal, five in the United States, ten in Portugal; and two rows that are refused."""
    made: list[object] = []
    for day in range(25):
        country = "US" if 10 <= day < 15 else "PT"
        for hour in (9, 12, 15, 18):
            ended = datetime(2024, 3, 1, hour, tzinfo=UTC) + timedelta(days=day)
            made.append(
                row(
                    ts=f"{ended:%Y-%m-%dT%H:%M:%SZ}",
                    conn_country=country,
                    offline_timestamp=None,
                    master_metadata_track_name=HOSTILE if hour == 9 else "Red Liberation",
                )
            )
    return [*made, row(ts="2099-01-01T00:00:00Z"), 7]


async def drop(page: Page, files: dict[str, bytes]) -> None:
    """As the browser does when a person lets files go over the zone."""
    packed = {name: base64.b64encode(content).decode() for name, content in files.items()}
    dropped = await page.evaluate_handle(
        """files => {
            const dropped = new DataTransfer();
            for (const [name, content] of Object.entries(files)) {
                const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
                dropped.items.add(new File([bytes], name));
            }
            return dropped;
        }""",
        packed,
    )
    await page.dispatch_event("[data-drop]", "dragenter", {"dataTransfer": dropped})
    await expect(page.locator("[data-drop]")).to_have_class("drop over")
    await page.dispatch_event("[data-drop]", "drop", {"dataTransfer": dropped})


async def test_an_export_is_dropped_read_and_undone_and_a_trip_accepted(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--no-demo") as up, up.api() as api:
        async with a_page(timezone_id="Europe/Lisbon") as (page, complaints):
            page.set_default_timeout(SLOWLY)
            await page.goto(api.url)
            form = page.locator("[data-import]")
            result = form.locator("[data-result]")
            await drop(page, {"a.json": b"[]"})
            await expect(result).to_have_text("Say whose music it is first.")
            await form.get_by_label("Whose music is it?").fill("Ada")
            await drop(page, {"holiday.json": b'{"not": "plays"}'})
            await expect(result).to_contain_text("There is no streaming history in holiday.json", timeout=SLOWLY)
            await drop(page, {"Streaming_History_Audio_2024.json": json.dumps(export()).encode(), "x.json": b"{}"})
            await expect(result).to_contain_text("every row is accounted for", timeout=SLOWLY)
            report = page.locator("#import .report")
            for line in ("102rows read", "100stored", "0already known", "2refused", "100new plays"):
                await expect(report.locator("tr").filter(has_text=line).first).to_be_visible()
            await expect(report).to_contain_text("1 impossible time")
            await expect(report).to_contain_text("plays of 2024-03")
            await expect(report).to_contain_text("Streaming_History_Audio_2024.json#101")
            await expect(report).to_contain_text("x.json: no list of plays")

            await result.get_by_text("Set the clock for a trip").click()
            trip = page.locator("[data-trip]")
            await expect(trip).to_contain_text("United States")
            await expect(trip).to_contain_text("20 plays")
            begins = trip.locator("[name=from]")
            before = await begins.input_value()
            await trip.locator("select").select_option("America/New_York")
            # in March 2024 New York is at UTC-4 already
            after = await begins.input_value()
            assert datetime.fromisoformat(before) - datetime.fromisoformat(after) == timedelta(hours=4)
            await trip.get_by_text("Yes, set the clock").click()
            await expect(page.locator("[data-trip] .state")).to_have_text("accepted", timeout=SLOWLY)
            zones = "SELECT concat(time_zone, ' ', toString(count())) FROM v_plays GROUP BY time_zone ORDER BY 1"
            assert column(api, zones) == ["America/New_York 20", "Europe/Lisbon 80"]

            await page.locator("[data-import] summary").click()
            await expect(page.locator("[data-import] .report")).to_contain_text("100stored")
            await page.locator("[data-undo]").click()
            await expect(page.locator("[data-undo]")).to_have_text("Really undo?")
            assert [int(one) for one in column(api, "SELECT count() FROM v_plays")] == [100]
            await page.locator("[data-undo]").click()
            await expect(page.locator("[data-state]")).to_have_text("undone", timeout=SLOWLY)
            assert [int(one) for one in column(api, "SELECT count() FROM v_plays")] == [0]
        # a form with nothing but a name, and an import that was refused, are no errors of the page
        assert complaints == [], complaints

"""The page in a real browser: a play arrives before one's eyes, and hostile names stay text."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from msgspec.structs import replace
from playwright.async_api import Page, async_playwright, expect

from api.app import create_app
from api.live import LiveHub
from deploy.kafka.inprocess import InProcessBroker
from deploy.kafka.topics import create_topics
from sinks.clickhouse import ClickHouse
from sinks.writer import Writer
from streams.contracts import codec, ids
from streams.contracts.events import Artist, PlaybackChanged, PlayEnriched
from streams.contracts.topics import PLAY_ENRICHED, PLAYBACK_CHANGED
from tests.support.rows import play, plays_table
from tests.support.web import Seeded, seed, served, services

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOSTILE = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"),
]


@asynccontextmanager
async def a_page(**options: Any) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page of a fresh browser, and what it complained about."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        page = await browser.new_page(**options)
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page, complaints
        await browser.close()


@pytest.fixture
def broker() -> Iterator[str]:
    with InProcessBroker() as running:
        yield running.bootstrap


@pytest.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    await create_topics(broker)
    made = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def hub(broker: str, producer: AIOKafkaProducer) -> AsyncIterator[LiveHub]:
    made = LiveHub(broker)
    await made.start()
    await made.ready()
    yield made
    await made.stop()


@pytest.fixture
def seeded(clickhouse: ClickHouse, store: Writer) -> Seeded:
    return seed(clickhouse, store)


def arriving(listener: int, now: int, title: str, version: int = 1) -> PlayEnriched:
    return PlayEnriched(
        listener=ids.to_hex(listener),
        play_id=ids.play_id(now, "", "Nobody", title).to_bytes(8, "big").hex(),
        version=version,
        ended_at=now,
        title=title,
        artist="Nobody",
        utc_offset_minutes=60,
    )


async def publish(producer: AIOKafkaProducer, event: PlayEnriched | PlaybackChanged) -> None:
    topic = PLAY_ENRICHED if isinstance(event, PlayEnriched) else PLAYBACK_CHANGED
    await producer.send_and_wait(topic.name, codec.encode(event), key=event.listener.encode(), headers=codec.headers())


async def test_a_play_arrives_on_the_page(
    hub: LiveHub, producer: AIOKafkaProducer, clickhouse: ClickHouse, seeded: Seeded, tmp_path: Path
) -> None:
    app = create_app(services(clickhouse, tmp_path, live=hub))
    now = int(seeded.ada.created_at.timestamp() * 1000) + 60_000
    async with served(app) as url, a_page() as (page, complaints):
        await page.goto(f"{url}/?listener=Ada&window=all")
        await expect(page.locator("html")).to_have_attribute("data-live", "yes")
        first = page.locator("#plays li").first
        await expect(first.locator(".title")).to_have_text("Sinnerman")

        await publish(producer, arriving(seeded.bob.id, now, "Not for Ada"))
        await publish(producer, arriving(seeded.ada.id, now, "Clair de lune"))
        await expect(first.locator(".title")).to_have_text("Clair de lune")
        await expect(page.locator("#spoken")).to_have_text("New play: Clair de lune by Nobody")
        assert await page.get_by_text("Not for Ada").count() == 0

        await publish(producer, replace(arriving(seeded.ada.id, now + 500, ""), artist="", uri="spotify:track:removed"))
        await expect(first.locator(".title")).to_have_text("spotify:track:removed")
        await expect(page.locator("#spoken")).to_have_text("New play: spotify:track:removed")

        await publish(producer, arriving(seeded.ada.id, now + 1000, HOSTILE))
        await expect(first.locator(".title")).to_have_text(HOSTILE)
        playing = PlaybackChanged(
            listener=ids.to_hex(seeded.ada.id),
            observed_at=now,
            is_playing=True,
            title=HOSTILE,
            artists=(Artist(HOSTILE),),
            image_url="javascript:document.title='owned'",
        )
        await publish(producer, playing)
        await expect(page.locator("#now .title")).to_have_text(HOSTILE)
        assert await page.locator("#now img, #plays img, #plays script").count() == 0
        assert await page.title() == "Ada · Spotifire"
        assert await page.locator(".picture svg").count() == 2, "both charts are drawn"
    assert complaints == [], "the page's own policy blocks nothing of it"


async def test_hostile_names_from_the_database_stay_text(
    clickhouse: ClickHouse, store: Writer, seeded: Seeded, tmp_path: Path
) -> None:
    now = int(seeded.ada.created_at.timestamp() * 1000) + 60_000
    said = {"title": HOSTILE, "album": HOSTILE, "genre": HOSTILE, "image_url": "https://evil.example/x.png"}
    store.write_plays(plays_table(*(play(seeded.ada.id, now + 1000 * n, artist=HOSTILE, **said) for n in range(40))))
    app = create_app(services(clickhouse, tmp_path))
    async with served(app) as url, a_page() as (page, complaints):
        for top in ("artists", "tracks", "albums"):
            await page.goto(f"{url}/?listener=Ada&window=all&top={top}")
            await expect(page.locator(".rank .name").first).to_contain_text(HOSTILE)
            assert await page.locator(".picture svg").count() == 2
            assert await page.title() == "Ada · Spotifire"
            assert await page.locator("main img[src*=evil], main img[src=x]").count() == 0
    assert complaints == []


async def test_without_scripts_the_page_still_tells_everything(
    clickhouse: ClickHouse, store: Writer, seeded: Seeded, tmp_path: Path
) -> None:
    removed = play(seeded.ada.id, int(seeded.ada.created_at.timestamp() * 1000), title="", artist="", uri="spotify:x:1")
    store.write_plays(plays_table(removed))
    app = create_app(services(clickhouse, tmp_path))
    async with served(app) as url, a_page(java_script_enabled=False) as (page, _):
        await page.goto(f"{url}/?listener=Ada&window=all")
        await expect(page.locator("#plays li")).to_have_count(14)
        await expect(page.locator("#plays .title").first).to_have_text("spotify:x:1")
        await page.get_by_text("As a table").first.click()
        await expect(page.locator("[data-chart=clock] tbody tr")).to_have_count(24)
        await expect(page.locator("[data-chart=clock] tbody tr").first).to_be_visible()


async def test_a_person_is_added_from_the_page(clickhouse: ClickHouse, tmp_path: Path) -> None:
    """Up to the import itself, which this process does not have: the page says so."""
    given = services(clickhouse, tmp_path)
    assert given.listeners is not None
    export = tmp_path / "Streaming_History_Audio_2024_0.json"
    export.write_text("[]")
    async with served(create_app(given)) as url, a_page() as (page, _):
        await page.goto(url)
        await expect(page.get_by_role("heading", level=1)).to_have_text("Nobody is here yet")
        form = page.locator("[data-import]")
        await form.get_by_label("Whose music is it?").fill("Grace")
        await form.get_by_label("Time zone").fill("Asia/Tokyo")
        await form.locator("input[type=file]").set_input_files(export)
        await expect(form.locator("[data-result]")).to_contain_text("importer is not part of this process")
    row = given.listeners.get("Grace")
    assert row.zone == "Asia/Tokyo"

from __future__ import annotations

import time
from pathlib import Path

import pytest

from producers.spotify.errors import Forbidden, QuotaExceeded, UnexpectedAnswer
from producers.spotify.fake.clock import ManualClock
from producers.spotify.fake.people import Person
from producers.spotify.fake.server import make_people
from producers.spotify.fake.troubles import Fault, Troubles
from producers.spotify.fake.world import Habits
from sinks.clickhouse import ClickHouse
from streams.contracts.errors import SourceUnavailable, SpotifireError

from .conftest import Bench, MakeFake, MovingClock, moments, settings_for

RECENT = "/v1/me/player/recently-played"
PLAYING = "/v1/me/player/currently-playing"


@pytest.fixture
def clickhouse(no_connections: ClickHouse) -> ClickHouse:
    return no_connections


@pytest.fixture
def connected(bench: Bench) -> Bench:
    bench.connect(7)
    return bench


def statuses(bench: Bench) -> list[int]:
    return [call.status for call in bench.fake.calls if call.path == RECENT]


def test_one_call_gives_the_last_fifty_plays(connected: Bench) -> None:
    page = connected.client.recently_played(7)
    assert page.full
    assert page.unreadable == 0
    truth = [play for play in connected.fake.played(connected.account()) if play.listed]
    assert {play.played_at for play in page.plays} <= {play.played_at for play in truth}
    assert len(page.plays) == 50
    assert [play.played_at for play in page.plays] == sorted(play.played_at for play in page.plays)
    by_time = {play.played_at: play.track for play in truth}
    for play in page.plays:
        track = by_time[play.played_at]
        assert (play.track.uri, play.track.title, play.track.album) == (track.uri, track.name, track.album)
        assert [artist.id for artist in play.track.artists] == [artist.id for artist in track.artists]
        assert (play.track.isrc, play.track.duration_ms) == (track.isrc, track.duration_ms)
        assert (play.track.release_date, play.track.explicit) == (track.release_date, track.explicit)
        assert play.track.image_url
        assert play.track.album_uri == f"spotify:album:{track.album_id}"


@pytest.mark.parametrize(
    ("fault", "kind", "retry_after"),
    [
        (Fault(status=429, retry_after="7"), SourceUnavailable, 7),
        (Fault(status=429), SourceUnavailable, 30),
        (Fault(status=429, retry_after="soon"), SourceUnavailable, 30),
        (Fault(status=429, retry_after="nan"), SourceUnavailable, 30),
        (Fault(status=429, retry_after="-5"), SourceUnavailable, 30),
        (Fault(status=429, retry_after="1e300"), SourceUnavailable, 7 * 86_400),
        (Fault(status=429, reason="QUOTA_EXCEEDED", retry_after="86236"), QuotaExceeded, 86_236),
        (Fault(status=429, reason="QUOTA_EXCEEDED"), QuotaExceeded, 3_600),
        (Fault(status=502, body="<html>Bad Gateway</html>"), SourceUnavailable, None),
        (Fault(status=503, retry_after="9"), SourceUnavailable, 9),
        (Fault(status=500, body='{"error": "server_error"}'), SourceUnavailable, None),
        (Fault(status=500, body="[]"), SourceUnavailable, None),
        (Fault(status=500, body='{"error": null}'), SourceUnavailable, None),
        (Fault(status=200, body="<html>maintenance</html>"), SourceUnavailable, None),
        (Fault(status=200, body="[]"), SourceUnavailable, None),
        (Fault(status=200, body='{"items": null}'), SourceUnavailable, None),
        (Fault(status=200, body='{"items": 3}'), SourceUnavailable, None),
        (Fault(status=200, body=""), SourceUnavailable, None),
        (Fault(status=403, message="Insufficient client scope"), Forbidden, None),
        (Fault(status=400, message="Invalid limit"), UnexpectedAnswer, None),
        (Fault(status=404, body="not found"), UnexpectedAnswer, None),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_each_bad_answer_is_one_typed_error_after_one_call(
    connected: Bench, fault: Fault, kind: type[SpotifireError], retry_after: float | None
) -> None:
    connected.fake.script(RECENT, fault)
    before = time.monotonic()
    with pytest.raises(kind) as told:
        connected.client.recently_played(7)
    assert time.monotonic() - before < 1.5
    assert statuses(connected) == [fault.status]
    assert getattr(told.value, "retry_after", None) == retry_after
    assert "\n" not in told.value.one_line()


def test_a_dead_network_is_told_as_such(connected: Bench) -> None:
    connected.tokens.access(7)
    connected.fake.stop()
    with pytest.raises(SourceUnavailable, match="cannot be reached") as told:
        connected.client.recently_played(7)
    assert told.value.retry_after is None
    assert told.value.retriable


def test_a_call_does_not_wait_for_ever(connected: Bench) -> None:
    connected.fake.script(RECENT, Fault(status=200, delay_s=3.0))
    before = time.monotonic()
    with pytest.raises(SourceUnavailable, match="ReadTimeout"):
        connected.client.recently_played(7)
    assert time.monotonic() - before < 2.9


def test_after_a_throttle_nothing_is_asked_before_its_time(connected: Bench) -> None:
    connected.fake.script(PLAYING, Fault(status=429, retry_after="60"))
    with pytest.raises(SourceUnavailable):
        connected.client.now_playing(7)
    asked = len(connected.fake.calls)
    connected.clock.advance(58)
    for _ in range(3):
        with pytest.raises(SourceUnavailable) as told:
            connected.client.recently_played(7)
        assert told.value.retry_after is not None
        assert 0 < told.value.retry_after <= 2.1
    assert len(connected.fake.calls) == asked
    connected.clock.advance(3)
    assert connected.client.blocked_until(7) is None
    assert connected.client.recently_played(7).plays


def test_a_quota_stops_every_listener_of_the_app_until_it_ends(connected: Bench) -> None:
    connected.connect(8, 1)
    connected.client.recently_played(8)
    connected.fake.script(RECENT, Fault(status=429, reason="QUOTA_EXCEEDED", retry_after="86236"))
    with pytest.raises(QuotaExceeded):
        connected.client.recently_played(7)
    asked = len(connected.fake.calls)
    connected.clock.advance(86_000)
    for listener in (7, 8):
        with pytest.raises(QuotaExceeded) as told:
            connected.client.recently_played(listener)
        assert told.value.retry_after == pytest.approx(236, abs=5)
        assert connected.client.blocked_until(listener) is not None
    assert len(connected.fake.calls) == asked
    connected.clock.advance(240)
    assert connected.client.recently_played(8).plays


def test_a_401_brings_one_refresh_and_one_more_try(connected: Bench) -> None:
    connected.client.recently_played(7)
    token = connected.tokens.access(7).token
    connected.fake._tokens.end(token)
    assert connected.client.recently_played(7).plays
    assert statuses(connected) == [200, 401, 200]
    assert connected.tokens.access(7).token != token


def test_a_401_again_and_again_is_not_asked_again_and_again(
    make_fake: MakeFake, clock: MovingClock, clickhouse: ClickHouse
) -> None:
    bench = Bench(make_fake(), None, clock, clickhouse)  # type: ignore[arg-type]
    bench.connect(7)
    bench.fake.script(RECENT, *[Fault(status=401)] * 5)
    with pytest.raises(SourceUnavailable, match="just given"):
        bench.client.recently_played(7)
    assert statuses(bench) == [401, 401]


def test_an_hour_passes_without_a_401(connected: Bench) -> None:
    connected.client.recently_played(7)
    connected.clock.advance(3_601)
    connected.client.recently_played(7)
    assert statuses(connected) == [200, 200]


def test_a_scope_that_was_not_granted_is_a_clear_403(make_fake: MakeFake, bench: Bench) -> None:
    bench.connect(7)
    access = bench.tokens.access(7).token
    given = bench.fake._tokens.holder(access)
    assert given is not None
    answer = bench.fake._tokens.exchange(
        bench.fake._tokens.new_code(
            bench.account(),
            type(given.asked)(
                client_id=bench.settings.client_id, redirect_uri=bench.settings.redirect_uri, scope="", challenge=""
            ),
        ),
        bench.settings.redirect_uri,
        bench.settings.client_id,
        "",
        True,
    )
    bench.tokens._access[7] = type(bench.tokens.access(7))(
        bench.settings.client_id, str(answer["access_token"]), bench.clock() + 1_000_000
    )
    with pytest.raises(Forbidden, match="Insufficient client scope") as told:
        bench.client.recently_played(7)
    assert "grant" in told.value.cure


def test_now_playing_says_what_plays_and_when_nothing_does(
    make_fake: MakeFake, music: ManualClock, clock: MovingClock, clickhouse: ClickHouse
) -> None:
    habits = Habits(episodes=0.3, ads=0.2, session=(5, 10), pause_s=(300, 900))
    people = tuple(
        Person(account_id=one.account_id, user_id=one.user_id, name=one.name, habits=habits) for one in make_people()
    )
    bench = Bench(make_fake(people=people, troubles=Troubles(slow=0.2, slow_s=0.01)), music, clock, clickhouse)
    bench.connect(7)
    for kind, at in moments(bench.fake, music):
        music.advance((at - music()) / 1000)
        truth = bench.fake.timeline(bench.account()).playing(at)
        seen = bench.client.now_playing(7)
        if kind in ("nothing", "ad"):
            assert not seen.is_playing
            assert seen.track is None
        else:
            assert truth is not None
            assert seen.is_playing
            assert seen.track is not None
            assert seen.track.uri == truth.track.uri
            assert seen.progress_ms == 1_500


def test_nothing_of_the_machine_leaks_into_the_request(
    connected: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A netrc entry would replace the token, a proxy of the environment would see it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert connected.client.recently_played(7).plays


def test_an_address_that_leads_nowhere_is_no_crash(bench: Bench) -> None:
    bench.connect(7)
    from producers.spotify.client import SpotifyClient

    client = SpotifyClient(settings_for(bench.fake, api_url="http://127.0.0.1:1/v1"), bench.tokens, bench.blocks)
    with pytest.raises(SourceUnavailable, match="cannot be reached"):
        client.recently_played(7)

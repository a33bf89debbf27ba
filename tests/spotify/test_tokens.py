from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import msgspec
import pytest
from structlog.testing import capture_logs

from producers.spotify.errors import ReconnectNeeded
from producers.spotify.fake.troubles import Fault, Troubles
from producers.spotify.tokens import Tokens, expires_at, expiry_warning
from sinks.clickhouse import ClickHouse
from streams.contracts.errors import SourceUnavailable, StoreUnavailable
from streams.contracts.ports import Connection, Connections

from .conftest import Bench, MakeFake, MovingClock, settings_for

DAY = 86_400


@pytest.fixture
def clickhouse(no_connections: ClickHouse) -> ClickHouse:
    return no_connections


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def refresh_token(bench: Bench, listener: int = 7) -> str:
    stored = bench.connections.get(listener)
    assert stored is not None
    return bench.vault.unlock(stored.refresh_token)


def test_a_token_is_kept_while_it_lasts_and_renewed_after_an_hour(bench: Bench) -> None:
    bench.connect(7)
    first = bench.tokens.access(7)
    assert bench.tokens.access(7) == first
    bench.clock.advance(3_600)
    assert bench.tokens.access(7).token != first.token


def test_the_old_refresh_token_stays_when_no_new_one_comes(bench: Bench) -> None:
    bench.connect(7)
    before = refresh_token(bench)
    bench.tokens.access(7)
    assert refresh_token(bench) == before


@pytest.mark.parametrize("secret", ["fake-client-secret", ""], ids=["secret", "pkce"])
def test_a_collector_that_runs_alone_refreshes_without_a_redirect_address(bench: Bench, secret: str) -> None:
    bench.connector._settings = settings_for(bench.fake, client_secret=secret)
    bench.connect(7)
    alone = settings_for(bench.fake, client_secret=secret, redirect_uri="")
    assert Tokens(alone, bench.connections, bench.vault, bench.clock).access(7).token


def test_a_new_refresh_token_is_stored(bench: Bench) -> None:
    """PKCE: every refresh ends the token that it was done with."""
    settings = settings_for(bench.fake, client_secret="")
    bench.connector._settings = settings
    bench.connect(7)
    tokens = Tokens(settings, bench.connections, bench.vault, bench.clock)
    seen = {refresh_token(bench)}
    for _ in range(3):
        tokens.access(7)
        seen.add(refresh_token(bench))
        bench.clock.advance(3_600)
    assert len(seen) == 4
    fresh = Tokens(settings, bench.connections, bench.vault, bench.clock)
    assert fresh.access(7).token


def test_many_threads_refresh_once(bench: Bench) -> None:
    bench.connector._settings = settings_for(bench.fake, client_secret="")
    bench.connect(7)
    tokens = Tokens(bench.connector._settings, bench.connections, bench.vault, bench.clock)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda _: tokens.access(7).token, range(32)))
    assert len(set(got)) == 1


def test_a_dead_refresh_token_is_thrown_away_and_never_tried_again(bench: Bench) -> None:
    bench.connect(7)
    bench.fake.revoke(bench.account())
    with pytest.raises(ReconnectNeeded) as told:
        bench.tokens.access(7)
    assert "Connect this listener" in told.value.cure
    stored = bench.connections.get(7)
    assert stored is not None
    assert (stored.state, stored.refresh_token) == ("reconnect", "")
    assert stored.account_id == bench.account()
    bench.fake.script("/api/token", Fault(status=500, body="asked again"))
    with pytest.raises(ReconnectNeeded):
        bench.tokens.access(7)
    with pytest.raises(SourceUnavailable):  # the scripted answer is still there: nobody asked
        bench.connect(7)


def test_six_months_after_the_grant_the_token_is_dead(bench: Bench) -> None:
    bench.connect(7)
    bench.clock.advance(190 * DAY)
    with pytest.raises(ReconnectNeeded):
        bench.tokens.access(7)


def test_connecting_again_brings_it_back(bench: Bench) -> None:
    bench.connect(7)
    bench.fake.revoke(bench.account())
    with pytest.raises(ReconnectNeeded):
        bench.tokens.access(7)
    bench.clock.advance(1)
    bench.connect(7)
    assert bench.tokens.access(7).token


def test_a_failing_sign_in_service_kills_no_token(bench: Bench) -> None:
    bench.connect(7)
    before = refresh_token(bench)
    for fault in (
        Fault(status=502, body="<html>bad gateway</html>"),
        Fault(status=429, retry_after="7", body="{}"),
        Fault(status=200, body="not json"),
        Fault(status=200, body="{}"),
        Fault(status=400, body="oops"),
    ):
        bench.fake.script("/api/token", fault)
        with pytest.raises(SourceUnavailable) as told:
            bench.tokens.access(7)
        if fault.status == 429:
            assert told.value.retry_after == 7
    assert refresh_token(bench) == before
    assert bench.tokens.access(7).token


def test_a_token_that_another_process_renewed_is_not_declared_dead(bench: Bench) -> None:
    settings = settings_for(bench.fake, client_secret="")
    bench.connector._settings = settings
    bench.connect(7)
    old = bench.connections.get(7)
    assert old is not None

    class ReadsOldFirst:
        """The table as a process sees it whose first read came just before the other's write."""

        def __init__(self, table: Connections) -> None:
            self.table = table
            self.reads = 0

        def get(self, listener: int) -> Connection | None:
            self.reads += 1
            return old if self.reads == 1 else self.table.get(listener)

        def all(self) -> Sequence[Connection]:
            return self.table.all()

        def put(self, connection: Connection) -> None:
            self.table.put(connection)

    Tokens(settings, bench.connections, bench.vault, bench.clock).access(7)
    here = Tokens(settings, ReadsOldFirst(bench.connections), bench.vault, bench.clock)
    assert here.access(7).token
    stored = bench.connections.get(7)
    assert stored is not None
    assert stored.state == "connected"


def test_a_renewed_token_survives_a_store_that_is_down(bench: Bench) -> None:
    settings = settings_for(bench.fake, client_secret="")
    bench.connector._settings = settings
    bench.connect(7)
    down = DownNow(bench.connections)
    tokens = Tokens(settings, down, bench.vault, bench.clock)
    tokens.access(7)
    down.down = True
    bench.clock.advance(3_600)
    assert tokens.access(7).token  # the store holds a token that is dead by now
    down.down = False
    assert tokens.access(7).token
    fresh = Tokens(settings, bench.connections, bench.vault, bench.clock)
    assert fresh.access(7).token


def test_disconnecting_while_the_store_was_down_stays_disconnected(bench: Bench) -> None:
    bench.connect(7)
    down = DownNow(bench.connections)
    tokens = Tokens(bench.settings, down, bench.vault, bench.clock)
    tokens.access(7)
    bench.fake.revoke(bench.account())
    down.down = True
    bench.clock.advance(3_600)
    with pytest.raises(ReconnectNeeded):
        tokens.access(7)
    bench.connections.remove(7)
    down.down = False
    with pytest.raises(ReconnectNeeded):
        tokens.access(7)
    assert bench.connections.get(7) is None


class DownNow:
    """The real table behind a switch: what a ClickHouse that is down looks like from here."""

    def __init__(self, table: Connections) -> None:
        self.table = table
        self.down = False

    def _check(self) -> None:
        if self.down:
            raise StoreUnavailable("ClickHouse is down.")

    def get(self, listener: int) -> Connection | None:
        self._check()
        return self.table.get(listener)

    def all(self) -> Sequence[Connection]:
        self._check()
        return self.table.all()

    def put(self, connection: Connection) -> None:
        self._check()
        self.table.put(connection)


def test_no_token_reaches_a_log(
    make_fake: MakeFake, clock: MovingClock, clickhouse: ClickHouse, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(make_fake(troubles=Troubles(rotates=1.0)), None, clock, clickhouse)  # type: ignore[arg-type]
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")  # clickhouse-connect turns it down
    with capture_logs() as ours:
        bench.connect(7)
        secrets = [refresh_token(bench), bench.tokens.access(7).token, refresh_token(bench)]
        bench.client.now_playing(7)
        bench.fake.script("/v1/me/player/recently-played", Fault(status=500))
        with pytest.raises(SourceUnavailable):
            bench.client.recently_played(7)
        bench.fake.revoke(bench.account())
        bench.clock.advance(3_600)
        with pytest.raises(ReconnectNeeded):
            bench.client.recently_played(7)
    logged = "\n".join(record.getMessage() + str(record.exc_info or "") for record in caplog.records)
    assert "/v1/me/player" in logged
    assert ours
    logged += str(ours)
    for secret in (*secrets, bench.settings.client_secret):
        assert secret not in logged


def test_six_months_are_calendar_months() -> None:
    assert expires_at(ms("2026-01-15T10:00:00")) == ms("2026-07-15T10:00:00")
    assert expires_at(ms("2026-08-31T00:00:00")) == ms("2027-02-28T00:00:00")
    assert expires_at(ms("2027-08-31T00:00:00")) == ms("2028-02-29T00:00:00")


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ("2026-06-14T00:00:00", ""),
        ("2026-06-16T00:00:00", "before then"),
        ("2026-07-07T00:00:00", "before then"),
        ("2026-07-09T00:00:00", "in 6 days"),
        ("2026-07-16T00:00:00", "ended on 2026-07-15"),
    ],
)
def test_it_warns_at_thirty_days_and_at_seven(now: str, said: str) -> None:
    warning = expiry_warning(ms("2026-01-15T10:00:00"), ms(now))
    assert (said in warning) if said else warning == ""


def test_nothing_to_warn_of_before_the_first_grant() -> None:
    assert expiry_warning(None, ms("2026-01-15T10:00:00")) == ""


def test_a_connection_of_another_app_is_refreshed_with_that_apps_secret(bench: Bench) -> None:
    bench.connect(7)
    other = msgspec.structs.replace(bench.settings, client_id="another-app", client_secret="its-secret")
    tokens = Tokens(other, bench.connections, bench.vault, bench.clock)
    assert tokens.access(7).client_id == bench.settings.client_id

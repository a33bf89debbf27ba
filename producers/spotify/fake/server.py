"""`FakeSpotify`: accounts and Web API on one loopback port, started and stopped in this process."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import parse_qsl, urlsplit

import requests
import uvicorn
from fastapi import FastAPI
from msgspec import Struct

from producers.spotify.fake.accounts import accounts
from producers.spotify.fake.clock import AcceleratedClock, Clock
from producers.spotify.fake.library import FakeLibrary
from producers.spotify.fake.memory import Remembered, recall, remember
from producers.spotify.fake.people import App, Person, Tokens
from producers.spotify.fake.troubles import CALM, Fault, Trouble, Troubles
from producers.spotify.fake.webapi import Call, WebApi, web_api
from producers.spotify.fake.world import FakePlay, Timeline, make_catalogue, spotify_id
from streams.contracts.errors import SpotifireError

STARTS_WITHIN_S = 10.0


def make_people(names: tuple[str, ...] = ("Fay", "Kit")) -> tuple[Person, ...]:
    """Accounts whose ids follow from their names."""
    return tuple(
        Person(account_id=spotify_id("account", name)[:10], user_id=f"fake-{name.casefold()}", name=name)
        for name in names
    )


class FakeSettings(Struct, frozen=True, kw_only=True):
    """What a fake is made of. `history_s`: how long its people have listened when it starts."""

    redirect_uris: tuple[str, ...]
    client_id: str = "fake-client-id"
    client_secret: str = "fake-client-secret"  # noqa: S105 (a made-up app of a made-up service)
    owner_has_premium: bool = True
    people: tuple[Person, ...] = make_people()
    artists: tuple[tuple[str, str], ...] = ()  # (id, name) to play from; empty: made-up ones
    seed: int = 1
    history_s: float = 12 * 3_600.0
    troubles: Troubles = CALM
    port: int = 0  # 0 takes a free one
    memory: Path | None = None  # a file: after a restart the music and the tokens go on from there


class FakeSpotify:
    """A running imitation. Use it as a context manager, or `start` and `stop` it."""

    def __init__(
        self,
        settings: FakeSettings,
        music: Clock | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`music` is the time of what is played; `clock` (Unix s) that of codes and tokens."""
        self.settings = settings
        before = recall(settings.memory, settings.seed)
        if music is None and before is not None:
            music = AcceleratedClock(behind_s=time.time() - before.music / 1000)
        self._music = music or AcceleratedClock()
        begin = self._begin = before.begin if before else self._music() - int(settings.history_s * 1000)
        catalogue = make_catalogue(settings.seed, settings.artists)
        self._timelines = {
            person.account_id: Timeline(f"{settings.seed} {person.account_id}", catalogue, begin, person.habits)
            for person in settings.people
        }
        self._libraries = {
            person.account_id: FakeLibrary(
                f"{settings.seed} {person.account_id}",
                catalogue,
                self._timelines[person.account_id],
                begin,
                saved=person.habits.saved,
                change_s=person.habits.library_s,
            )
            for person in settings.people
        }
        app = App(
            client_id=settings.client_id,
            client_secret=settings.client_secret,
            redirect_uris=settings.redirect_uris,
            owner_has_premium=settings.owner_has_premium,
        )
        self._tokens = Tokens(app, clock)
        if before is not None:
            self._tokens.restore(before.refresh)
        self._trouble = Trouble(settings.troubles)
        self._api = WebApi(
            app,
            settings.people,
            self._timelines,
            self._libraries,
            catalogue,
            self._tokens,
            self._trouble,
            self._music,
            clock,
        )
        self._api.listener = self._remember
        self._web = FastAPI(title="Fake Spotify", openapi_url=None, docs_url=None, redoc_url=None)
        self._web.include_router(accounts(app, settings.people, self._tokens, self._trouble))
        self._web.include_router(web_api(self._api))
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None
        self._url = ""

    def start(self) -> str:
        """Listen on 127.0.0.1; returns the address, http://127.0.0.1:PORT. Raises SpotifireError."""
        listening = socket.create_server(("127.0.0.1", self.settings.port))
        self._url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        config = uvicorn.Config(
            self._web,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="fake-spotify", daemon=True
        )
        self._thread.start()
        patience = time.monotonic() + STARTS_WITHIN_S
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > patience:
                raise SpotifireError("The fake Spotify did not start.")
            time.sleep(0.01)
        return self._url

    def stop(self) -> None:
        """Stop listening; harmless when it does not."""
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None
            self._remember()

    def _remember(self) -> None:
        if self.settings.memory is not None:
            remembered = Remembered(
                seed=self.settings.seed, begin=self._begin, music=self._music(), refresh=self._tokens.living()
            )
            remember(self.settings.memory, remembered)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def accounts_url(self) -> str:
        """For SpotifySettings.accounts_url."""
        return self._url

    @property
    def api_url(self) -> str:
        """For SpotifySettings.api_url."""
        return f"{self._url}/v1"

    @property
    def calls(self) -> list[Call]:
        """Every Web API request so far."""
        return list(self._api.calls)

    def script(self, path: str, *faults: Fault) -> None:
        """The next requests for `path` (such as /v1/me/player/recently-played) get these answers."""
        self._trouble.script(path, *faults)

    def revoke(self, account_id: str) -> None:
        """The person withdraws the app's access: every token of theirs is dead."""
        self._tokens.revoke(account_id)

    def played(self, account_id: str) -> list[FakePlay]:
        """Everything that was played and ended by now, oldest first: the truth to compare with."""
        now = self._music()
        return [play for play in self._timelines[account_id].until(now) if play.end <= now]

    def timeline(self, account_id: str) -> Timeline:
        """Everything that this person plays, as far ahead as one asks."""
        return self._timelines[account_id]

    def library(self, account_id: str) -> FakeLibrary:
        """What this person saved and follows."""
        return self._libraries[account_id]

    def shown(self, account_id: str) -> list[FakePlay]:
        """Every play that recently-played ever answered with, oldest first."""
        return [play for _, play in sorted(self._api.shown[account_id].items())]

    def consent(self, authorize_url: str, account_id: str) -> dict[str, str]:
        """Do what a person does on the consent page; returns the call-back's query.

        An unknown account (such as "") denies. Raises SpotifireError where Spotify shows an error page.
        """
        form = dict(parse_qsl(urlsplit(authorize_url).query)) | {"answer": account_id}
        with requests.Session() as browser:
            browser.trust_env = False
            page = browser.get(authorize_url, timeout=5, allow_redirects=False)
            if page.status_code == 200:
                page = browser.post(f"{self._url}/authorize", data=form, timeout=5, allow_redirects=False)
        if page.status_code != 303:
            raise SpotifireError(f"The fake Spotify refuses: {page.text[:200]}.")
        return dict(parse_qsl(urlsplit(page.headers["location"]).query))

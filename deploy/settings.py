"""The one place where the environment and the configuration file are read; frozen afterwards.

Order, the first wins: what a command was given, `SPOTIFIRE_*` in the environment, the TOML file
of `--config`, the defaults below. Every other package is handed plain frozen settings of its own.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from platformdirs import user_data_path
from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from producers.spotify.settings import ACCOUNTS, API
from streams.contracts.errors import UserError


def _kafka(value: str) -> str:
    if value in ("embedded", "apache") or all(
        host and port.isdigit() for host, _, port in (part.rpartition(":") for part in value.split(","))
    ):
        return value
    raise ValueError("must be embedded, apache, or HOST:PORT")


def _clickhouse(value: str) -> str:
    if value == "embedded" or value.startswith(("http://", "https://")):
        return value
    raise ValueError("must be embedded or an http(s) address")


def _public_url(value: str) -> str:
    """Without a scheme no host would be found in it, and the page would stay open to a proxy."""
    parts = urlsplit(value)
    if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query):
        raise ValueError("must be http(s)://HOST[:PORT], without a path")
    return value


class Settings(BaseSettings):
    """Every setting, with its default and its meaning. The environment's names are in capitals."""

    model_config = SettingsConfigDict(env_prefix="SPOTIFIRE_", frozen=True, extra="forbid")

    data: Path = Field(
        default_factory=lambda: user_data_path("spotifire", appauthor=False),
        description="the data folder: database, logs, keys",
    )
    host: str = Field("127.0.0.1", description="where the API and the page listen; sign-in is on elsewhere")
    port: int = Field(8765, ge=0, le=65535, description="their port; 0 takes a free one")
    public_url: Annotated[str, AfterValidator(_public_url)] = Field(
        "", description="the address that people use, where a proxy stands in front; sign-in is on with it"
    )
    kafka: Annotated[str, AfterValidator(_kafka)] = Field(
        "embedded", description="embedded, apache (from its jars), or HOST:PORT"
    )
    clickhouse: Annotated[str, AfterValidator(_clickhouse)] = Field(
        "embedded", description="embedded, or a server's http address"
    )
    clickhouse_user: str = Field("default", description="the server's user")
    clickhouse_password_file: Path | None = Field(None, description="file with that user's password")
    database: str = Field("spotifire", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$", description="ClickHouse's database")
    always_sign_in: bool = Field(False, description="ask for the password on loopback too, as every image does")
    owner_password_file: Path | None = Field(
        None, description="file with the owner's password; without it one is made and printed once"
    )
    key_file: Path | None = Field(None, description="file with the key that encrypts tokens; else data/secrets/key")
    spotify_accounts_url: str = Field(
        ACCOUNTS, description="where Spotify's sign-in is; the fake's with --fake-spotify"
    )
    spotify_api_url: str = Field(API, description="where Spotify's Web API is")
    proxy: str = Field("", description="http(s)://HOST:PORT through which Spotify is reached")
    serve_clickhouse: int | None = Field(
        None, ge=0, le=65535, description="read-only ClickHouse over HTTP on this loopback port"
    )
    archive: str = Field("", description="where the archive is: a folder or s3://BUCKET/PREFIX; kept daily when set")
    s3_endpoint: str = Field("", description="http(s)://HOST:PORT of a store other than Amazon's")
    s3_region: str = Field("", description="its region; us-east-1 where none is given")
    s3_access_key: str = Field("", description="its access key; else the environment and files of AWS are asked")
    s3_secret_key_file: Path | None = Field(None, description="file with the secret that belongs to it")
    worker_id: str = Field(
        "",
        description="static name in the consumer group, of one worker alone: back under it within its session (6 s), "
        "on whatever host, it gets the same partitions, and no other worker is disturbed",
    )
    metrics_port: int | None = Field(None, ge=0, le=65535, description="Prometheus metrics of a worker that runs alone")
    publish_enriched: bool = Field(True, description="publish enriched plays for other consumers")
    log_format: Literal["auto", "console", "json"] = Field("auto", description="console on a terminal, else json")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="the least level logged")

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the API."""
        return self.host in ("127.0.0.1", "::1", "localhost")

    @property
    def sign_in(self) -> bool:
        """Whether the owner's password is asked for."""
        return self.always_sign_in or not self.loopback or bool(self.public_url)


def read_secret(path: Path) -> str:
    """A secret file's content without the line end. Raises UserError when it can't be read or is empty."""
    try:
        secret = path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"The secret file {path} cannot be read.", cure="Check its path and permissions.") from error
    if not secret:
        raise UserError(f"The secret file {path} is empty.", cure="Write the secret into it.")
    return secret


def load(config: Path | None = None, **given: Any) -> Settings:
    """Settings from what was given (None counts as not given), the environment and a TOML file.

    Raises UserError that names the first wrong setting.
    """
    values: dict[str, Any] = {}
    if config is not None:
        try:
            values = tomllib.loads(config.read_text("utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UserError(f"The configuration file {config} cannot be read: {error}.") from error
    explicit = {name: value for name, value in given.items() if value is not None}
    try:
        from_environment = Settings().model_dump(exclude_unset=True) if values or explicit else {}
        return Settings(**{**values, **from_environment, **explicit})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UserError(f"The setting {name!r} is wrong: {first['msg']}.", cure="See `spotifire up --help`.") from error

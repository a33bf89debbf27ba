"""Structured logs: to standard error for whoever watches, and to files that `up` keeps.

Files are rotated at 8 MiB and compressed, seven are kept: less than 16 MiB in all.
"""

from __future__ import annotations

import gzip
import logging
import logging.handlers
import shutil
import sys
from pathlib import Path
from typing import Literal

import structlog

_SHARED: list[structlog.types.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]
# Libraries that say at level info what nobody who runs Spotifire needs to read.
_QUIET = (
    "aiokafka",
    "faust",
    "mode",
    "uvicorn",
    "uvicorn.access",
    "httpx",
    "spotipy",
    "kafka",
    "clickhouse_connect",
)


def _formatter(renderer: structlog.types.Processor) -> structlog.stdlib.ProcessorFormatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info if isinstance(renderer, structlog.processors.JSONRenderer) else _keep,
            renderer,
        ],
    )


def _keep(
    _logger: structlog.types.WrappedLogger, _name: str, event: structlog.types.EventDict
) -> structlog.types.EventDict:
    return event  # the console renders exceptions itself


def _gzip(source: str, target: str) -> None:
    with Path(source).open("rb") as plain, gzip.open(target, "wb") as packed:
        shutil.copyfileobj(plain, packed)
    Path(source).unlink()


def configure(
    level: str, style: Literal["auto", "console", "json"], *, folder: Path | None = None, console: bool = True
) -> None:
    """Set up logging for this process.

    `folder`: also write `spotifire.log` there, as JSON lines. `console` False keeps standard error
    free, for a live display; errors still show there.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_SHARED,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    json = structlog.processors.JSONRenderer()
    pretty = style == "console" or (style == "auto" and sys.stderr.isatty())
    stream = logging.StreamHandler(sys.stderr)
    stream.setFormatter(
        _formatter(
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(),
                # with locals, a traceback through spotipy would show tokens
                exception_formatter=structlog.dev.plain_traceback,
            )
            if pretty
            else json
        )
    )
    if not console:
        stream.setLevel(logging.ERROR)
    handlers: list[logging.Handler] = [stream]
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        file = logging.handlers.RotatingFileHandler(
            folder / "spotifire.log", maxBytes=8 * 2**20, backupCount=7, encoding="utf-8"
        )
        file.namer = lambda name: f"{name}.gz"
        file.rotator = _gzip
        file.setFormatter(_formatter(json))
        handlers.append(file)
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        root.addHandler(handler)
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))

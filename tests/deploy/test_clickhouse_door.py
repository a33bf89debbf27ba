"""ClickHouse's HTTP protocol over the embedded engine: who is let in, and how much they may send."""

from __future__ import annotations

import sys
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pytest

from deploy import clickhouse_http, clickhouse_request
from deploy.clickhouse_http import ChdbHttpServer, Served
from sinks.clickhouse import ClickHouse
from streams.contracts.errors import UserError
from tests.deploy.test_clickhouse_http import ask
from tests.support.clickhouse import chdb_folder


@pytest.fixture(scope="module")
def url(engine: ClickHouse) -> Iterator[str]:
    server = ChdbHttpServer(Served(chdb_folder()))
    yield server.start()
    server.stop()


@pytest.mark.parametrize("encoding", ["zstd", "gzip", "lz4", "deflate", "br", ""])
def test_a_body_is_bounded_also_unpacked(monkeypatch: pytest.MonkeyPatch, url: str, encoding: str) -> None:
    for module in (clickhouse_request, clickhouse_http):
        monkeypatch.setattr(module, "LARGEST", 3_000_000)
    rows = {"fits": b"SELECT 7" + b" " * 2_900_000, "bomb": b" " * 60_000_000 if encoding else b" " * 3_100_000}
    packed = {name: _packed(text, encoding) for name, text in rows.items()}
    headers = {"Content-Encoding": encoding} if encoding else {}
    assert ask(url, "", body=packed["fits"], headers=headers)[:2] == (200, b"7\n")
    status, answer, _ = ask(url, "", body=packed["bomb"], headers=headers)
    assert (status, b"is larger than" in answer) == (400, True), answer
    if not encoding:
        return
    assert ask(url, "", body=packed["fits"][:-9], headers=headers)[0] == 400, "cut short"
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match="is larger than"):
            clickhouse_request.decompressed(packed["bomb"], encoding)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()


def _packed(text: bytes, encoding: str) -> bytes:
    if encoding == "deflate":
        return zlib.compress(text, 1)
    if not encoding:
        return text
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "brotli" if encoding == "br" else encoding) as stream:
        stream.write(text)
    return bytes(sink.getvalue())


def test_other_machines_are_let_in_with_a_password_alone(engine: ClickHouse) -> None:
    folder = chdb_folder()
    for host in ("0.0.0.0", "::", "", "192.0.2.1", "a.example"):
        for served in (Served(folder), Served(folder, read_only=True), Served(folder, user="default")):
            with pytest.raises(UserError, match="could read") as raised:
                ChdbHttpServer(served, host=host)
            assert "password" in raised.value.cure
    server = ChdbHttpServer(Served(folder, user="default", password="pässword"), host="0.0.0.0")
    port = urlsplit(server.start()).port
    try:
        outside = f"http://127.0.0.1:{port}"
        assert ask(outside, "SELECT 1")[0] == 403
        assert ask(outside, "SELECT 1", user="default", password="pässwort")[0] == 403
        assert ask(outside, "SELECT 1", user="default", password="pässword")[:2] == (200, b"1\n")
    finally:
        server.stop()


def test_the_command_takes_its_password_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Served] = []

    class Server(ChdbHttpServer):
        def __init__(self, served: Served, **more: Any) -> None:
            super().__init__(served, **more)
            given.append(served)

        def start(self) -> str:
            raise UserError("Far enough.")

    monkeypatch.setattr(clickhouse_http, "ChdbHttpServer", Server)
    secret = tmp_path / "password"
    secret.write_text("hush\n")

    def ended(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["x", "--path", str(tmp_path), *arguments])
        with pytest.raises(SystemExit) as raised:
            clickhouse_http.main()
        return int(str(raised.value.code))

    assert ended("--host", "0.0.0.0") == 2
    assert given == []
    assert ended("--host", "0.0.0.0", "--user", "ada", "--password-file", str(secret)) == 2
    monkeypatch.setenv("SPOTIFIRE_CLICKHOUSE_PASSWORD_FILE", str(secret))
    assert ended("--host", "0.0.0.0") == 2
    assert [(one.user, one.password) for one in given] == [("ada", "hush"), ("default", "hush")]
    assert "hush" not in repr(given)

"""ClickHouse's users, their rights and limits, as far as files can be checked."""

from __future__ import annotations

import re
import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SECRET_TABLES = {"connections", "api_tokens"}


def grants(user: str) -> list[str]:
    root = ET.parse(ROOT / "deploy/clickhouse/users.xml").getroot()
    return [query.text or "" for query in root.findall(f"./users/{user}/grants/query")]


def test_there_are_three_users_with_hashes_and_no_default_one() -> None:
    root = ET.parse(ROOT / "deploy/clickhouse/users.xml").getroot()
    users = root.find("users")
    assert users is not None
    assert [user.tag for user in users] == ["default", "migrator", "writer", "grafana"]
    assert users[0].get("remove") == "remove"
    start = (ROOT / "deploy/clickhouse/start.sh").read_text("utf-8")
    for user in users[1:]:
        (password,) = user.findall("password_sha256_hex")
        assert password.get("from_env") == f"CLICKHOUSE_{user.tag.upper()}_SHA256"
        assert not password.text
        assert user.tag in start
        assert f"clickhouse_{user.tag}_password" in COMPOSE["services"]["clickhouse"]["secrets"]
        assert user.find("grants") is not None, "without grants a user may do everything"


def test_the_reader_sees_every_table_and_view_but_the_secret_ones() -> None:
    schema = {
        match[1]
        for path in (ROOT / "sinks" / "schema").glob("*.sql")
        if (match := re.search(r"CREATE (?:TABLE|VIEW) IF NOT EXISTS (\w+)", path.read_text("utf-8")))
    }
    assert schema >= SECRET_TABLES
    granted = [re.fullmatch(r"GRANT SELECT ON spotifire\.(\w+)", grant) for grant in grants("grafana")]
    assert all(granted), "nothing but reading, table by table"
    assert {match[1] for match in granted if match} == schema - SECRET_TABLES


def test_no_view_shows_a_secret_table() -> None:
    for path in (ROOT / "sinks" / "schema").glob("*_v_*.sql"):
        assert not SECRET_TABLES & set(re.findall(r"\w+", path.read_text("utf-8"))), path.name


def test_the_reader_only_reads_within_limits() -> None:
    root = ET.parse(ROOT / "deploy/clickhouse/users.xml").getroot()
    assert root.findtext("./users/grafana/profile") == "reader"
    profile = root.find("./profiles/reader")
    assert profile is not None
    assert profile.findtext("readonly") == "2", "1 breaks the plugin: its driver sends max_execution_time"
    for setting in ("max_execution_time", "max_memory_usage", "max_threads", "max_result_rows"):
        limit, ceiling = profile.findtext(setting), profile.findtext(f"constraints/{setting}/max")
        assert limit is not None
        assert ceiling is not None
        assert int(limit) <= int(ceiling)


def test_the_writer_can_neither_drop_nor_alter_a_table_of_ours() -> None:
    wide = [grant for grant in grants("writer") if grant.endswith("spotifire.*")]
    for grant in wide:
        rights = {right.strip() for right in grant.removeprefix("GRANT ").split(" ON ")[0].split(",")}
        assert rights <= {"SELECT", "INSERT", "ALTER DELETE", "OPTIMIZE", "CREATE DATABASE"}
    assert "GRANT CREATE TABLE, CREATE VIEW, DROP TABLE, DROP VIEW ON spotifire.scratch_*" in grants("writer")


def test_the_server_limits_are_well_formed_and_tell_nobody() -> None:
    root = ET.parse(ROOT / "deploy/clickhouse/limits.xml").getroot()
    assert root.tag == "clickhouse"
    assert root.findtext("send_crash_reports/enabled") == "false"
    ratio = root.findtext("max_server_memory_usage_to_ram_ratio")
    assert ratio is not None
    assert 0 < float(ratio) < 1


def test_the_database_does_not_start_without_its_passwords() -> None:
    script = ROOT / "deploy" / "clickhouse" / "start.sh"
    ran = subprocess.run(["bash", str(script)], capture_output=True, text=True, check=False)
    assert ran.returncode == 2
    assert "/run/secrets/clickhouse_migrator_password is missing" in ran.stderr

"""docker-compose.yml and what stands beside it, as far as files can be checked."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.fernet import Fernet

from deploy.settings import Settings
from grafana.query import PLUGIN, PLUGIN_VERSION

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "worker", "collector", "api", "demo")
OWN: dict[str, dict[str, Any]] = {
    name: yaml.safe_load((ROOT / "deploy" / "compose" / f"own-{name}.yml").read_text("utf-8"))["services"]
    for name in ("kafka", "clickhouse")
}
VERSION: str = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def default(text: str) -> str:
    """A value with its variables at their defaults."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


# Compose


def test_every_image_is_pinned() -> None:
    images = {name: service["image"] for name, service in SERVICES.items()}
    assert images == {
        "kafka": "apache/kafka:4.3.1",
        "clickhouse": "clickhouse/clickhouse-server:26.8",
        "grafana": "grafana/grafana:13.2.3",
        **dict.fromkeys(OURS, f"spotifire:{VERSION}-slim"),
    }
    assert [name for name in SERVICES if "build" in SERVICES[name]] == ["migrate"], "built once"
    assert SERVICES["migrate"]["build"]["target"] == "slim"
    for name in OURS:
        assert SERVICES[name]["pull_policy"] == "never", "a registry would be asked for an image of ours"


def test_only_page_and_grafana_are_published_and_on_loopback() -> None:
    published = {name: [default(port) for port in service.get("ports", [])] for name, service in SERVICES.items()}
    assert {name: ports for name, ports in published.items() if ports} == {
        "api": ["127.0.0.1:8765:8765"],
        "grafana": ["127.0.0.1:3000:3000"],
    }
    assert COMPOSE["networks"]["store"]["internal"] is True
    assert SERVICES["kafka"]["networks"] == SERVICES["clickhouse"]["networks"] == ["store"]


def test_every_service_has_a_limit_and_comes_back() -> None:
    for name, service in SERVICES.items():
        assert re.fullmatch(r"\d+[mg]", default(service["mem_limit"])), name
        assert service["restart"] == {"migrate": "no", "demo": "on-failure"}.get(name, "unless-stopped"), name


def test_health_is_asked_where_there_is_something_to_ask() -> None:
    for name in ("kafka", "clickhouse", "worker", "api", "grafana"):
        check = SERVICES[name]["healthcheck"]
        assert check["test"][0] == "CMD", name
        assert {"interval", "timeout", "start_period", "retries"} <= set(check), name
    for name in ("migrate", "collector", "demo"):
        assert "healthcheck" not in SERVICES[name], "`up --wait` fails where one is disabled, and waits for none"


def test_parts_wait_for_what_they_need() -> None:
    for name in ("worker", "collector", "api", "demo"):
        waits = {other: how["condition"] for other, how in SERVICES[name]["depends_on"].items()}
        assert waits == {
            "kafka": "service_healthy",
            "clickhouse": "service_healthy",
            "migrate": "service_completed_successfully",
        }
    assert SERVICES["migrate"]["depends_on"] == {"clickhouse": {"condition": "service_healthy"}}
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            if how["condition"] == "service_healthy":
                assert "test" in SERVICES[other]["healthcheck"], f"{name} would wait for {other} for ever"


def test_secrets_are_files_and_every_one_is_used() -> None:
    declared = set(COMPOSE["secrets"])
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert declared == used
    for name, secret in COMPOSE["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    for name, service in SERVICES.items():
        for key, value in service.get("environment", {}).items():
            if "PASSWORD" in key or "KEY_FILE" in key:
                assert value.startswith("/run/secrets/"), f"{name}: {key} holds a secret"
                assert value.removeprefix("/run/secrets/") in service["secrets"], f"{name} does not get {value}"


def test_nobody_gets_a_secret_that_is_not_theirs() -> None:
    assert SERVICES["worker"]["secrets"] == ["clickhouse_writer_password"]
    assert SERVICES["migrate"]["secrets"] == ["clickhouse_migrator_password"]
    for name, service in SERVICES.items():
        if name not in ("clickhouse", "migrate"):
            assert "clickhouse_migrator_password" not in service.get("secrets", [])
        if name not in ("collector", "api"):
            assert "token_key" not in service.get("secrets", [])


def test_our_parts_run_with_a_read_only_root_and_no_rights() -> None:
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True
        assert service["tmpfs"] == ["/tmp"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        if name not in ("migrate", "demo"):
            assert service["volumes"] == [f"{name}:/data"]


def test_our_parts_are_given_settings_that_exist(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    known = {f"SPOTIFIRE_{name.upper()}" for name in Settings.model_fields}
    for name in OURS:
        given = {key: default(value) for key, value in SERVICES[name]["environment"].items()}
        assert set(given) <= known, name
        with monkeypatch.context() as patched:
            for key in [key for key in os.environ if key.startswith("SPOTIFIRE_")]:
                patched.delenv(key)
            for key, value in given.items():
                patched.setenv(key, value)
            settings = Settings()
        assert settings.kafka == "kafka:9092"
        assert settings.clickhouse_user == ("migrator" if name == "migrate" else "writer")


def test_a_worker_has_no_fixed_name_in_the_group() -> None:
    """A name is of one worker alone, and all of `--scale` have the same environment."""
    assert "SPOTIFIRE_WORKER_ID" not in SERVICES["worker"]["environment"]
    assert "hostname" not in SERVICES["worker"]
    assert "container_name" not in SERVICES["worker"], "--scale needs a name for each"


def test_kafka_is_one_broker_that_makes_no_topic_by_itself() -> None:
    environment = SERVICES["kafka"]["environment"]
    assert environment["KAFKA_PROCESS_ROLES"] == "broker,controller"
    assert environment["KAFKA_ADVERTISED_LISTENERS"] == "PLAINTEXT://kafka:9092"
    assert environment["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"
    assert environment["KAFKA_LOG_DIRS"] == SERVICES["kafka"]["volumes"][0].split(":")[1]
    assert all(isinstance(value, str) for value in environment.values())


def test_grafana_is_provisioned_with_our_files_and_tells_nobody() -> None:
    service = SERVICES["grafana"]
    environment = service["environment"]
    assert environment["GF_PLUGINS_PREINSTALL_SYNC"] == f"{PLUGIN}@{PLUGIN_VERSION}"
    assert "GF_INSTALL_PLUGINS" not in environment
    mounted = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounted["./grafana/provisioning"] == "/etc/grafana/provisioning"
    provider = yaml.safe_load((ROOT / "grafana/provisioning/dashboards/spotifire.yaml").read_text("utf-8"))
    assert mounted["./grafana/dashboards"] == provider["providers"][0]["options"]["path"]
    source = yaml.safe_load((ROOT / "grafana/provisioning/datasources/spotifire.yaml").read_text("utf-8"))
    secret = re.fullmatch(r"\$__file\{/run/secrets/(\w+)\}", source["datasources"][0]["secureJsonData"]["password"])
    assert secret is not None
    assert secret[1] in service["secrets"]
    home = environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (ROOT / "grafana/dashboards" / Path(home).name).exists()
    assert environment["GF_ANALYTICS_REPORTING_ENABLED"] == "false"
    assert environment["GF_AUTH_ANONYMOUS_ENABLED"] == "false"


def test_what_is_mounted_exists() -> None:
    for name, service in SERVICES.items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (ROOT / source).exists(), f"{name}: {source}"
            else:
                assert source in COMPOSE["volumes"], f"{name}: {source}"


def test_every_variable_is_explained_with_its_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text("utf-8")
    used = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
    assert set(re.findall(r"\$\{(\w+)", text)) == set(used), "a variable without a default"
    example = (ROOT / ".env.example").read_text("utf-8")
    assert dict(re.findall(r"^(\w+)=(.*)$", example, re.MULTILINE)) == used


# With a Kafka or a ClickHouse of one's own


def test_what_is_yours_is_not_started_and_nobody_waits_for_it() -> None:
    for name, services in OWN.items():
        assert services[name] == {"profiles": ["bundled"]}
        waiting = {other for other, service in SERVICES.items() if name in service.get("depends_on", {})}
        assert set(services) == waiting | {name}
        for other in waiting:
            assert services[other]["depends_on"] == {name: {"condition": "service_healthy", "required": False}}
            if other != "grafana":
                assert services[other]["networks"] == ["store", "outside"], f"{other} would not reach it"


def test_everybody_is_given_the_address_and_compose_asks_for_it() -> None:
    for name in OURS:
        assert "${SPOTIFIRE_CLICKHOUSE:?" in OWN["clickhouse"][name]["environment"]["SPOTIFIRE_CLICKHOUSE"], name
        if name != "migrate":
            assert "${SPOTIFIRE_KAFKA:?" in OWN["kafka"][name]["environment"]["SPOTIFIRE_KAFKA"], name
    known = {f"SPOTIFIRE_{name.upper()}" for name in Settings.model_fields}
    for services in OWN.values():
        for name in set(OURS) & set(services):
            assert set(services[name]["environment"]) <= known


def test_grafana_asks_your_clickhouse_as_it_asks_ours() -> None:
    grafana = OWN["clickhouse"]["grafana"]
    ((source, target, mode),) = (volume.split(":") for volume in grafana["volumes"])
    assert target.startswith("/etc/grafana/provisioning/datasources/")
    assert mode == "ro"
    bundled = ROOT / "grafana/provisioning/datasources" / Path(target).name
    ours, theirs = (
        yaml.safe_load(path.read_text("utf-8"))["datasources"][0]
        for path in (bundled, ROOT / source.removeprefix("./"))
    )
    given = {value.removeprefix("$") for value in theirs["jsonData"].values() if value.startswith("$")}
    assert given == set(grafana["environment"])
    for settings in (ours["jsonData"], theirs["jsonData"]):
        for name in ("host", "port", "protocol", "secure", "username"):
            settings.pop(name, None)
    assert theirs == ours


def test_variables_of_these_files_are_explained_and_nothing_merges_itself() -> None:
    texts = [path.read_text("utf-8") for path in sorted((ROOT / "deploy" / "compose").glob("*.yml"))]
    example = (ROOT / ".env.example").read_text("utf-8")
    explained = dict(re.findall(r"^#(\w+)=(.*)$", example, re.MULTILINE))
    for text in texts:
        defaults = dict(re.findall(r"\$\{(\w+):-([^}]*)\}", text))
        assert set(re.findall(r"\$\{(\w+)", text)) <= set(explained)
        assert defaults.items() <= explained.items()
    for path in explained["COMPOSE_FILE"].split(":"):
        assert (ROOT / path).exists(), path
    assert SERVICES["demo"]["profiles"] == [explained["COMPOSE_PROFILES"]]
    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["demo"]
    for name in ("docker-compose.override.yml", "docker-compose.override.yaml", "compose.override.yml"):
        assert not (ROOT / name).exists()


# Scripts


def test_secrets_are_made_once_and_fit(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    script = [str(ROOT / "deploy" / "secrets.sh"), str(folder)]
    first = subprocess.run(script, capture_output=True, text=True, check=True)
    made = {path.name: path.read_text("ascii") for path in folder.iterdir()}
    assert set(made) == set(COMPOSE["secrets"])
    Fernet(made["token_key"])
    for name, secret in made.items():
        assert len(secret) >= 36
        assert secret == secret.strip()
        if name != "token_key":
            assert secret.isalnum(), "Grafana expands a dollar sign"
        assert secret not in first.stderr
    assert len(set(made.values())) == len(made)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    subprocess.run(script, capture_output=True, check=True)
    assert {path.name: path.read_text("ascii") for path in folder.iterdir()} == made

"""The provisioning files, against what the plugin and the rest of the house expect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from grafana.client import FOLDER_TITLE, FOLDER_UID
from grafana.query import PLUGIN

FOLDER = Path(__file__).parents[2] / "grafana" / "provisioning"


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name / "spotifire.yaml").read_text("utf-8"))


def test_the_data_source_has_the_types_that_the_plugin_takes() -> None:
    (source,) = read("datasources")["datasources"]
    assert source["type"] == PLUGIN
    assert source["uid"]
    data = source["jsonData"]
    assert set(data) >= {"host", "port", "protocol", "username", "defaultDatabase"}
    assert "database" not in data, "the plugin ignores it"
    assert isinstance(data["port"], int)
    for name in ("dialTimeout", "queryTimeout", "maxOpenConns", "maxIdleConns", "connMaxLifetime"):
        assert isinstance(data[name], str), f"{name} as a number makes the plugin panic"


def test_the_password_comes_from_a_file() -> None:
    (source,) = read("datasources")["datasources"]
    assert source["secureJsonData"]["password"].startswith("$__file{/run/secrets/")
    assert "password" not in source["jsonData"]


def test_dashboards_come_from_files_and_stay_as_they_are() -> None:
    (provider,) = read("dashboards")["providers"]
    assert (provider["type"], provider["folder"], provider["folderUid"]) == ("file", FOLDER_TITLE, FOLDER_UID)
    assert provider["allowUiUpdates"] is False

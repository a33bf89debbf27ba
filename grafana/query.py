"""A query to ClickHouse as Grafana's plugin expects it; the foundation SDK has no class for it."""

from __future__ import annotations

from enum import IntEnum

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

PLUGIN = "grafana-clickhouse-datasource"
PLUGIN_VERSION = "4.20.0"
SOURCE = DataSourceRef(type_val=PLUGIN, uid="${source}")  # the dashboard's variable, never a fixed uid


class Format(IntEnum):
    """The shape of an answer. A number on purpose: words fail on some versions of the plugin."""

    TIME_SERIES = 0  # a column of times, ascending, and numbers
    TABLE = 1


class ClickHouseQuery(Dataquery):
    """One target of a panel."""

    def __init__(self, ref_id: str, sql: str, shape: Format) -> None:
        self.ref_id = ref_id
        self.sql = sql
        self.shape = shape

    def to_json(self) -> dict[str, object]:
        """The target as it stands in a dashboard."""
        return {
            "refId": self.ref_id,
            "datasource": SOURCE,
            "editorType": "sql",
            "rawSql": self.sql,
            "queryType": "timeseries" if self.shape is Format.TIME_SERIES else "table",
            "format": int(self.shape),
            "pluginVersion": PLUGIN_VERSION,
        }


class Query(Builder[Dataquery]):
    """Hands a query to a panel of the SDK: `panel.with_target(Query(sql))`."""

    def __init__(self, sql: str, shape: Format = Format.TABLE, ref_id: str = "A") -> None:
        self._query = ClickHouseQuery(ref_id, sql.strip(), shape)

    def build(self) -> Dataquery:
        """The query itself."""
        return self._query

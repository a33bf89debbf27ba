"""The personas that are shipped are those that the code trains."""

from __future__ import annotations

import pytest

from deploy.training import train_on_simulated
from ml.model import from_json
from ml.store import SHIPPED
from sinks.clickhouse import ClickHouse

pytestmark = [pytest.mark.slow, pytest.mark.drift, pytest.mark.timeout(300)]


def test_training_again_gives_what_is_shipped(clickhouse: ClickHouse) -> None:
    shipped, trained = from_json(SHIPPED.read_text("utf-8")), train_on_simulated(clickhouse)
    assert trained.features == shipped.features
    assert trained.names == shipped.names
    for ours, theirs in zip(trained.centroids, shipped.centroids, strict=True):
        assert ours == pytest.approx(theirs, abs=1e-3)
    assert trained.quality.agreement is not None
    assert trained.quality.agreement >= 0.9

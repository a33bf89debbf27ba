"""The generated schemas and docs are those of the code, and a version only grows by optional fields."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from streams.contracts import codec, glossary, schema
from streams.contracts.compatible import breaches
from streams.contracts.errors import UserError
from streams.contracts.topics import LISTENER_PROFILE, PLAY_RECORDED, TOPICS
from tests.streams.worlds import heard

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.drift


@pytest.mark.parametrize("path", sorted(schema.render()))
def test_generated_files_are_up_to_date(path: str) -> None:
    assert (ROOT / path).read_text("utf-8") == schema.render()[path], "run: python -m streams.contracts.schema"


def test_no_schema_is_left_over() -> None:
    assert {f"docs/schemas/{file.name}" for file in (ROOT / "docs/schemas").iterdir()} == {
        path for path in schema.render() if path.endswith(".json")
    }


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic.event], ids=lambda topic: topic.name)
def test_what_is_committed_may_be_followed_by_what_the_code_says(topic: Any) -> None:
    committed = json.loads((ROOT / f"docs/schemas/{topic.name}.json").read_text("utf-8"))
    assert breaches(committed, schema.schema_of(topic)) == []
    jsonschema.Draft202012Validator.check_schema(committed)


def test_an_event_obeys_its_schema() -> None:
    validator = jsonschema.Draft202012Validator(schema.schema_of(PLAY_RECORDED))
    validator.validate(json.loads(codec.encode(heard(0))))
    assert list(validator.iter_errors({"listener": "x"}))


def test_every_field_is_explained_and_nothing_else_is() -> None:
    definitions = {
        name: one for topic in TOPICS if topic.event for name, one in schema.schema_of(topic)["$defs"].items()
    }
    fields = {(event, field) for event, one in definitions.items() for field in one["properties"]}
    assert {field for _, field in fields} == set(glossary.FIELDS)
    assert set(glossary.WHICH_KIND) <= {f"{event}.{field}" for event, field in fields}


def play(change: Callable[[dict[str, Any]], object]) -> list[str]:
    """What is wrong with the schema of a sighting after a change."""
    old = schema.schema_of(PLAY_RECORDED)
    new = copy.deepcopy(old)
    change(new["$defs"])
    return breaches(old, new)


def test_optional_fields_and_other_words_may_come() -> None:
    assert play(lambda d: d["PlayRecorded"]["properties"].update(mood={"type": "string", "default": ""})) == []
    assert play(lambda d: d["Artist"]["properties"].update(role={"type": "string", "default": ""})) == []
    assert play(lambda d: d["PlayRecorded"]["properties"]["title"].update(description="x", examples=["y"])) == []


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda d: d["PlayRecorded"]["properties"].pop("album"), "album: removed field"),
        (lambda d: d["Artist"]["properties"].pop("id"), "artists[items]id: removed field"),
        (lambda d: d["PlayRecorded"]["required"].append("album"), "album: newly required"),
        (lambda d: d["PlayRecorded"]["required"].remove("source"), "source: no longer required"),
        (lambda d: d["PlayRecorded"]["properties"]["album"].update(type="integer"), "album: changed type"),
        (lambda d: d["PlayRecorded"]["properties"]["album"].update(maxLength=10), "album: narrowed limits"),
        (lambda d: d["PlayRecorded"]["properties"]["reported_end"].update(minimum=10**13), "narrowed limits"),
        (lambda d: d["PlayRecorded"]["properties"]["isrc"].update(pattern="^[A-Z]"), "isrc: changed pattern"),
        (lambda d: d["PlayRecorded"]["properties"]["album"].update(maxLength=4096), "album: changed maxLength"),
        (lambda d: d["PlayRecorded"]["properties"]["kind"]["enum"].remove("chapter"), "kind: changed enum"),
        (lambda d: d["PlayRecorded"]["properties"]["kind"]["enum"].append("advert"), "kind: changed enum"),
        (lambda d: d["PlayRecorded"]["properties"]["kind"].update(default="episode"), "kind: changed default"),
        (lambda d: d["PlayRecorded"]["properties"]["ms_played"]["anyOf"].pop(), "ms_played: changed type"),
        (lambda d: d["PlayRecorded"]["properties"]["ms_played"]["anyOf"][0].update(maximum=1), "ms_played[0]"),
        (lambda d: d["PlayRecorded"]["properties"].update(artists={"type": "string"}), "artists"),
        (lambda d: d["Artist"]["properties"]["name"].update(maxLength=1), "artists[items]name: narrowed limits"),
    ],
)
def test_anything_else_may_not(change: Callable[[dict[str, Any]], object], word: str) -> None:
    found = play(change)
    assert found and any(word in line for line in found), found


def test_maps_are_looked_into() -> None:
    old = schema.schema_of(LISTENER_PROFILE)
    new = copy.deepcopy(old)
    new["$defs"]["ListenerProfile"]["properties"]["features"]["additionalProperties"]["type"] = "string"
    assert breaches(old, new) and not breaches(old, copy.deepcopy(old))


def test_writing_refuses_to_break_what_is_there(tmp_path: Path) -> None:
    assert set(schema.write(tmp_path)) == set(schema.render())
    assert schema.write(tmp_path) == []
    path = tmp_path / f"docs/schemas/{PLAY_RECORDED.name}.json"
    older = json.loads(path.read_text("utf-8"))
    older["$defs"]["PlayRecorded"]["properties"]["tempo"] = {"type": "integer", "default": 0}
    path.write_text(json.dumps(older), "utf-8")
    with pytest.raises(UserError, match="tempo: removed field"):
        schema.write(tmp_path)
    assert json.loads(path.read_text("utf-8")) == older

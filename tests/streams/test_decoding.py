"""Slices by column are what the codec says of each record by itself: values, reasons and messages."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from streams import columns, decoding
from streams.contracts import codec, ids
from streams.contracts.errors import Refused
from streams.contracts.events import DAY, EARLIEST, Artist, PlayRecorded
from streams.contracts.record import Headers, Record
from streams.contracts.tables import SIGHTINGS
from streams.contracts.topics import PLAY_RECORDED
from streams.decoding import Decoded, decode_plays
from streams.decoding_checks import Rule, Unruled, rules_of
from tests.streams.worlds import NOW, heard

Limits = dict[str, Any]

SCHEMA: Limits = msgspec.json.schema(PlayRecorded)["$defs"]
WHOLE = PlayRecorded(
    listener="00c0ffee00000001",
    source="spotify.recently-played",
    reported_end=NOW - 500_000,
    published_at=NOW,
    ended_at=NOW - 400_000,
    started_at=NOW - 700_000,
    ms_played=200_000,
    duration_ms=200_001,
    kind="episode",
    uri="spotify:track:1",
    title="Jóga 😀",
    artists=(Artist("Björk", "7w29UYBi0qsHi5RTcv3lmA"), Artist("Ólafur")),
    album="Homogenic",
    album_uri="spotify:album:2",
    image_url="https://i.scdn.co/image/3",
    isrc="GBBKS9700103",
    release_date="1997-09-22",
    country="IS",
    platform="android",
    reason_start="trackdone",
    reason_end="endplay",
    shuffle=True,
    skipped=False,
    offline=True,
    incognito=False,
    explicit=False,
    import_id="0123456789abcdef",
)


@pytest.fixture(autouse=True, scope="module")
def few_are_enough() -> Iterator[None]:
    """Small slices go by column too, and are cut to the last record but one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decoding, "FEW", 1)
        patch.setattr(decoding, "SMALL", 1)
        patch.setattr(decoding, "PARTS", 3)
        yield


def record(value: bytes | None, offset: int = 0, headers: Headers = ()) -> Record:
    return Record(PLAY_RECORDED.name, 0, offset, NOW, b"key", value, headers)


def sighting(event: PlayRecorded, version: int) -> dict[str, Any]:
    """The row of schema SIGHTINGS that an event is, in the words of streams/contracts."""
    artist = event.artists[0].name if event.artists else ""
    listener = int(event.listener, 16)
    told = (listener, event.source, event.reported_end, event.uri, artist, event.title, event.ms_played)
    return {
        **{name: getattr(event, name) for name in SIGHTINGS.names if name in event.__struct_fields__},
        "listener": listener,
        "ended_at": moment(event.ended_at or event.reported_end),
        "reported_end": moment(event.reported_end),
        "started_at": moment(event.started_at),
        "published_at": moment(event.published_at),
        "sighting_id": ids.sighting_id(*told),
        "version": version,
        "is_deleted": 0,
        "artist_names": [artist.name for artist in event.artists],
        "artist_ids": [artist.id for artist in event.artists],
        "import_id": int(event.import_id or "0", 16),
    }


def moment(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms // 1000, UTC).replace(microsecond=ms % 1000 * 1000)


def same_as_one_by_one(records: Sequence[Record]) -> Decoded:
    rows, expected, refusals = [], [], []
    for row, one in enumerate(records):
        try:
            expected.append(sighting(codec.decode(PlayRecorded, one, now_ms=NOW), 7))
            rows.append(row)
        except Refused as error:
            refusals.append((Record.of(one), type(error), error.message))
    made = decode_plays(records, now_ms=NOW, version=7)
    assert [(one.record, type(one.error), one.error.message) for one in made.refusals] == refusals
    assert made.rows.tolist() == rows
    assert made.sightings.schema.equals(SIGHTINGS)
    assert made.sightings.to_pylist() == expected
    assert not made.faults
    made.sightings.validate(full=True)
    return made


def by_column(values: Sequence[bytes]) -> list[int]:
    """Which of the values need no second look."""
    return list(decoding._by_column([record(value) for value in values], NOW, 1)[0])


def raw(**said: bytes) -> bytes:
    """WHOLE as JSON with the text of some values replaced; b"" takes a field away."""
    texts = {name: json.dumps(value, ensure_ascii=False).encode() for name, value in msgspec.to_builtins(WHOLE).items()}
    return b"{%s}" % b",".join(b'"%s":%s' % (name.encode(), text) for name, text in (texts | said).items() if text)


# --- whatever comes ------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    [
        "",
        " ",
        "null",
        "\n",
        "x\n",
        "\x1f",
        "\x00",
        '"\\/',
        "é" * 64,
        "😀" * 65,
        "x" * 513,
        "é" * 1024,
        "x" * 1025,
        "\u3000",
    ]
)
times = st.integers(EARLIEST, NOW + DAY) | st.sampled_from(
    [EARLIEST - 1, NOW + DAY + 1, 4_294_967_295_001, 0, -1, 2**63]
)
numbers = st.integers(0, DAY) | st.sampled_from([-1, DAY + 1, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**400])
hexes = st.from_regex(r"\A[0-9a-f]{16}\Z") | st.sampled_from(
    ["", "0" * 15, "0" * 17, "A" * 16, "0" * 16 + "\n", "٠" * 16]
)
odd = st.sampled_from(  # parted by two spaces
    rb"""null  NaN  Infinity  -Inf  1.0  1e3  -0  -0.0  01  1e999  +1  0x1  tru  true  []  {}  ""  'x'  {"a":1,"a":2}
    "\ud800"  "\udc00x"  "\ud83d\ude00"  "\u0000"  "\x"  "\/"  [null]  [{}]  [{"name":null}]  ["x"]  [[]]
    [{"name":"x","name":"y"}]  [{"name":"x","later":1}]""".split(b"  ")
) | st.sampled_from([b'"\xff"', b'"\xed\xa0\x80"', b'"a\tb"', b'"a\nb"', b"", b"[" * 3000 + b"]" * 3000])
values_of = {
    "listener": hexes,
    "import_id": hexes,
    "source": st.sampled_from(["lastfm", "listenbrainz", "simulator", "Lastfm", ""]),
    "kind": st.sampled_from(["track", "episode", "chapter", "", "Track"]),
    "artists": st.lists(st.fixed_dictionaries({"name": texts}, optional={"id": texts}), max_size=3)
    | st.sampled_from([[{"name": "x"}] * 64, [{"name": "x"}] * 65, [{"id": "x"}]]),
    **dict.fromkeys(["reported_end", "published_at", "ended_at", "started_at"], times),
    **dict.fromkeys(["ms_played", "duration_ms"], numbers),
    **dict.fromkeys(["shuffle", "skipped", "offline", "incognito", "explicit"], st.booleans()),
}


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """JSON of an event with some fields changed or gone, and the order and the look of it too."""
    good: dict[str, Any] = msgspec.to_builtins(draw(st.sampled_from([WHOLE, heard(0), heard(1, "lastfm", track=2)])))
    names = [*PlayRecorded.__struct_fields__]
    for name in draw(st.lists(st.sampled_from(names), max_size=3)):
        good[name] = draw(values_of.get(name, texts))
    for name in draw(st.lists(st.sampled_from(names), max_size=2)):
        good.pop(name, None)
    escaped = draw(st.booleans())
    told = [(json.dumps(name), json.dumps(value, ensure_ascii=escaped)) for name, value in good.items()]
    pairs = [(name.encode(), value.encode()) for name, value in told]
    for name in draw(
        st.lists(st.sampled_from([*names, "later", "\\u0074itle", "\xff"]), max_size=draw(st.sampled_from([0, 0, 1])))
    ):
        pairs.append((b'"%s"' % name.encode("latin-1"), draw(odd)))
    if draw(st.booleans()):
        pairs = draw(st.permutations(pairs))
    colon, comma = draw(st.sampled_from([(b":", b","), (b":", b","), (b" : ", b" , "), (b":\r", b",\n")]))
    return b"{%s}" % comma.join(name + colon + value for name, value in pairs)


@st.composite
def slices(draw: st.DrawFn) -> list[Record]:
    """Records good and bad in any order, some damaged, two in one, or one in two."""
    values: list[bytes | None] = [*draw(st.lists(objects(), min_size=1, max_size=12))]
    values += draw(
        st.lists(
            st.sampled_from([None, b"", b"{}", b"null", b"[]", b"{", b"}", b"\xef\xbb\xbf{}", b"\x00"]), max_size=1
        )
    )
    for row in draw(st.lists(st.integers(0, len(values) - 1), max_size=2)):
        one, cut = values[row] or b" ", draw(st.integers(0, 400))
        damage = draw(st.sampled_from(["byte", "two", "halves", "space", "gone"]))
        if damage == "byte":
            values[row] = one[:cut] + bytes([draw(st.integers(0, 255))]) + one[cut + 1 :]
        elif damage == "two":
            values[row] = draw(st.sampled_from([b"", b" ", b"\n", b",", b"\0", b"\r"])).join([one, one])
        elif damage == "halves":
            values[row : row + 1] = [one[:cut], one[cut:]]
        elif damage == "space":
            values[row] = (
                draw(st.sampled_from([b" %s", b"%s\n", b"\xef\xbb\xbf%s", b"%s\0", b"%s}", b"{%s", b"%s\r"])) % one
            )
        else:
            values[row] = one[:cut]
    versions: st.SearchStrategy[Headers] = st.sampled_from(
        [codec.headers()] * 8 + [[], [("schema-version", b"2")], [("x", None), ("schema-version", b"1")]]
    )
    return [record(value, row, tuple(draw(versions))) for row, value in enumerate(values)]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])
@given(slices())
def test_a_slice_is_what_its_records_are(records: list[Record]) -> None:
    same_as_one_by_one(records)


# --- what must not need a second look -----------------------------------------------------------


def test_what_our_own_publisher_writes_goes_by_column() -> None:
    events = [WHOLE, heard(0), heard(1, "lastfm", track=2, ms_played=None), heard(2, track=3, kind="chapter")]
    values = [codec.encode(event) for event in events]
    assert by_column(values) == [0, 1, 2, 3]
    same_as_one_by_one([record(value) for value in values])
    assert by_column([raw(title=rb'"He said \"hi\" \\ \u00e9 \ud83d\ude00 \u0000\n"')]) == [0]
    spaced = json.dumps(msgspec.to_builtins(WHOLE), separators=(" , ", " : ")).encode()
    assert by_column([spaced, raw() + b" ", spaced.replace(b" ,", b"\t,")]) == [0]


def test_one_bad_record_does_not_send_the_others_to_the_codec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SMALL", 40)
    values = [raw(title=b'"%d"' % number) for number in range(3000)]
    for at, odd in ((7, b'{"later":1}'), (1500, raw(ms_played=b"1.5")), (2500, raw() + raw()), (2999, b"{}")):
        values[at] = odd
    left = set(range(3000)) - set(by_column(values))
    assert {7, 1500, 2500, 2999} <= left
    assert len(left) <= 3 * decoding.SMALL + 1


def test_large_slices_keep_their_order_in_blocks_and_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SMALL", 100)
    chance = random.Random(3)
    values = [raw(title=b'"%s"' % (b"x" * chance.randrange(1000)), reported_end=b"%d" % (NOW - n)) for n in range(2500)]
    assert sum(map(len, values)) > 2 * decoding.BLOCK
    values[17] = raw(later=b'"%s"' % (b"x" * 3 * decoding.BLOCK))
    values[2000] = raw(title=b"1")
    made = same_as_one_by_one([record(value, row) for row, value in enumerate(values)])
    assert made.rows.tolist() == [row for row in range(2500) if row != 2000]


def test_a_record_larger_than_a_block_goes_by_column_when_it_is_an_event() -> None:
    assert by_column([raw()] * 3000 + [raw().replace(b",", b"," + b" " * 2 * decoding.BLOCK, 1)]) == [*range(3001)]


def test_headers() -> None:
    good, ours = raw(), codec.headers(import_id="0" * 16, origin="a.json#1")
    fine: list[Headers] = [
        ours,
        tuple(ours),
        [],
        (),
        [("schema-version", b"1"), ("schema-version", b"2")],
        [("x", None)],
    ]
    for headers in fine:
        assert same_as_one_by_one([record(good, 0, headers)]).rows.tolist() == [0]
    for version in (b"2", b"", None, b"1 "):
        for headers in (
            [("schema-version", version)],
            [("schema-version", version), *ours],
            [ours[0], ("schema-version", version)],
        ):
            assert same_as_one_by_one([record(good, 0, headers), record(good, 1)]).rows.tolist() == [1]


def test_nothing() -> None:
    assert same_as_one_by_one([]).sightings.num_rows == 0
    assert same_as_one_by_one([record(None), record(b"")]).sightings.num_rows == 0


@pytest.mark.parametrize(
    "joint", [b"", b" ", b"\t", b"\n", b"\r", b"\r\n", b"\0", b",", b" \0 ", b"\x0b", b"\xef\xbb\xbf"]
)
def test_rows_stay_with_their_records(joint: bytes) -> None:
    one, other, third = raw(title=b'"a"'), raw(title=b'"b"'), raw(title=b'"c"')
    for cut in (0, 1, 30, len(other) - 1, len(other)):
        values = [
            one + joint + other,
            third,
            other[:cut],
            other[cut:],
            other + joint,
            joint + one,
            other[:cut] + joint + other[cut:],
        ]
        same_as_one_by_one([record(value, row) for row, value in enumerate([*values, one, *reversed(values)])])


def test_fields_that_nobody_knows_are_looked_at_by_the_codec() -> None:
    good, deep = raw(), b"[" * 200_000 + b"]" * 200_000
    for later in (
        b'"x":1',
        b'"x":1,"x":2',
        b'"x":{"y":1,"y":2}',
        b'"x":NaN',
        b'"x":"\xff"',
        b'"\xff":1',
        b'"x":%s' % deep,
    ):
        odd = good.replace(b"{", b"{%s," % later, 1)
        assert by_column([good, odd, good]) == [0, 2]
        same_as_one_by_one([record(good, 0), record(odd, 1), record(good, 2)])
    for field in (b'"title":"x"', b'"\\u0074itle":"x"', b'"artists":[]', b'"shuffle":true'):
        same_as_one_by_one([record(good, 0), record(good.replace(b"{", b"{%s," % field, 1), 1)])


def test_two_objects_in_one_record_and_none_in_the_next() -> None:
    for empty in (b"", b" ", b"\0", b"{}", b"{", None, b"}", b"\n"):
        same_as_one_by_one([record(raw() + raw()), record(empty), record(raw())])
        same_as_one_by_one([record(raw()[:-1]), record(empty), record(b"}")])


# --- every field and every limit ------------------------------------------------------------------


def limits_of(name: str = "PlayRecorded") -> dict[str, Limits]:
    """Each field's limits, as its published JSON Schema has them."""
    found = {}
    for field, said in SCHEMA[name]["properties"].items():
        kinds = [kind for kind in said.get("anyOf", [said]) if kind.get("type") != "null"]
        found[field] = said | kinds[0]
    return found


def refused_or_same(**said: Any) -> None:
    """Neither side of a limit is read in another way than the codec does."""
    value = raw(**{name: json.dumps(value, ensure_ascii=False).encode() for name, value in said.items()})
    same_as_one_by_one([record(value)])


@pytest.mark.parametrize("name", PlayRecorded.__struct_fields__)
def test_both_sides_of_every_limit(name: str) -> None:
    limits, required = limits_of()[name], name in SCHEMA["PlayRecorded"]["required"]
    good = raw()
    assert by_column([good, raw(**{name: b""})]) == ([0] if required else [0, 1])
    for wrong in (
        b"null",
        b"1.0",
        b'"\xff"',
        b"[[]]",
        b"{}",
        b"1e3",
        b'"\\ud800"',
        b"9" * 40,
        b"NaN",
        b"tru",
        b'{"x":[1]}',
    ):
        assert not by_column([raw(**{name: wrong})]), "accepted by its look alone"
        same_as_one_by_one([record(raw(**{name: wrong})), record(good)])
    inside: list[Any] = []
    outside: list[Any] = []
    if "minimum" in limits:
        inside, outside = [limits["minimum"]], [limits["minimum"] - 1]
        most = min(limits["maximum"], NOW + DAY) if limits["minimum"] == EARLIEST else limits["maximum"]
        inside, outside = [*inside, most], [*outside, most + 1, limits["maximum"] + 1, 2**63 - 1, -(2**63)]
    if "enum" in limits:
        inside, outside = limits["enum"], ["", limits["enum"][0].upper(), limits["enum"][0] + " ", "later"]
    if "maxLength" in limits:
        inside = ["", "x" * limits["maxLength"]]
        outside = ["x" * (limits["maxLength"] + 1), "é" * (limits["maxLength"] + 1), "😀" * (limits["maxLength"] + 1)]
        if "pattern" not in limits:
            inside += ["é" * limits["maxLength"], "😀" * limits["maxLength"], "\x00", "\n", "null "]
    if "pattern" in limits:
        outside += [" ", "a b", "x\n", "\u3000", "\x1f", "\x85", "0" * 16 + "\n", "0" * 17 + " ", "0" * 15 + "٠ "]
        outside += ["0" * 15 + "A", "0" * 15, "0" * 17] if "maxLength" not in limits else []
    if "maxItems" in limits:
        inside, outside = [[], [{"name": "x"}] * limits["maxItems"]], [[{"name": "x"}] * (limits["maxItems"] + 1)]
        for inner, said in limits_of("Artist").items():
            inside.append([{"name": "x"}, {"name": "y", inner: "é" * said["maxLength"]}])
            outside.append([{"name": "x"}, {"name": "y", inner: "é" * (said["maxLength"] + 1)}])
            outside.append([{"name": "x"}, {"name": "y", inner: None}])
        outside += [[{"id": "x"}], [{"name": "x"}, {}], [None]]
    for value in inside:
        refused_or_same(**{name: value})
        if value not in {"", "null "} if isinstance(value, str) else True:
            assert by_column([raw(**{name: json.dumps(value).encode()})]) == [0]
    for value in outside:
        refused_or_same(**{name: value})
        assert by_column([good, raw(**{name: json.dumps(value).encode()})]) == [0]
    assert inside or limits["type"] in {"boolean", "string"}


def test_every_field_has_a_rule_with_the_limits_that_are_published() -> None:
    def held(rules: Sequence[Rule], published: str) -> None:
        limits = limits_of(published)
        assert [rule.name for rule in rules] == list(limits)
        for rule in rules:
            said = limits[rule.name]
            assert rule.required == (rule.name in SCHEMA[published]["required"])
            assert (rule.pattern is not None) == ("pattern" in said)
            assert set(rule.choices) == set(said.get("enum", ()))
            assert rule.most == next(
                (said[word] for word in ("maxLength", "maximum", "maxItems") if word in said), 2**63 - 1
            )
            assert rule.least == said.get("minimum", -(2**63))
            assert rule.is_time == (rule.least == EARLIEST)
            known = {"description", "type", "anyOf", "default", "pattern", "enum", "maxLength", "maximum", "maxItems"}
            assert set(said) <= known | {"minimum", "items"}, "a limit that nothing here looks at"
            if rule.members:
                held(rule.members, said["items"]["$ref"].rpartition("/")[2])

    held(rules_of(PlayRecorded), "PlayRecorded")


def test_every_field_of_the_event_reaches_a_sighting() -> None:
    made = same_as_one_by_one([record(codec.encode(WHOLE)), record(codec.encode(heard(0)))]).sightings
    one, other = made.drop_columns(["sighting_id", "version", "is_deleted"]).to_pylist()
    assert {*PlayRecorded.__struct_fields__} - {"artists"} == {name for name in one if not name.startswith("artist_")}
    differing = {name for name in one if one[name] != other[name]}
    assert differing == set(one) - {"listener", "ms_played", "uri"}


class Odd(Struct, forbid_unknown_fields=True):
    x: int


@pytest.mark.parametrize(
    "kind",
    [
        float,
        int | str,
        str | None,  # with a default that is not None
        bytes,
        dict[str, int],
        list[int],
        tuple[Odd, ...],
        Literal[1, 2],
        Annotated[int, Meta(gt=1)],
        Annotated[int, Meta(lt=1)],
        Annotated[int, Meta(multiple_of=2)],
        Annotated[str, Meta(min_length=1)],
        Annotated[str, Meta(pattern="^[a-z]$")],
        Annotated[tuple[Artist, ...], Meta(min_length=1)],
    ],
)
def test_what_no_rule_is_written_for_is_told(kind: Any) -> None:
    with pytest.raises(Unruled):
        rules_of(msgspec.defstruct("Event", [("x", kind, "")]))


# --- our own faults ------------------------------------------------------------------------------------


def test_a_fault_of_the_columns_is_no_fault_of_the_records(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    values = [raw(), raw(title=b'"%s"' % (b"x" * 1025)), raw()]

    def fails(*_: Any) -> Any:
        raise ZeroDivisionError("hunter2")

    monkeypatch.setattr(decoding, "lawful", fails)
    assert same_as_one_by_one([record(value, row) for row, value in enumerate(values)]).rows.tolist() == [0, 2]
    said = capsys.readouterr()
    assert (said.out + said.err).count("ZeroDivisionError in test_decoding.py") == 1
    assert "hunter2" not in said.out + said.err


def test_what_our_own_code_fails_on_is_told_with_its_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    records = [record(raw(title=b'"%d"' % number), number) for number in range(9)]
    records[4] = record(b"{", 4)
    tracks_said, decode = columns.tracks_said, codec.decode

    def clumsy(said: Any) -> pa.Array:
        if any(title in said["title"].to_pylist() for title in ("3", "6")):
            raise KeyError("title")
        return tracks_said(said)

    def worse(event_type: Any, one: Record, *, now_ms: int) -> Any:
        if one.offset == 7:
            raise ZeroDivisionError
        return decode(event_type, one, now_ms=now_ms)

    monkeypatch.setattr(decoding, "tracks_said", clumsy)
    monkeypatch.setattr(columns, "tracks_said", clumsy)
    monkeypatch.setattr(codec, "decode", worse)
    made = decode_plays(records, now_ms=NOW, version=1)
    assert [(one.offset, type(error)) for one, error in made.faults] == [
        (3, KeyError),
        (6, KeyError),
        (7, ZeroDivisionError),
    ]
    assert [one.record.offset for one in made.refusals] == [4]
    assert made.rows.tolist() == [0, 1, 2, 5, 8]
    assert made.sightings["title"].to_pylist() == ["0", "1", "2", "5", "8"]


def test_ids_are_numbers_of_all_64_bits() -> None:
    made = same_as_one_by_one([record(raw(listener=b'"%s"' % (b"f" * 16), import_id=b'""'))]).sightings
    assert np.asarray(made["listener"])[0] == 2**64 - 1 and np.asarray(made["import_id"])[0] == 0

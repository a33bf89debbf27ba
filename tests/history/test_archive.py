from __future__ import annotations

import json
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from producers.history.archive import Exports
from producers.history.elements import Elements
from producers.history.zips import Limits
from producers.simulator.export import FOLDER, export_of, write_zip
from streams.contracts.errors import UserError
from tests.history.recording import row, rows, write

UNTIL = 1_780_000_000_000


def labels(*paths: Path) -> list[str]:
    with Exports(paths) as exports:
        return [file.label for file in exports.files]


def count(*paths: Path) -> int:
    found = 0
    with Exports(paths) as exports:
        for file in exports.files:
            with file.reading() as read:
                found += sum(len(batch) for batch in Elements(read, file.label))
            assert file.position == file.size
    return found


def refusal(*paths: Path, limits: Limits | None = None) -> str:
    with pytest.raises(UserError) as caught, Exports(paths, limits):
        pass
    assert caught.value.cure
    assert "\n" not in caught.value.one_line()
    return caught.value.message


def test_a_zip_of_spotifys_shape_and_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "my_spotify_data.zip"
    names = write_zip(path, export_of(2_500, UNTIL), rows_a_file=1_000)
    with Exports([path]) as exports:
        assert [file.label for file in exports.files] == names
        assert exports.size == sum(file.size for file in exports.files) > 1_000_000
        assert {(ignored.label.rpartition("/")[2], ignored.why) for ignored in exports.ignored} == {
            ("ReadMeFirst_ExtendedStreamingHistory.pdf", "no list of plays"),
            ("Identity.json", "no list of plays"),
            ("Playlist1.json", "no list of plays"),
        }
    assert count(path) == 2_500


def test_files_come_by_the_time_of_their_first_row_whatever_they_are_called(tmp_path: Path) -> None:
    write(tmp_path / "endsong_0.json", [row(ts="2024-01-01T00:00:00Z")])
    write(tmp_path / "renamed.txt", [row(ts="2020-01-01T00:00:00Z")])
    (tmp_path / "Video").mkdir()
    write(tmp_path / "Video" / "Streaming_History_Video_2018.json", [row(ts="2018-01-01T00:00:00Z")])
    assert labels(tmp_path) == ["Video/Streaming_History_Video_2018.json", "renamed.txt", "endsong_0.json"]
    assert labels(tmp_path / "endsong_0.json", tmp_path / "renamed.txt") == ["renamed.txt", "endsong_0.json"]


def test_two_exports_with_files_of_one_name_stay_apart(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("history.json", json.dumps(rows(1)))
    one = write(tmp_path / "history.json", rows(1))
    assert labels(tmp_path / "a.zip", tmp_path / "b.zip", one) == [
        "history.json", "b.zip/history.json", "history.json (2)",
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    text = json.dumps(rows(3000), ensure_ascii=False)
    assert count(write(tmp_path / "a.json", text.encode(encoding))) == 3000


@pytest.mark.parametrize("content", [b"", b"[]", b'[{"a":1}]', b"%PDF-1.4", b'{"ts":1,"ms_played":1}', b"\xff" * 99])
def test_nothing_to_import(tmp_path: Path, content: bytes) -> None:
    assert "no streaming history in x.json" in refusal(write(tmp_path / "x.json", content))


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    assert "is not there" in refusal(tmp_path / "missing.zip")
    os.mkfifo(tmp_path / "pipe")
    assert "is no file" in refusal(tmp_path / "pipe")
    assert "called one" in refusal(write(tmp_path / "text.zip", b"hello"))
    assert "no streaming history" in refusal(tmp_path)


def test_links_below_a_folder_are_not_followed_and_zips_are_read(tmp_path: Path) -> None:
    folder = tmp_path / "export"
    folder.mkdir()
    write(folder / "a.json", rows(1))
    (folder / "link.json").symlink_to(write(tmp_path / "outside.json", rows(1)))
    (folder / "loop").symlink_to(folder)
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.writestr("b.json", json.dumps(rows(1)))
    with Exports([folder]) as exports:
        assert [file.label for file in exports.files] == ["a.json", "b.json"]
        assert {ignored.label for ignored in exports.ignored} >= {"link.json"}


def zipped(path: Path, name: str = "a.json", content: bytes | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, json.dumps(rows(2_000)).encode() if content is None else content)
    return path


@pytest.mark.parametrize("name", ["../a.json", "/etc/a.json", "x/../../a.json", "..\\a.json", "C:\\a.json"])
def test_names_that_lead_outside(tmp_path: Path, name: str) -> None:
    assert "leads outside" in refusal(zipped(tmp_path / "a.zip", name))


def test_symbolic_links_in_a_zip(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("a.json")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    assert "symbolic link: a.json" in refusal(tmp_path / "a.zip")


def test_an_encrypted_zip(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip")
    data = bytearray(path.read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(sign) + at] |= 1
    assert "encrypted: a.json" in refusal(write(path, bytes(data)))


def test_a_zip_that_unpacks_to_too_much(tmp_path: Path) -> None:
    bomb = zipped(tmp_path / "bomb.zip", content=b"[" + b" " * 50_000_000)
    assert "over 250 times its packed size" in refusal(bomb)
    plain = zipped(tmp_path / "plain.zip")
    assert "would unpack to" in refusal(plain, limits=Limits(total_bytes=1000))
    assert labels(plain) == ["a.json"]


def test_a_zip_whose_members_share_their_bytes(tmp_path: Path) -> None:
    """Each member alone is modest: the whole is not."""
    path = zipped(tmp_path / "a.zip")
    data = path.read_bytes()
    at, end = data.index(b"PK\x01\x02"), data.index(b"PK\x05\x06")
    entry = data[at:end]
    directory = entry * 2_000
    closing = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 2_000, 2_000, len(directory), at, 0)
    assert "would unpack to" in refusal(write(path, data[:at] + directory + closing))


def test_too_many_members(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for number in range(50):
            archive.writestr(f"{number}.json", "[]")
    assert "more than 49 members" in refusal(tmp_path / "a.zip", limits=Limits(members=49))
    assert "more than 10,000 members" in refusal(tmp_path / "a.zip", limits=Limits(directory_bytes=1_000))
    for number in range(3):
        write(tmp_path / f"{number}.json", [])
    assert "more than 2 files" in refusal(tmp_path, limits=Limits(members=2))


@pytest.mark.parametrize("keep", [10, 2_000, -1, -30])
def test_a_truncated_zip(tmp_path: Path, keep: int) -> None:
    path = zipped(tmp_path / "a.zip")
    assert "a.zip is damaged or incomplete" in refusal(write(path, path.read_bytes()[:keep]))


def test_a_zip_with_damaged_bytes_names_the_member(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("history/a.json", json.dumps(rows(500)))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x20
    write(path, bytes(data))
    with pytest.raises(UserError, match=r"history/a\.json is damaged or incomplete \(BadZipFile\)"):
        count(path)


def test_a_member_packed_in_another_way(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.json", json.dumps(rows(5)))
    assert "packs a.json in a way" in refusal(tmp_path / "a.zip")


def nested(path: Path, *inner: Path, **more: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in inner:
            archive.write(each, f"sent/{each.name}")
        for name, content in more.items():
            archive.writestr(name, content)
    return path


def test_a_zip_inside_a_zip_is_read(tmp_path: Path) -> None:
    inner = tmp_path / "my_spotify_data.zip"
    names = write_zip(inner, export_of(2_500, UNTIL), rows_a_file=1_000)
    other = zipped(tmp_path / "other.zip", names[0], json.dumps(rows(500)).encode())
    outer = nested(tmp_path / "outer.zip", inner, other, notes=b"hello", history=json.dumps(rows(3)).encode())
    assert sorted(labels(outer)) == sorted([*names, f"sent/other.zip/{names[0]}", "history"])
    assert count(outer) == 2_500 + 500 + 3
    assert labels(outer) == labels(outer), "no file is left beside it"
    assert {each.name for each in tmp_path.iterdir()} == {"my_spotify_data.zip", "other.zip", "outer.zip"}


def test_a_third_zip_inside_is_refused(tmp_path: Path) -> None:
    second = nested(tmp_path / "second.zip", zipped(tmp_path / "third.zip"))
    assert refusal(nested(tmp_path / "outer.zip", second)) == "sent/second.zip holds yet another zip: sent/third.zip."


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(members=6), "more than 5 members"),
        (Limits(total_bytes=1_000_000), "would unpack to"),
        (Limits(zips=0), "more than 0 zips"),
        (Limits(ratio=5), "would unpack to"),
    ],
)
def test_what_a_zip_inside_holds_counts(tmp_path: Path, limits: Limits, said: str) -> None:
    """Six small files in a zip that is small itself: only together, or with what is around it, too much."""
    write_zip(tmp_path / "inner.zip", export_of(2_500, UNTIL), rows_a_file=1_000)
    outer = nested(tmp_path / "outer.zip", tmp_path / "inner.zip")
    assert len(labels(outer)) == 3
    assert said in refusal(outer, limits=limits)


def test_a_bomb_inside_a_zip(tmp_path: Path) -> None:
    """Either zip packs to more than a two hundred and fiftieth, and is let through: both together do not."""
    bomb = zipped(tmp_path / "bomb.zip", content=b"".join(b"%09d[%s" % (n, b" " * 1_200) for n in range(2_000)))
    assert "no streaming history" in refusal(bomb)
    assert "would unpack to" in refusal(nested(tmp_path / "outer.zip", bomb))


@pytest.mark.parametrize("content", [b"PK\x03\x04 and no zip", b"PK\x05\x06"])
def test_what_only_begins_as_a_zip_inside_is_damaged(tmp_path: Path, content: bytes) -> None:
    assert "inner is damaged or incomplete" in refusal(nested(tmp_path / "outer.zip", inner=content))


def test_a_name_that_leads_outside_of_a_zip_inside(tmp_path: Path) -> None:
    assert "leads outside" in refusal(nested(tmp_path / "outer.zip", zipped(tmp_path / "inner.zip", "../a.json")))


def test_a_simulated_export_of_many_rows_is_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    names = write_zip(path, export_of(20_000, UNTIL))
    assert len(names) == 2
    assert all(name.startswith(f"{FOLDER}/Streaming_History_Audio_20") for name in names)
    assert count(path) == 20_000

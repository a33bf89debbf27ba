"""Files of a multipart request, written to the data folder as they come.

Starlette's own form parser spools to the system's temporary folder, which may be small or in
memory; an export can be large, so the parts go where the data is.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from api.problems import Problem
from streams.contracts import ids

MAX_FILES = 1000
MAX_HEADER = 4096  # bytes of one part's header name or value
LONGEST_NAME = 200  # bytes of a file's name; file systems take 255


@dataclass
class Upload:
    """What came: files in `folder`, and their names, made safe for any file system and any reader."""

    folder: Path
    files: list[Path] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def remove(self) -> None:
        """Delete the folder and what is in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


class _Receiver:
    """Callbacks of the parser: headers, then the part's bytes into a file; plain fields are passed over."""

    def __init__(self, upload: Upload, boundary: bytes) -> None:
        self._upload = upload
        self._headers: dict[bytes, bytes] = {}
        self._name, self._value = b"", b""
        self._file: BinaryIO | None = None
        self.complete = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._open,
                "on_end": self._finish,
            },
        )

    def feed(self, chunk: bytes) -> None:
        """The next bytes of the body. Blocks on the disk. Raises MultipartParseError, Problem, OSError."""
        self._parser.write(chunk)

    def close(self) -> None:
        """Close a file that is still open."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin(self) -> None:
        self._headers.clear()
        self._name, self._value = b"", b""

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name = _short(self._name + data[start:end])

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value = _short(self._value + data[start:end])

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name, self._value = b"", b""

    def _open(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition"))
        if b"filename" not in options:
            return
        if len(self._upload.files) >= MAX_FILES:
            raise Problem(413, f"More than {MAX_FILES} files in one request.", cure="Send them as one zip.")
        name = Path(options[b"filename"].decode("utf-8", "replace").replace("\\", "/")).name
        # a folder of its own keeps the sender's name, which tells the importer what a file is
        folder = self._upload.folder / str(len(self._upload.files))
        folder.mkdir()
        path = folder / _safe(name)
        self._file = path.open("wb")
        self._upload.files.append(path)
        self._upload.names.append(path.name)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._file.write(memoryview(data)[start:end])

    def _end(self) -> None:
        self.close()

    def _finish(self) -> None:
        self.complete = True


def _short(header: bytes) -> bytes:
    if len(header) > MAX_HEADER:
        raise Problem(413, "A part's header is too long.")
    return header


def _safe(name: str) -> str:
    """A file name that is only a name, on every file system."""
    kept = "".join(c if c.isalnum() or c in "._- ()" else "_" for c in name).strip(" .")
    # the end is kept, for it says what the file is; a letter may have four bytes
    return kept.encode()[-LONGEST_NAME:].decode("utf-8", "ignore").strip(" .") or "file"


async def receive_files(request: Request, data_dir: Path, limit: int) -> Upload:
    """Every file of the request, below `data_dir/uploads`; the caller removes them.

    Raises Problem: 415 for what is no multipart, 400 for a torn one or one without a file, 413
    over `limit` bytes, 507 where the disk takes no more.
    """
    kind, options = parse_options_header(request.headers.get("content-type"))
    if kind != b"multipart/form-data" or b"boundary" not in options:
        raise Problem(415, "The request holds no files.", cure="Send them as multipart/form-data.")
    upload = Upload(data_dir / "uploads" / ids.to_hex(ids.new_id()))
    upload.folder.mkdir(parents=True, mode=0o700)
    receiver = _Receiver(upload, options[b"boundary"])
    total = 0
    try:
        async for chunk in request.stream():
            total += len(chunk)
            if total > limit:
                raise Problem(413, f"The files are larger than {limit:,} bytes together.")
            if chunk:
                await run_in_threadpool(receiver.feed, chunk)
        if not receiver.complete:
            raise Problem(400, "The request ends in the middle of a file.", cure="Send it again.")
        if not upload.files:
            raise Problem(400, "The request holds no file.", cure="Choose at least one.")
    except MultipartParseError as error:
        await run_in_threadpool(upload.remove)
        raise Problem(400, f"The request is not valid multipart: {error}.") from error
    except OSError as error:
        await run_in_threadpool(upload.remove)
        raise Problem(
            507, f"The files cannot be written ({error.strerror}).", cure="Free some disk, then send them again."
        ) from error
    except BaseException:
        await run_in_threadpool(upload.remove)
        raise
    finally:
        receiver.close()
    return upload

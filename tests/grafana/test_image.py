"""The images, as far as the Dockerfile and its lock files can be checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
VERSION: str = PROJECT["project"]["version"]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text("utf-8")


def test_the_image_is_built_from_hashes_and_runs_as_nobody() -> None:
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", DOCKERFILE, re.MULTILINE)
    assert {base for base, _ in stages} <= {"${BASE}", *(name for _, name in stages)}
    assert stages[-1] == ("runtime", ""), "a build without a target is the all-in-one"
    assert ("runtime", "slim") in stages, "both run as the same user, with the same environment"
    runtime = DOCKERFILE.split(" AS runtime")[1].split("FROM ")[0]
    assert "USER 10001:10001" in runtime
    assert "ENTRYPOINT" in runtime
    installs = [line for line in DOCKERFILE.replace("\\\n", " ").splitlines() if "-r requirements" in line]
    assert installs
    for line in installs:
        assert line.count("-r requirements") == line.count("--require-hashes")
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)
    assert "/usr/local/bin/python" not in DOCKERFILE
    assert DOCKERFILE.index("HEALTHCHECK") > DOCKERFILE.rindex("FROM "), "of parts, docker-compose.yml says how"
    assert "SPOTIFIRE_ALWAYS_SIGN_IN=true" in DOCKERFILE
    assert "PYTHONDONTWRITEBYTECODE=1" in DOCKERFILE


def test_the_slim_image_is_the_same_without_the_embedded_database_and_broker() -> None:
    pinned = {
        name: dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / name).read_text("utf-8"), re.MULTILINE))
        for name in ("requirements.lock", "requirements-slim.lock")
    }
    whole, slim = pinned.values()
    assert slim.items() < whole.items()
    assert set(whole) - set(slim) == {"chdb", "chdb-core", "confluent-kafka"}
    until_slim = DOCKERFILE.split("FROM runtime AS slim")[0]
    assert "requirements.lock" not in until_slim, "the classic builder runs every stage above"


def test_images_say_what_they_are_and_suit_every_platform() -> None:
    labels = dict(re.findall(r"org\.opencontainers\.image\.([\w.]+)=\"([^\"]*)\"", DOCKERFILE))
    assert {"title", "description", "licenses", "version", "revision", "base.name"} <= set(labels)
    assert re.search(rf"^ARG VERSION={re.escape(VERSION)}$", DOCKERFILE, re.MULTILINE)
    assert not re.search(r"amd64|x86_64|arm64|aarch64|--platform", DOCKERFILE)


def test_what_is_copied_exists_and_reaches_the_builder() -> None:
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert ignore[1] == "*", "everything stays out but what is named"
    allowed = {line[1:] for line in ignore if line.startswith("!")}
    copied = set()
    for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.MULTILINE):
        copied |= set(line.split()[:-1])
    assert copied == allowed
    for name in copied:
        assert (ROOT / name).exists(), name


def test_every_package_is_in_the_image() -> None:
    for name in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
        assert f"COPY {name} {name}" in DOCKERFILE

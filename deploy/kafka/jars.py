"""Kafka's published jars: resolved once by Maven with a generated pom, then used from a folder."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import structlog

from streams.contracts.errors import UserError

VERSION = "4.3.1"  # 4.4.0 does not resolve whole: its kafka-tools-api is not published
_LOG4J = "2.25.4"
_JAVA = 17
_RESOLVE_S = 600.0  # 7 s with a good line; 44 MB

_POM = f"""\
<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>spotifire</groupId>
  <artifactId>kafka-jars</artifactId>
  <version>1</version>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.apache.logging.log4j</groupId>
      <artifactId>log4j-slf4j-impl</artifactId>
      <version>{_LOG4J}</version>
    </dependency>
  </dependencies>
</project>
"""

log = structlog.get_logger(__name__)


def java_17() -> str:
    """The path of a `java` of version 17 or newer. Raises UserError."""
    cure = "Install a Java 17 runtime (Debian: apt install openjdk-17-jre-headless), or use the embedded broker."
    java = shutil.which("java")
    if java is None:
        raise UserError("Apache Kafka needs Java 17 or newer, and no java is on the path.", cure=cure)
    said = subprocess.run([java, "-version"], capture_output=True, timeout=30, check=False)
    found = re.search(rb'version "(\d+)', said.stderr + said.stdout)
    if found is None or int(found[1]) < _JAVA:
        version = found[1].decode() if found else "unknown"
        raise UserError(f"Apache Kafka needs Java 17 or newer; this is {version}.", cure=cure)
    return java


def resolve_jars(libs: Path) -> Path:
    """Make sure that `libs` holds Kafka's jars, and return it. Raises UserError.

    The folder is either whole or not there: Maven fills one beside it, which is then renamed.
    """
    if (libs / f"kafka_2.13-{VERSION}.jar").exists():
        return libs
    maven = shutil.which("mvn")
    if maven is None:
        raise UserError(
            "Kafka's jars are not here yet, and Maven, which fetches them, is not on the path.",
            cure="Install it once (Debian: apt install maven), or use the embedded broker.",
        )
    libs.parent.mkdir(parents=True, exist_ok=True)
    log.info("fetching Kafka", version=VERSION, megabytes=44)
    with tempfile.TemporaryDirectory(dir=libs.parent, prefix=".jars-") as work:
        pom = Path(work) / "pom.xml"
        pom.write_text(_POM, encoding="utf-8")
        filled = Path(work) / "libs"
        goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={filled}"]
        try:
            done = subprocess.run(
                [maven, "-q", "-B", "-f", str(pom), *goal],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_RESOLVE_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise UserError(
                f"Maven did not fetch Kafka's jars in {_RESOLVE_S:.0f} s.",
                cure="Try again when the line is better, or use the embedded broker.",
            ) from error
        if done.returncode:
            errors = [line for line in done.stdout.decode("utf-8", "replace").splitlines() if "ERROR" in line]
            raise UserError(
                f"Maven could not fetch Kafka's jars: {(errors or ['it said nothing'])[0][:300]}",
                cure="Check the network and Maven's settings, or use the embedded broker.",
            )
        shutil.rmtree(libs, ignore_errors=True)
        filled.rename(libs)
    return libs

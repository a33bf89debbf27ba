"""Apache Kafka on this machine without Docker: one broker in KRaft mode, from its published jars.

The folder it is given holds everything: `libs-VERSION/` (the jars, resolved once by Maven),
`data/` (the log), `server.properties`, `log4j2.xml`, `broker.log`, `broker.pid`, `lock`. It listens on
loopback only. The folder is locked while it runs, because a second broker on the same folder
exits and wedges the first.
"""

from __future__ import annotations

import base64
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import structlog
from filelock import FileLock, Timeout

from deploy.kafka.jars import VERSION, java_17, resolve_jars
from streams.contracts.errors import BrokerUnavailable, UserError

_HOST = "127.0.0.1"
_FORMAT_S = 60.0  # 1 to 3 s here
_READY_S = 60.0  # 2 to 8 s here; after kill -9 it also recovers its log
_STOP_S = 20.0  # SIGTERM ends it in under 1 s
_HEAP = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC")

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers={host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# a worker that joins need not wait for others to join with it
group.initial.rebalance.delay.ms=0
# else a restart after kill -9 waits 9 s for its old registration to end
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
"""

_LOG4J2 = """\
<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="WARN">
  <Appenders>
    <Console name="console" target="SYSTEM_OUT">
      <PatternLayout pattern="%d{ISO8601} %p %c{1} %m%n"/>
    </Console>
  </Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="console"/></Root></Loggers>
</Configuration>
"""

log = structlog.get_logger(__name__)


class ApacheKafka:
    """One Apache Kafka broker that keeps its log in `folder`.

    `start` and `stop` block (call them in a thread where an event loop runs). `port` 0 takes a
    free one, and the same one again at the next start in the same folder where it is still free.
    `libs` is for those who keep the jars elsewhere, such as an image or a test run.
    """

    def __init__(self, folder: Path, *, port: int = 0, libs: Path | None = None) -> None:
        self.folder = folder
        self.bootstrap = ""
        self._port = port
        self._libs = libs or folder / f"libs-{VERSION}"
        self._lock = FileLock(folder / "lock", thread_local=False)  # start and stop may run in any thread
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The broker's process id while it runs."""
        return self._process.pid if self._process else None

    def start(self, *, ready_s: float = _READY_S) -> str:
        """Start it, wait until it answers, and return its address.

        Raises UserError (Java, Maven, a folder that another process holds) or BrokerUnavailable
        (it ended, or did not answer within `ready_s` seconds; its last lines are in the message).
        """
        if self._process is not None and self._process.poll() is None:
            return self.bootstrap
        java = java_17()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise UserError(
                f"Another process runs Kafka in {self.folder}.",
                cure="Stop that one, or choose another data folder with --data.",
            ) from error
        except OSError as error:
            raise UserError(
                f"The folder {self.folder} cannot be written: {error.strerror}.",
                cure="Give yourself write permission, or choose another data folder with --data.",
            ) from error
        try:
            resolve_jars(self._libs)
            self._start(java, ready_s)
        except BaseException:
            self.stop()
            raise
        return self.bootstrap

    def stop(self) -> None:
        """SIGTERM, wait, unlock. Stopping twice changes nothing."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                log.warning("broker did not stop", pid=process.pid, seconds=_STOP_S)
                process.kill()
                process.wait()
            log.info("broker stopped", kind="apache")
        self._lock.release()

    def kill(self) -> None:
        """SIGKILL, for fault tests; `start` may follow."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._lock.release()

    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.poll() is None

    def __enter__(self) -> ApacheKafka:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _start(self, java: str, ready_s: float) -> None:
        self._end_orphan()
        config = self._configure()
        started = time.monotonic()
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(java, config)
        # an argument list: no shell may expand the `*` of the class path
        with (self.folder / "broker.log").open("ab") as output:
            self._process = subprocess.Popen(
                [*self._command(java), "kafka.Kafka", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                start_new_session=True,  # a Ctrl-C at the terminal is ours to pass on, in our order
            )
        (self.folder / "broker.pid").write_text(str(self._process.pid), encoding="utf-8")
        self._wait_ready(ready_s)
        log.info(
            "broker started",
            kind="apache",
            version=VERSION,
            bootstrap=self.bootstrap,
            seconds=round(time.monotonic() - started, 1),
        )

    def _end_orphan(self) -> None:
        """End the broker of a process that was killed: it lives on, and holds its folder.

        The lock is ours, so nobody who lives owns it. Its command line must name our own
        configuration: the number may long be another process's.
        """
        try:
            pid = int((self.folder / "broker.pid").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return
        ours = str(self.folder / "server.properties")
        until = time.monotonic() + _STOP_S
        how = signal.SIGTERM
        while ours in _command_line(pid):
            if how == signal.SIGTERM:
                log.warning("ending the broker that a killed process left", pid=pid)
            with suppress(ProcessLookupError):
                os.kill(pid, how)
            time.sleep(0.2)
            how = signal.SIGKILL if time.monotonic() > until else signal.SIGTERM

    def _command(self, java: str) -> list[str]:
        logging = (self.folder / "log4j2.xml").as_uri()
        return [java, *_HEAP, f"-Dlog4j2.configurationFile={logging}", "-cp", str(self._libs / "*")]

    def _configure(self) -> Path:
        config = self.folder / "server.properties"
        port, controller_port = self._ports(config)
        self.bootstrap = f"{_HOST}:{port}"
        config.write_text(
            _PROPERTIES.format(
                host=_HOST, port=port, controller_port=controller_port, data=(self.folder / "data").as_posix()
            ),
            encoding="utf-8",
        )
        (self.folder / "log4j2.xml").write_text(_LOG4J2, encoding="utf-8")
        return config

    def _ports(self, config: Path) -> tuple[int, int]:
        """The ports of the last start where they are free, so that clients that wait find it again."""
        before: list[int] = []
        if config.exists():
            for line in config.read_text(encoding="utf-8").splitlines():
                if line.startswith("listeners="):
                    before = [int(part.rsplit(":", 1)[1]) for part in line.split(",")]
        port, controller_port = before if len(before) == 2 else (0, 0)
        port = self._port or port
        if self._port and not _is_free(self._port):
            raise UserError(f"Port {self._port} is taken.", cure="Stop what holds it, or choose another port.")
        return (
            port if port and _is_free(port) else _free_port(),
            controller_port if controller_port and _is_free(controller_port) else _free_port(),
        )

    def _format(self, java: str, config: Path) -> None:
        shutil.rmtree(self.folder / "data", ignore_errors=True)  # what a format that was cut off left
        cluster = _cluster_id()
        command = [*self._command(java), "kafka.tools.StorageTool", "format", "--standalone"]
        try:
            done = subprocess.run(
                [*command, "-t", cluster, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_FORMAT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise BrokerUnavailable(f"Kafka's storage was not formatted in {_FORMAT_S:.0f} s.") from error
        if done.returncode:
            raise BrokerUnavailable(
                f"Kafka's storage tool ended with {done.returncode}: {_last_line(done.stdout + done.stderr)}"
            )

    def _wait_ready(self, ready_s: float) -> None:
        port = int(self.bootstrap.rsplit(":", 1)[1])
        until = time.monotonic() + ready_s
        output = self.folder / "broker.log"
        while time.monotonic() < until:
            process = self._process
            if process is None or process.poll() is not None:
                code = process.returncode if process else None
                raise BrokerUnavailable(
                    f"Kafka ended with code {code}: {_last_line(output.read_bytes())}",
                    cure=f"See {output}.",
                )
            try:
                # the port opens when the broker is registered and unfenced, not before
                with socket.create_connection((_HOST, port), timeout=1.0):
                    return
            except OSError:
                time.sleep(0.1)
        raise BrokerUnavailable(f"Kafka did not answer within {ready_s:.0f} s.", cure=f"See {output}.")


def _cluster_id() -> str:
    """A random id as Kafka writes one. It begins with no dash, which the storage tool takes for an option."""
    while (made := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        continue
    return made


def _command_line(pid: int) -> str:
    """Of a process, or "" where there is none."""
    if Path("/proc/self/cmdline").exists():  # Linux, where a small system may lack ps
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            return ""
    asked = subprocess.run(["ps", "-ww", "-p", str(pid), "-o", "args="], capture_output=True, timeout=10, check=False)  # noqa: S607
    return asked.stdout.decode("utf-8", "replace")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError:
            return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"

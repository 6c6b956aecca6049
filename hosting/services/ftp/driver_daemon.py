"""ProFTPD with a configuration of our own: FTP over TLS on one port, SFTP on another.

Both ask the same tables. Nothing in the configuration depends on an account, so it is never
reloaded for one.
"""

import pwd
import re
import signal
from collections.abc import Collection
from pathlib import Path

from hosting.agent.daemon import Complaints, Daemon, Program
from hosting.agent.host import Host
from hosting.agent.platform import FIRST_UID, Platform, uid_of
from hosting.agent.protocol import AgentError
from hosting.services.ftp import driver_traffic
from hosting.services.ftp.driver_config import TEXT
from hosting.services.ftp.driver_pair import NodePair
from hosting.services.ftp.driver_sessions import greets, running
from hosting.services.ftp.driver_store import READ_ONLY

# Debian's package makes it.
USER = "proftpd"
PROFTPD = "proftpd"
_MODULES = ("sql", "sql_sqlite", "tls", "sftp", "sftp_sql")
# Part of the program in Debian 12, files of their own in Debian 13.
_SEPARATE = ("ls", "xfer", "delay")
_PLAIN = re.compile(r"/[A-Za-z0-9._/-]+", re.ASCII)
_BLOCK = re.compile(r"-----BEGIN ([A-Z ]+)-----\n[A-Za-z0-9+/=\n]+-----END \1-----\n")
_PATIENCE, _STEP = 20.0, 0.02
_STAMP = re.compile(r"^\S+ \S+ \S+ proftpd\[\d+\] ?(?:[0-9.]+:)? ?")
_DAYS = "3650"


def is_possible(platform: Platform) -> bool:
    """Say whether a node can serve FTP: the program, its modules, and a uid for each tenant."""
    there = all((platform.proftpd_modules / f"mod_{name}.so").exists() for name in _MODULES)
    return (
        platform.isolates
        and platform.ftp_port is not None
        and {PROFTPD, "openssl"} <= platform.programs.keys()
        and there
    )


def _path(path: Path) -> str:
    """Return a path as the configuration has it: a blank, a quote or a % would mean more."""
    if not _PLAIN.fullmatch(str(path)):
        raise AgentError("invalid", f"ProFTPD cannot be told of this path: {path}")
    return str(path)


class FtpServer:
    """The daemon that lets in whom the tables at `database` know."""

    def __init__(self, host: Host, directory: Path, database: Path):
        self._host = host
        self._platform = host.platform
        self._directory = directory
        self._database = database
        self._conf = directory / "proftpd.conf"
        self._log = host.platform.logs / "ftp.log"
        self._pair, self._host_key = directory / "tls.pem", directory / "ssh_host_key"
        self._shown = NodePair(host, directory, self._pair)
        self._pid = host.platform.run / "ftp.pid"
        self._greeted: int | None = None
        conf = str(self._conf)

        def is_master(line: str) -> bool:
            return line.startswith("proftpd: (accepting") or conf in line

        command = (str(host.platform.programs[PROFTPD]), "--nodaemon", "-c", conf)
        self.program = Path(command[0])
        self.daemon = Daemon(
            host,
            Program(
                name="ftp",
                command=command,
                directory=directory,
                pid_file=self._pid,
                is_master=is_master,
                # Sessions that nobody has logged in to; the others run in somebody's home.
                is_ours=lambda line: "proftpd" in line,
                writes_pid=False,
                log=self._log,
            ),
        )

    @staticmethod
    def user() -> int:
        """Return whose the tables are."""
        try:
            return pwd.getpwnam(USER).pw_uid
        except KeyError:
            raise AgentError("io", f"there is no user {USER} on this node") from None

    def configuration(self) -> str:
        """Return ProFTPD's configuration: words of ours, numbers, and paths of the platform."""
        platform = self._platform
        pair = self._shown.directives().items()
        separate = [n for n in _SEPARATE if (platform.proftpd_modules / f"mod_{n}.so").exists()]
        modules = "".join(f"LoadModule mod_{name}.c\n" for name in (*separate, *_MODULES))
        low, high = platform.passive_ports
        return TEXT.format(
            database=_path(self._database),
            module_path=_path(platform.proftpd_modules),
            modules=modules,
            ftp_port=platform.ftp_port,
            address=platform.address,
            user=USER,
            pid_file=_path(self._directory / "proftpd.pid"),
            scoreboard=_path(self._directory / "scoreboard"),
            log=_path(self._log),
            traffic_log=_path(driver_traffic.log(platform)),
            traffic_format=driver_traffic.FORMAT,
            low=low,
            high=high,
            first_uid=FIRST_UID,
            read_only_gid=READ_ONLY[1],
            read_only=READ_ONLY[0],
            pair="".join(f"{name} {_path(path)}\n" for name, path in pair),
            sftp_port=platform.sftp_port,
            host_key=_path(self._host_key),
        )

    def lay_out(self) -> bool:
        """Make keys and configuration unless they are as they should be; say if that was news.

        The configuration is staged and checked by ProFTPD itself before it is in force.
        """
        self._make_pair()
        self._make_host_key()
        is_news = self._shown.keep()
        wanted = self.configuration().encode("ascii")
        if self._conf.exists() and self._conf.read_bytes() == wanted:
            return is_news
        staged = self._directory / "proftpd.conf.staged"
        self._host.replace(staged, wanted, 0o600)
        command = [str(self.program), "-t", "-c", str(staged)]
        checked = self._host.runner.run(command, 30.0)
        if checked.code:
            raise AgentError("refused", f"ProFTPD refuses: {checked.output.strip()[-300:]}")
        self._host.rename(staged, self._conf)
        return True

    def follow_certificate(self) -> None:
        """Show the node's certificate as it is now: sessions go on, who comes next sees it."""
        if self._shown.keep():
            self.lay_out()
            self.daemon.signal_master(signal.SIGHUP)

    def adopt(self) -> None:
        """Have a daemon that runs on read the node's certificate: who wrote it may have died."""
        if self._shown.is_there:
            self.daemon.signal_master(signal.SIGHUP)

    def _openssl(self, *words: str) -> dict[str, str]:
        command = [str(self._platform.programs["openssl"]), *words]
        done = self._host.runner.run(command, 60.0)
        found = {block[1]: block[0] for block in _BLOCK.finditer(done.output)}
        if done.code or not found:
            raise AgentError("io", f"openssl made no key: {done.output.strip()[-200:]}")
        return found

    def _make_pair(self) -> None:
        """Make the node's own certificate, which says nobody's name."""
        if self._pair.exists():
            return
        words = ("req", "-x509", "-batch", "-nodes", "-newkey", "ec", "-sha256", "-days", _DAYS)
        words += ("-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", "/dev/stdout")
        found = self._openssl(*words, "-out", "/dev/stdout", "-subj", "/CN=freehold.invalid")
        self._host.replace(self._pair, "".join(found.values()).encode(), 0o600)

    def _make_host_key(self) -> None:
        """Make the key by which SFTP programs know this node again."""
        if not self._host_key.exists():
            found = self._openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout")
            self._host.replace(self._host_key, "".join(found.values()).encode(), 0o600)

    def end_sessions(self, numbers: Collection[int]) -> None:
        """End the sessions of these subscriptions. They are listed once, whoever started them."""
        uids = {uid_of(number) for number in numbers}
        found = running(self.program) if uids else {}
        for pid, uid in found.items():
            if uid in uids:
                self._host.signal(pid, signal.SIGKILL)

    def answers(self) -> bool:
        """Say whether both ports greet."""
        return greets(self._platform)

    def await_answer(self) -> None:
        """Start the daemon if it is not there, and wait for it; AgentError with its words.

        Each life of it is asked once: accounts are nothing that it reads again. To be asked costs
        it a fifth of a second at times.
        """
        master = self.daemon.master()
        if master is not None and master == self._greeted:
            return
        complaints = Complaints(self._log)
        mark = complaints.mark()
        self.daemon.start()
        if not self.daemon.await_until(self.answers, _PATIENCE, _STEP):
            raise AgentError("probe", f"ProFTPD does not answer: {self.words(mark)}")
        self._greeted = self.daemon.master()

    def words(self, mark: int) -> str:
        """Return the last that it complained of since then."""
        lines = [_STAMP.sub("", line) for line in Complaints(self._log).since(mark) if line.strip()]
        serious = [line for line in lines if re.search("fatal|fail|error|unable", line, re.I)]
        line = ([*lines[-1:], *serious[-1:]] or ["it left no word"])[-1]
        return "".join(c for c in line if c.isprintable())[:400]

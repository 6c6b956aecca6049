"""Postfix, with a configuration and a queue of our own: what comes in, and what is submitted.

Every table is a query of the driver's file: a change is live with the next letter, and nothing is
ever reloaded.
"""

import os
import pwd
import socket
from pathlib import Path

from hosting.agent.daemon import Daemon, Program
from hosting.agent.host import Host
from hosting.agent.protocol import AgentError, is_host_name
from hosting.services.mail import driver_names
from hosting.services.mail.driver_desired import DISABLED

# Debian's package makes both.
USER, DROP = "postfix", "postdrop"
_SUSPENDED = "This mailbox is suspended"
# One answer: Postfix would join two.
_FIRST = (
    "SELECT said FROM (SELECT '{said}' AS said FROM refused WHERE name = '%s'"
    " UNION ALL {query}) LIMIT 1"
)
_OF_DOMAIN = (
    "FROM domain d JOIN subscription s ON s.number = d.subscription"
    " WHERE d.name = '%s' AND s.state = 'shut' AND s.incoming <> 'keep'"
)
_QUERIES = {
    "domains": "SELECT 1 FROM domain WHERE name = '%s'",
    "mailboxes": "SELECT 1 FROM mailbox WHERE address = '%s'",
    "routes": "SELECT target FROM route WHERE address = '%s'",
    "senders": "SELECT login FROM route WHERE address = '%s' AND login IS NOT NULL",
    "incoming": _FIRST.format(
        said=f"550 5.2.1 {DISABLED}",
        query=f"SELECT CASE s.incoming WHEN 'refuse' THEN '550 5.2.1 {_SUSPENDED}'"
        f" ELSE '450 4.2.1 {_SUSPENDED}, try again later' END {_OF_DOMAIN}",
    ),
    # What was accepted before, or passed on by another mailbox, waits or returns as well.
    "transport": _FIRST.format(
        said=f"error:5.2.1 {DISABLED}",
        query=f"SELECT CASE s.incoming WHEN 'refuse' THEN 'error:5.2.1 {_SUSPENDED}'"
        f" ELSE 'retry:4.2.1 {_SUSPENDED}' END {_OF_DOMAIN}",
    ),
    # Whoever logged in before the suspension is asked again with every recipient.
    "submitters": (
        f"SELECT '535 5.7.8 {_SUSPENDED}' WHERE NOT EXISTS"  # noqa: S608  words of ours
        " (SELECT 1 FROM mailbox m"
        " JOIN subscription s ON s.number = m.subscription"
        " WHERE m.address = '%s' AND m.is_on AND s.state = 'open')"
    ),
}
_SERVICES = """\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
_SUBMISSION = """\
 -o smtpd_sasl_auth_enable=yes
 -o smtpd_client_restrictions=permit_sasl_authenticated,reject
 -o smtpd_sender_restrictions=reject_sender_login_mismatch
 -o smtpd_recipient_restrictions=$submission_restrictions
 -o smtpd_milters=$submission_milters
 -o milter_default_action=tempfail
"""
_REPLIES = """\
 -o smtpd_client_restrictions=
 -o smtpd_sender_restrictions=
 -o smtpd_relay_restrictions=$replies_restrictions
 -o smtpd_recipient_restrictions=$replies_restrictions
 -o smtpd_milters=$replies_milters
 -o milter_default_action=tempfail
"""


class Postfix:
    """The daemon that speaks SMTP."""

    def __init__(
        self,
        host: Host,
        directory: Path,
        database: Path,
        certificate: Path,
        names: Path,
        run: Path,
        signed_by: Path | None,
    ):
        self._host = host
        self._platform = host.platform
        self._conf = directory / "postfix"
        self._spool = directory / "spool"
        self._data = directory / "postfix-data"
        self._database = database
        self._certificate = certificate
        self._names = names
        self._run = run
        # The socket of what signs letters that leave; None: nothing does.
        self._signed_by = signed_by
        self.daemon = Daemon(host, self._program())

    def _program(self) -> Program:
        master = self._platform.postfix_daemons / "master"

        def is_master(line: str) -> bool:
            return line.startswith(f"{master} ")

        return Program(
            name="postfix",
            command=(str(master), "-c", str(self._conf), "-s"),
            # It goes there by itself, and so do all that it starts.
            directory=self._spool,
            pid_file=self._platform.run / "postfix.pid",
            is_master=is_master,
            is_ours=lambda _line: True,
            writes_pid=False,
            log=self._platform.logs / "postfix-start.log",
        )

    def _table(self, name: str) -> str:
        return f"sqlite:{self._conf}/{name}.cf"

    def _main(self) -> dict[str, str]:
        name = socket.getfqdn().lower()
        return {
            "compatibility_level": "3.6",
            "queue_directory": str(self._spool),
            "data_directory": str(self._data),
            "daemon_directory": str(self._platform.postfix_daemons),
            "command_directory": "/usr/sbin",
            "mail_owner": USER,
            "setgid_group": DROP,
            "maillog_file": str(self._platform.logs / "mail.log"),
            "maillog_file_prefixes": str(self._platform.logs),
            "myhostname": name if is_host_name(name) else "localhost.localdomain",
            "inet_interfaces": "all",
            "inet_protocols": "all" if Path("/proc/net/if_inet6").exists() else "ipv4",
            "mydestination": "",
            "local_recipient_maps": "",
            "local_transport": "error:5.1.1 no mailbox by that name",
            "alias_maps": "",
            "alias_database": "",
            "mynetworks": "",
            "relay_domains": "",
            "append_dot_mydomain": "no",
            "biff": "no",
            "recipient_delimiter": "+",
            "disable_vrfy_command": "yes",
            "smtp_tls_security_level": "may",
            "address_verify_sender": "",
        }

    def _tables(self) -> dict[str, str]:
        """Return who gets mail, who sends as whom, and by what it is encrypted."""
        table = self._table
        signs = [f"unix:{self._signed_by}"] if self._signed_by else []
        return {
            # What is below a name may be somebody else's.
            "parent_domain_matches_subdomains": "",
            "virtual_mailbox_domains": table("domains"),
            "virtual_mailbox_maps": table("mailboxes"),
            "virtual_alias_maps": table("routes"),
            "virtual_transport": f"lmtp:unix:{self._run}/lmtp",
            "transport_maps": table("transport"),
            # The size of a mailbox is Dovecot's affair.
            "virtual_mailbox_limit": "0",
            "message_size_limit": str(50 * 1024 * 1024),
            "smtpd_helo_required": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": f"{self._run}/auth-client",
            "smtpd_sasl_security_options": "noanonymous",
            "smtpd_sender_login_maps": table("senders"),
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject_unauth_destination",
            "smtpd_recipient_restrictions": f"check_recipient_access {table('incoming')}",
            "submission_restrictions": (
                f"check_sasl_access {table('submitters')},"
                f" check_recipient_access {table('incoming')}, permit_sasl_authenticated, reject"
            ),
            "submission_milters": ", ".join([f"unix:{self._conf.parent}/milter", *signs]),
            "replies_milters": ", ".join(signs),
            # From no sender, so that nobody answers an answer; there, anywhere.
            "replies_restrictions": "check_sender_access inline:{<>=OK}, reject",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_auth_only": "yes",
            "smtpd_tls_chain_files": str(self._certificate),
            "tls_server_sni_maps": table("names"),
            "smtpd_tls_mandatory_protocols": ">=TLSv1.2",
        }

    def _master(self) -> str:
        ports, address = self._platform.mail_ports, self._platform.address
        where = "" if address == "0.0.0.0" else f"{address}:"  # noqa: S104
        encrypted = " -o smtpd_tls_security_level=encrypt\n"
        return (
            f"{where}{ports['smtp']} inet n - n - - smtpd\n"
            f"{where}{ports['submission']} inet n - n - - smtpd\n{encrypted}{_SUBMISSION}"
            f"{where}{ports['submissions']} inet n - n - - smtpd\n"
            f" -o smtpd_tls_wrappermode=yes\n{_SUBMISSION}"
            f"127.0.0.1:{ports['replies']} inet n - n - - smtpd\n{_REPLIES}{_SERVICES}"
        )

    def files(self) -> dict[str, str]:
        """Return the configuration: words of ours, numbers, and paths of the platform."""
        main = self._main() | self._tables()
        for value in main.values():
            if not value.isascii() or not value.isprintable():
                raise AgentError("io", f"not for Postfix's configuration: {value!r}")
        found = {
            "main.cf": "".join(f"{name} = {value}\n" for name, value in main.items()),
            "master.cf": self._master(),
        }
        for name, query in _QUERIES.items():
            found[f"{name}.cf"] = f"dbpath = {self._database}\nquery = {query}\n"
        found["names.cf"] = f"dbpath = {self._names}\nquery = {driver_names.QUERY}\n"
        return found

    def lay_out(self) -> bool:
        """Write the configuration and make the queue; say whether anything of it is new."""
        is_news = False
        for directory in (self._conf, self._spool, self._data):
            if not directory.is_dir():
                self._host.make(directory, 0o755)
                is_news = True
        user = pwd.getpwnam(USER)
        place = os.open(self._data, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            if os.fstat(place).st_uid != user.pw_uid:
                self._host.own(place, user.pw_uid, user.pw_gid)
        finally:
            os.close(place)
        for name, text in self.files().items():
            path = self._conf / name
            if not path.is_file() or path.read_text() != text:
                self._host.replace(path, text.encode())
                is_news = True
        if is_news or not (self._spool / "active").is_dir():
            # It makes the queue's directories, and says what it does not like.
            program = self._platform.programs["postfix"]
            done = self._host.run([str(program), "-c", str(self._conf), "check"])
            if done.code:
                raise AgentError("check", f"Postfix: {done.output.strip()[-400:]}")
        return is_news

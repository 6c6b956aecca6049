"""What Dovecot 2.3 (Debian 12) is told, with places for numbers, paths and names of ours."""

from collections.abc import Mapping

from hosting.services.mail import driver_traffic

# Who gives the right password is told that the mailbox is suspended, without the delay that is for
# those who guess. Not by submission, where Dovecot answers for Postfix and nobody asks for
# `nologin`: there the mailbox is as one that does not exist.
_LOGIN = (
    "SELECT '%u' AS user, '{{BLF-CRYPT}}' || m.password AS password,"
    " CASE WHEN {open} THEN NULL ELSE 'y' END AS nologin,"
    " CASE WHEN {open} THEN NULL ELSE 'This mailbox is suspended' END AS reason"
    " FROM mailbox m JOIN subscription s ON s.number = m.subscription WHERE m.address = '%u'"
    " AND ('%s' <> 'smtp' OR {open})"
)
_OPEN = "(m.is_on AND (s.state = 'open' OR (s.state = 'limited' AND '%s' <> 'smtp')))"
_PLACE = (
    "SELECT '{homes}/s' || m.subscription || '/mail/' || m.number AS home,"
    " s.uid AS uid, s.uid AS gid,"
    " CASE m.size WHEN 0 THEN '*:storage=0' ELSE '*:bytes=' || m.size END AS quota_rule,"
    " '{sieve}/' || coalesce(m.script, 'nothing.sieve') AS sieve"
    " FROM mailbox m JOIN subscription s ON s.number = m.subscription WHERE m.address = '%u'"
)
_CONF = """\
base_dir = {run}
state_dir = {run}
log_path = {logs}/dovecot.log
log_timestamp = "{timestamp}"
mail_log_prefix = "{prefix}"
deliver_log_format = {delivered}
imap_logout_format = {logged_out}
pop3_logout_format = {logged_out}
protocols = imap pop3 lmtp
listen = {listen}
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{certificate}
!include {names}
ssl_min_protocol = TLSv1.2
disable_plaintext_auth = yes
auth_mechanisms = plain login
auth_username_format = %Lu
recipient_delimiter = +
first_valid_uid = {first}
first_valid_gid = {first}
mail_location = maildir:~/Maildir
mail_plugins = quota
submission_host = 127.0.0.1:{replies}
mail_max_userip_connections = 50
maildir_stat_dirs = yes
passdb {{
  driver = sql
  args = {conf}/sql.conf
}}
userdb {{
  driver = sql
  args = {conf}/sql.conf
}}
namespace inbox {{
  inbox = yes
  mailbox Drafts {{
    special_use = \\Drafts
    auto = subscribe
  }}
  mailbox Junk {{
    special_use = \\Junk
    auto = subscribe
  }}
  mailbox Sent {{
    special_use = \\Sent
    auto = subscribe
  }}
  mailbox Trash {{
    special_use = \\Trash
    auto = subscribe
  }}
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
service imap {{
  process_limit = 4096
}}
service pop3 {{
  process_limit = 1024
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0600
    user = {postfix}
  }}
}}
service config {{
  vsz_limit = 512 M
}}
service auth {{
  unix_listener auth-client {{
    mode = 0600
    user = {postfix}
  }}
}}
service auth-worker {{
  user = $default_internal_user
  extra_groups = {postfix}
}}
protocol imap {{
  mail_plugins = quota imap_quota
}}
protocol lmtp {{
  mail_plugins = quota sieve
  postmaster_address = postmaster@%d
}}
plugin {{
  quota = count:User quota
  quota_vsizes = yes
  quota_grace = 0
  sieve = file:{sieve}/nothing.sieve
  sieve_before = {sieve}/spam.sieve
  sieve_max_redirects = 0
  sieve_vacation_min_period = 1d
}}
"""


def files(given: Mapping[str, object]) -> dict[str, str]:
    """Return its configuration by the name of the file."""
    conf = _CONF.format(
        timestamp=driver_traffic.TIMESTAMP,
        prefix=driver_traffic.PREFIX,
        delivered=driver_traffic.DELIVERED,
        logged_out=driver_traffic.LOGGED_OUT,
        **given,
    )
    sql = (
        f"driver = sqlite\nconnect = {given['database']}\n"  # noqa: S608  words of ours
        f"password_query = {_LOGIN.format(open=_OPEN)}\n"
        f"user_query = {_PLACE.format(**given)}\n"
        "iterate_query = SELECT address AS user FROM mailbox\n"
    )
    return {"dovecot.conf": conf, "sql.conf": sql}


def block(name: str, path: object) -> str:
    """Return what it is told of a name with a certificate of its own."""
    return f"local_name {name} {{\n  ssl_cert = <{path}\n  ssl_key = <{path}\n}}\n"

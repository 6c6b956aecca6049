"""What Dovecot 2.4 (Debian 13) is told, with places for numbers, paths and names of ours."""

from collections.abc import Mapping

from hosting.services.mail import driver_traffic

# Who gives the right password is told that the mailbox is suspended, without the delay that is for
# those who guess. Not by submission, where Dovecot answers for Postfix and nobody asks for
# `nologin`: there the mailbox is as one that does not exist.
_LOGIN = (
    "SELECT '%{{user}}' AS user, '{{BLF-CRYPT}}' || m.password AS password,"
    " CASE WHEN {open} THEN NULL ELSE 'y' END AS nologin,"
    " CASE WHEN {open} THEN NULL ELSE 'This mailbox is suspended' END AS reason"
    " FROM mailbox m JOIN subscription s ON s.number = m.subscription WHERE m.address = '%{{user}}'"
    " AND ('%{{protocol}}' <> 'smtp' OR {open})"
)
_OPEN = "(m.is_on AND (s.state = 'open' OR (s.state = 'limited' AND '%{{protocol}}' <> 'smtp')))"
_PLACE = (
    "SELECT '{homes}/s' || m.subscription || '/mail/' || m.number AS home,"
    " s.uid AS uid, s.uid AS gid,"
    " CASE m.size WHEN 0 THEN 'unlimited' ELSE m.size || 'B' END AS quota_storage_size,"
    " '{sieve}/' || coalesce(m.script, 'nothing.sieve') AS script"
    " FROM mailbox m JOIN subscription s ON s.number = m.subscription WHERE m.address = '%{{user}}'"
)
_PREFIX = "%{service}(%{user})<%{process:pid}><%{session}><%{userdb:uid}>: "
_CONF = """\
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = {run}
state_dir = {run}
log_path = {logs}/dovecot.log
log_timestamp = "{timestamp}"
mail_log_prefix = "{prefix}"
deliver_log_format = {delivered}
imap_logout_format = {logged_out}
pop3_logout_format = {logged_out}
protocols {{
  imap = yes
  pop3 = yes
  lmtp = yes
}}
listen = {listen}
ssl = yes
ssl_server_cert_file = {certificate}
ssl_server_key_file = {certificate}
!include {names}
ssl_min_protocol = TLSv1.2
auth_allow_cleartext = no
auth_mechanisms = plain login
auth_username_format = %{{user | lower}}
recipient_delimiter = +
first_valid_uid = {first}
first_valid_gid = {first}
mail_driver = maildir
mail_path = ~/Maildir
mail_plugins {{
  quota = yes
}}
submission_host = 127.0.0.1:{replies}
mail_max_userip_connections = 50
maildir_stat_dirs = yes
sql_driver = sqlite
sqlite_path = {database}
passdb sql {{
  query = {login}
}}
userdb sql {{
  query = {place}
  iterate_query = SELECT address AS user FROM mailbox
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
  user = $SET:default_internal_user
  extra_groups = {postfix}
}}
protocol imap {{
  mail_plugins {{
    imap_quota = yes
  }}
}}
protocol lmtp {{
  mail_plugins {{
    sieve = yes
  }}
  postmaster_address = postmaster@%{{user | domain}}
}}
quota "User quota" {{
  driver = count
}}
quota_storage_grace = 0
sieve_script spam {{
  type = before
  driver = file
  path = {sieve}/spam.sieve
}}
sieve_script personal {{
  type = personal
  driver = file
  path = %{{userdb:script | default('{sieve}/nothing.sieve')}}
}}
sieve_max_redirects = 0
sieve_vacation_min_period = 1d
"""


def files(given: Mapping[str, object]) -> dict[str, str]:
    """Return its configuration by the name of the file."""
    conf = _CONF.format(
        timestamp=driver_traffic.TIMESTAMP,
        prefix=_PREFIX,
        delivered="size=%{size} %{message}",
        logged_out="in=%{input} out=%{output}",
        login=_LOGIN.format(open=_OPEN.format()),
        place=_PLACE.format(**given),
        **given,
    )
    return {"dovecot.conf": conf}


def block(name: str, path: object) -> str:
    """Return what it is told of a name with a certificate of its own."""
    pair = f"  ssl_server_cert_file = {path}\n  ssl_server_key_file = {path}\n"
    return f"local_name {name} {{\n{pair}}}\n"

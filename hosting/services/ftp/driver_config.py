"""ProFTPD's configuration, with places for numbers, paths and names of ours."""

TEXT = """\
# Written by Freehold. Accounts stand in {database}.
ModulePath {module_path}
{modules}ServerType standalone
ServerName "FTP"
ServerIdent on "FTP"
Port {ftp_port}
DefaultAddress {address}
SocketBindTight on
UseIPv6 off
UseReverseDNS off
User {user}
Group nogroup
PidFile {pid_file}
ScoreboardFile {scoreboard}
ControlsEngine off
WtmpLog off
TransferLog none
LogFormat freehold "{traffic_format}"
SystemLog {log}
TimesGMT on
MaxInstances 500
PassivePorts {low} {high}
<Global>
  ExtendedLog {traffic_log} EXIT freehold
  DefaultRoot ~
  AllowChrootSymlinks off
  RootRevoke UseNonCompliantActiveTransfer
  AllowOverwrite on
  AllowStoreRestart on
  AllowRetrieveRestart on
  Umask 022
  RequireValidShell off
  UseFtpUsers off
  TimeoutLogin 30
  TimeoutIdle 900
  MaxLoginAttempts 3
  MaxConnectionsPerHost 50
  AuthOrder mod_sql.c
  SQLBackend sqlite3
  SQLConnectInfo {database}
  SQLAuthTypes Crypt
  SQLAuthenticate users groups
  SQLUserInfo login name password uid gid home shell
  SQLGroupInfo membership groupname gid members
  SQLMinUserUID {first_uid}
  SQLMinUserGID {read_only_gid}
  <Limit WRITE>
    DenyGroup {read_only}
  </Limit>
  <Limit SITE_CHMOD SITE_CHGRP MFMT MFF>
    DenyGroup {read_only}
  </Limit>
</Global>
TLSEngine on
TLSRequired on
TLSProtocol TLSv1.2 TLSv1.3
{pair}TLSOptions NoSessionReuseRequired
<VirtualHost {address}>
  Port {sftp_port}
  TLSEngine off
  SFTPEngine on
  SFTPLog {log}
  SFTPHostKey {host_key}
  SFTPAuthMethods publickey password
  SQLNamedQuery get-keys SELECT "key FROM login_key WHERE name = '%U'"
  SFTPAuthorizedUserKeys sql:/get-keys
</VirtualHost>
"""

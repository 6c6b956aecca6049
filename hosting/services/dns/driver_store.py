"""The tables of PowerDNS in one SQLite file: what is there, what differs, and the change.

Runs as a process of its own, which becomes PowerDNS's user before it touches anything: the
directory is that user's, and root follows no name in it. The agent hands over the text of this file
(`python -I -S -c`), so it reads nothing that this user could not, and imports no other module of
ours. One JSON object comes on standard input, one goes out; a transaction for each batch.
"""

import hashlib
import json
import os
import sqlite3
import sys
import time

# PowerDNS's own schema (4.7), as its package brings it. The last index is ours.
SCHEMA = """
CREATE TABLE IF NOT EXISTS domains (id INTEGER PRIMARY KEY,
 name VARCHAR(255) NOT NULL COLLATE NOCASE, master VARCHAR(128) DEFAULT NULL,
 last_check INTEGER DEFAULT NULL, type VARCHAR(8) NOT NULL, notified_serial INTEGER DEFAULT NULL,
 account VARCHAR(40) DEFAULT NULL, options VARCHAR(65535) DEFAULT NULL,
 catalog VARCHAR(255) DEFAULT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS name_index ON domains(name);
CREATE INDEX IF NOT EXISTS catalog_idx ON domains(catalog);
CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, domain_id INTEGER DEFAULT NULL,
 name VARCHAR(255) DEFAULT NULL, type VARCHAR(10) DEFAULT NULL,
 content VARCHAR(65535) DEFAULT NULL, ttl INTEGER DEFAULT NULL, prio INTEGER DEFAULT NULL,
 disabled BOOLEAN DEFAULT 0, ordername VARCHAR(255), auth BOOL DEFAULT 1,
 FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX IF NOT EXISTS records_lookup_idx ON records(name, type);
CREATE INDEX IF NOT EXISTS records_lookup_id_idx ON records(domain_id, name, type);
CREATE INDEX IF NOT EXISTS records_order_idx ON records(domain_id, ordername);
CREATE TABLE IF NOT EXISTS supermasters (ip VARCHAR(64) NOT NULL,
 nameserver VARCHAR(255) NOT NULL COLLATE NOCASE, account VARCHAR(40) NOT NULL);
CREATE UNIQUE INDEX IF NOT EXISTS ip_nameserver_pk ON supermasters(ip, nameserver);
CREATE TABLE IF NOT EXISTS comments (id INTEGER PRIMARY KEY, domain_id INTEGER NOT NULL,
 name VARCHAR(255) NOT NULL, type VARCHAR(10) NOT NULL, modified_at INT NOT NULL,
 account VARCHAR(40) DEFAULT NULL, comment VARCHAR(65535) NOT NULL,
 FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX IF NOT EXISTS comments_idx ON comments(domain_id, name, type);
CREATE INDEX IF NOT EXISTS comments_order_idx ON comments (domain_id, modified_at);
CREATE TABLE IF NOT EXISTS domainmetadata (id INTEGER PRIMARY KEY, domain_id INT NOT NULL,
 kind VARCHAR(32) COLLATE NOCASE, content TEXT,
 FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX IF NOT EXISTS domainmetaidindex ON domainmetadata(domain_id);
CREATE TABLE IF NOT EXISTS cryptokeys (id INTEGER PRIMARY KEY, domain_id INT NOT NULL,
 flags INT NOT NULL, active BOOL, published BOOL DEFAULT 1, content TEXT,
 FOREIGN KEY(domain_id) REFERENCES domains(id) ON DELETE CASCADE ON UPDATE CASCADE);
CREATE INDEX IF NOT EXISTS domainidindex ON cryptokeys(domain_id);
CREATE TABLE IF NOT EXISTS tsigkeys (id INTEGER PRIMARY KEY, name VARCHAR(255) COLLATE NOCASE,
 algorithm VARCHAR(50) COLLATE NOCASE, secret VARCHAR(255));
CREATE UNIQUE INDEX IF NOT EXISTS namealgoindex ON tsigkeys(name, algorithm);
CREATE INDEX IF NOT EXISTS freehold_account ON domains(account);
"""
# What marks a zone as a subscription's; the catalog has a mark of its own.
MARK, CATALOG = "s", "catalog"
_HIGHEST_SERIAL = 2**32 - 1
_HELD = (
    "SELECT id, name, type, ttl, prio, content, ordername, auth, disabled FROM records"
    " WHERE domain_id = ?"
)
_ADDED = (
    "INSERT INTO records"
    " (domain_id, name, type, ttl, prio, content, ordername, auth, disabled)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_CLEARED = {
    "cryptokeys": "DELETE FROM cryptokeys WHERE domain_id = ?",
    "domainmetadata": "DELETE FROM domainmetadata WHERE domain_id = ?",
}
_FILLED = {
    "cryptokeys": "INSERT INTO cryptokeys (domain_id, flags, active, published, content)"
    " VALUES (?, ?, ?, ?, ?)",
    "domainmetadata": "INSERT INTO domainmetadata (domain_id, kind, content) VALUES (?, ?, ?)",
}


def opened(path):
    """The file with its tables. What it says is on disk before the answer goes out."""
    database = sqlite3.connect(path, timeout=30, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
    if not database.execute(
        "SELECT 1 FROM sqlite_master WHERE name = 'freehold_account'"
    ).fetchone():
        database.executescript(SCHEMA)
    return database


def present(database, number):
    """The zones of a subscription as they are: name -> (id, kind, rows, keys, metadata)."""
    found = {}
    zones = "SELECT id, name, type FROM domains WHERE account = ?"
    for pk, name, kind in database.execute(zones, (f"{MARK}{number}",)).fetchall():
        found[name] = (pk, kind, *_held(database, pk))
    return found


def _held(database, pk):
    rows = database.execute(_HELD, (pk,))
    keys = database.execute(
        "SELECT flags, active, published, content FROM cryptokeys WHERE domain_id = ?", (pk,)
    )
    about = database.execute("SELECT kind, content FROM domainmetadata WHERE domain_id = ?", (pk,))
    return (
        {row[0]: tuple(row[1:]) for row in rows.fetchall()},
        sorted(tuple(row) for row in keys.fetchall()),
        sorted(tuple(row) for row in about.fetchall()),
    )


def wanted_of(zone, secondaries):
    """One zone as it should be: (kind, rows, keys, metadata)."""
    rows = {(*row, 0) for row in zone["rows"]}
    keys = sorted((zone["flags"], 1, 1, content) for content in zone["keys"])
    return "MASTER" if secondaries else "NATIVE", rows, keys, metadata(secondaries)


def metadata(secondaries):
    """Who may fetch a zone, and who is told that it changed."""
    hosts = {_host(peer) for peer in secondaries}
    told = [("ALSO-NOTIFY", peer) for peer in set(secondaries)]
    return sorted([("ALLOW-AXFR-FROM", host) for host in hosts] + told)


def _host(peer):
    if peer.startswith("["):
        return peer[1 : peer.index("]")]
    return peer.partition(":")[0] if peer.count(":") == 1 else peer


def taken(database, wanted):
    """Who asks for a zone that another subscription has, and does not give up in this batch."""
    failures = {}
    while True:
        news = {}
        owners = {}
        for number, dns in wanted.items():
            if number in failures:
                continue
            for name in dns["zones"]:
                other = owners.setdefault(name, number)
                if other == number:
                    other = _owner(database, name) or number
                    keeps = other not in wanted or other in failures
                    if other != number and not keeps:
                        other = number
                if other != number:
                    news[number] = f"{name} belongs to {_whose(other)}"
        if not news:
            return failures
        failures.update(news)


def _owner(database, name):
    row = database.execute("SELECT account FROM domains WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    account = row[0] or ""
    return account[1:] if account[:1] == MARK and account[1:].isdigit() else account or "nobody"


def _whose(owner):
    return f"subscription {owner}" if owner.isdigit() else "no subscription"


def differences(database, number, dns):
    """What `change` would change, for people: [zone, what is there, what should be]."""
    found = []
    there = present(database, number)
    for name in sorted(there.keys() | dns["zones"].keys()):
        before, after = [], []
        if name in there:
            _pk, kind, rows, keys, about = there[name]
            before = _lines(kind, rows.values(), keys, about)
        if name in dns["zones"]:
            after = _lines(*wanted_of(dns["zones"][name], dns["secondaries"]))
        if before != after:
            both = set(before) & set(after)
            found.append(
                [name, [x for x in before if x not in both], [x for x in after if x not in both]]
            )
    return found


def _lines(kind, rows, keys, about):
    """A zone in lines: records, then keys without their secrets, then who may fetch it."""
    found = []
    for name, type_, ttl, prio, content, ordername, auth, disabled in rows:
        if type_ is None:
            found.append(f"{name} (only a part of longer names)")
            continue
        priority = f"{prio} " if prio and type_ in ("MX", "SRV") else ""
        odd = "" if auth else " (delegated)"
        odd += " (disabled)" if disabled else ""
        odd += "" if ordername is not None or not auth else " (out of order)"
        found.append(f"{name} {ttl} {type_} {priority}{content}{odd}")
    found.sort()
    for flags, active, published, content in keys:
        mark = hashlib.sha256((content or "").encode()).hexdigest()[:12]
        found.append(f"key {flags}, {'active' if active and published else 'inactive'}, {mark}")
    found += [f"{key} {content}" for key, content in about]
    return [*found, f"kind {kind}"] if kind != "NATIVE" else found


def change(database, number, dns):
    """Make the zones of a subscription what they should be; say whether that was news.

    What has to go goes first: a name may have moved from one subscription to another.
    """
    there = present(database, number)
    is_news = False
    for name, zone in dns["zones"].items():
        kind, rows, keys, about = wanted_of(zone, dns["secondaries"])
        if name in there:
            pk, old_kind, old_rows, old_keys, old_about = there[name]
        else:
            pk = database.execute(
                "INSERT INTO domains (name, type, account) VALUES (?, ?, ?)",
                (name, kind, f"{MARK}{number}"),
            ).lastrowid
            old_kind, old_rows, old_keys, old_about = kind, {}, [], []
            is_news = True
        if old_kind != kind:
            database.execute("UPDATE domains SET type = ? WHERE id = ?", (kind, pk))
            is_news = True
        is_news |= _change_rows(database, pk, old_rows, rows)
        is_news |= _change_all(database, "cryptokeys", pk, old_keys, keys)
        is_news |= _change_all(database, "domainmetadata", pk, old_about, about)
    return is_news


def drop(database, number, dns):
    """Take away the zones that a subscription has and should not have."""
    gone = [pk for name, (pk, *_) in present(database, number).items() if name not in dns["zones"]]
    database.executemany("DELETE FROM domains WHERE id = ?", [(pk,) for pk in gone])
    return bool(gone)


def _change_rows(database, pk, old, new):
    kept, gone = set(), []
    for row_id, row in old.items():
        if row in new and row not in kept:
            kept.add(row)
        else:
            gone.append((row_id,))
    added = new - kept
    database.executemany("DELETE FROM records WHERE id = ?", gone)
    database.executemany(_ADDED, [(pk, *row) for row in added])
    return bool(gone or added)


def _change_all(database, table, pk, old, new):
    if old == new:
        return False
    database.execute(_CLEARED[table], (pk,))
    database.executemany(_FILLED[table], [(pk, *row) for row in new])
    return True


def list_in_catalog(database, catalog):
    """Have the catalog zone (RFC 9432) name every zone that secondaries fetch."""
    members = "SELECT name FROM domains WHERE type = 'MASTER' AND account LIKE 's%'"
    names = [row[0] for row in database.execute(members)]
    there = "SELECT id, name FROM domains WHERE account = ?"
    for pk, name in database.execute(there, (CATALOG,)).fetchall():
        if name != catalog or not names:
            database.execute("DELETE FROM domains WHERE id = ?", (pk,))
    if not names or not catalog:
        return
    row = database.execute("SELECT id FROM domains WHERE name = ?", (catalog,)).fetchone()
    pk = row[0] if row else None
    if pk is None:
        pk = database.execute(
            "INSERT INTO domains (name, type, account) VALUES (?, 'MASTER', ?)", (catalog, CATALOG)
        ).lastrowid
    old_rows, _keys, old_about = _held(database, pk)
    soas = [row[4].split(" ") for row in old_rows.values() if row[1] == "SOA"]
    serial = int(soas[0][2]) if soas else 0
    about = database.execute(
        "SELECT DISTINCT kind, content FROM domainmetadata WHERE kind IN"
        " ('ALLOW-AXFR-FROM', 'ALSO-NOTIFY') AND domain_id != ? ORDER BY kind, content",
        (pk,),
    )
    _change_all(database, "domainmetadata", pk, old_about, [tuple(row) for row in about.fetchall()])
    rows = {_listed(catalog, name) for name in names}
    rows |= {
        (catalog, "NS", 0, 0, "invalid", "", 1, 0),
        (f"version.{catalog}", "TXT", 0, 0, '"2"', "version", 1, 0),
        (f"zones.{catalog}", None, None, None, None, None, 1, 0),
    }
    if {row for row in old_rows.values() if row[1] != "SOA"} != rows or not soas:
        serial = 1 if serial >= _HIGHEST_SERIAL else max(serial + 1, int(time.time()))
    soa = f"invalid invalid {serial} 3600 600 1209600 3600"
    _change_rows(database, pk, old_rows, rows | {(catalog, "SOA", 0, 0, soa, "", 1, 0)})


def _listed(catalog, name):
    label = hashlib.sha256(name.encode()).hexdigest()[:40]
    return (f"{label}.zones.{catalog}", "PTR", 0, 0, name, f"zones {label}", 1, 0)


def apply(database, wanted, catalog):
    """Everybody's zones as they should be, in one transaction; who could not have them, and why."""
    database.execute("BEGIN IMMEDIATE")
    try:
        failures = taken(database, wanted)
        sound = {number: dns for number, dns in wanted.items() if number not in failures}
        changed = {number for number, dns in sound.items() if drop(database, number, dns)}
        changed |= {number for number, dns in sound.items() if change(database, number, dns)}
        if changed:
            list_in_catalog(database, catalog)
            database.execute("COMMIT")
        else:
            database.execute("ROLLBACK")
    except BaseException:
        database.execute("ROLLBACK")
        raise
    return {"failures": failures, "changed": sorted(changed)}


def plan(database, wanted):
    """What `apply` would change."""
    return {number: differences(database, number, dns) for number, dns in wanted.items()}


def serials(database):
    """Whose every zone is and its serial: name -> [mark of its owner, serial]."""
    rows = database.execute(
        "SELECT d.name, d.account, r.content FROM domains d"
        " LEFT JOIN records r ON r.domain_id = d.id AND r.type = 'SOA' AND r.name = d.name"
    )
    found = {}
    for name, account, content in rows:
        words = (content or "").split(" ")
        found[name] = [account, int(words[2]) if len(words) == 7 and words[2].isdigit() else -1]
    return found


def main():
    """Become the user, then answer the one request."""
    asked = json.loads(sys.stdin.buffer.read())
    if asked["user"] is not None:
        uid, gid = asked["user"]
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    os.umask(0o077)
    database = opened(asked["database"])
    if asked["do"] == "apply":
        answer = apply(database, asked["wanted"], asked["catalog"])
    elif asked["do"] == "plan":
        answer = plan(database, asked["wanted"])
    else:
        answer = serials(database)
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main()

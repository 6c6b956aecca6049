"""Triggers that keep the activity log as it was written; three-letter indexes for the search."""

from django.db import migrations

from panel.core.database import run_on

# Sealing fills an empty seal; erasing empties the values, whose digest stays. Nothing else.
_UNCHANGED = [
    "at",
    "action",
    "target_kind",
    "target_id",
    "target_label",
    "account_id",
    "reseller_id",
    "subscription_id",
    "actor_id",
    "actor_name",
    "actor_role",
    "real_name",
    "real_role",
    "run_id",
    "door",
    "address",
    "request_id",
    "details_digest",
]

SQLITE_LOG = [
    f"""
    CREATE TRIGGER core_activity_no_update BEFORE UPDATE ON core_activity
    WHEN {" OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in [*_UNCHANGED, "id"])}
      OR (NEW.details IS NOT OLD.details AND NEW.details IS NOT NULL)
      OR (OLD.seal_id IS NOT NULL AND NEW.seal_id IS NOT OLD.seal_id)
    BEGIN SELECT RAISE(ABORT, 'the activity log cannot be changed'); END
    """,
    """
    CREATE TRIGGER core_activity_no_delete BEFORE DELETE ON core_activity
    BEGIN SELECT RAISE(ABORT, 'the activity log cannot be changed'); END
    """,
]
SQLITE_LOG_BACK = [
    "DROP TRIGGER core_activity_no_update",
    "DROP TRIGGER core_activity_no_delete",
]
POSTGRESQL_LOG = [
    f"""
    CREATE FUNCTION core_activity_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      IF TG_OP = 'DELETE'
        OR {" OR ".join(f"NEW.{name} IS DISTINCT FROM OLD.{name}" for name in [*_UNCHANGED, "id"])}
        OR (NEW.details IS DISTINCT FROM OLD.details AND NEW.details IS NOT NULL)
        OR (OLD.seal_id IS NOT NULL AND NEW.seal_id IS DISTINCT FROM OLD.seal_id)
      THEN RAISE EXCEPTION 'the activity log cannot be changed';
      END IF;
      RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER core_activity_guard BEFORE UPDATE OR DELETE ON core_activity
    FOR EACH ROW EXECUTE FUNCTION core_activity_guard()
    """,
]
POSTGRESQL_LOG_BACK = [
    "DROP TRIGGER core_activity_guard ON core_activity",
    "DROP FUNCTION core_activity_guard()",
]

SQLITE_SEARCH = [
    """
    CREATE VIRTUAL TABLE core_searchtext_fts USING fts5(
      text, content='core_searchtext', content_rowid='id', tokenize='trigram', detail='full'
    )
    """,
    """
    CREATE TRIGGER core_searchtext_ai AFTER INSERT ON core_searchtext BEGIN
      INSERT INTO core_searchtext_fts(rowid, text) VALUES (new.id, new.text);
    END
    """,
    """
    CREATE TRIGGER core_searchtext_ad AFTER DELETE ON core_searchtext BEGIN
      INSERT INTO core_searchtext_fts(core_searchtext_fts, rowid, text)
      VALUES ('delete', old.id, old.text);
    END
    """,
    """
    CREATE TRIGGER core_searchtext_au AFTER UPDATE OF text ON core_searchtext BEGIN
      INSERT INTO core_searchtext_fts(core_searchtext_fts, rowid, text)
      VALUES ('delete', old.id, old.text);
      INSERT INTO core_searchtext_fts(rowid, text) VALUES (new.id, new.text);
    END
    """,
]
SQLITE_SEARCH_BACK = [
    "DROP TRIGGER core_searchtext_ai",
    "DROP TRIGGER core_searchtext_ad",
    "DROP TRIGGER core_searchtext_au",
    "DROP TABLE core_searchtext_fts",
]
POSTGRESQL_SEARCH = [
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    "CREATE INDEX core_searchtext_trigram ON core_searchtext USING gin (text gin_trgm_ops)",
    # Prefixes are looked up as a range of bytes.
    'ALTER TABLE core_searchtext ALTER COLUMN text TYPE text COLLATE "C"',
]
POSTGRESQL_SEARCH_BACK = ["DROP INDEX core_searchtext_trigram"]


class Migration(migrations.Migration):
    dependencies = [("core", "0001_initial")]

    operations = [
        migrations.RunPython(*run_on("sqlite", SQLITE_LOG, SQLITE_LOG_BACK)),
        migrations.RunPython(*run_on("postgresql", POSTGRESQL_LOG, POSTGRESQL_LOG_BACK)),
        migrations.RunPython(*run_on("sqlite", SQLITE_SEARCH, SQLITE_SEARCH_BACK)),
        migrations.RunPython(*run_on("postgresql", POSTGRESQL_SEARCH, POSTGRESQL_SEARCH_BACK)),
    ]

"""When a question was stored, as its own database noted it.

Written when its transaction ends, so that the commit itself is inside of what is measured.
"""

from __future__ import annotations

import psycopg

_NOTE = """
CREATE TABLE stored_at (interrupt bigint PRIMARY KEY, at double precision);
CREATE FUNCTION note_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO stored_at VALUES (NEW.id, extract(epoch FROM clock_timestamp())); RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER noted AFTER INSERT ON agents_interrupt DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION note_commit();
"""


def note_commits(database: psycopg.Connection) -> None:
    """Have this database note it from now on."""
    database.execute(_NOTE)


def stored_at(database: psycopg.Connection, interrupt: int) -> float:
    """When the question was stored; the time of day in seconds."""
    found = database.execute("SELECT at FROM stored_at WHERE interrupt = %s", [interrupt])
    (stored,) = found.fetchone() or (0.0,)
    return float(stored)

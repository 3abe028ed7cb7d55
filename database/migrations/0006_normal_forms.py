"""What is stored gets the forms in which it is written and compared now: NFC, and for addresses NFKC and IDNA.

Two accounts that turn out to have one address are not merged: whose is proven and older keeps it, the other
has its number behind the address from then on, which nobody can type; admins are told (domain/people/people.py).
"""

import contextlib
import logging
import unicodedata

import idna

from database.scope import everywhere

log = logging.getLogger("guildhall.migrations")

# table → columns of text that people wrote
WRITTEN = {
    "user": ("email",),
    "profile": ("full_name", "bio"),
    "passkey": ("name",),
    "admin": ("email", "note"),
    "organization": ("name",),
    "workspace": ("name",),
    "invitation": ("email",),
    "task": ("title", "description", "category"),
    "alert": ("message",),
    "backer_tier": ("name",),
    "crowdfunding_backer": ("username",),
}


def up(migrator, db):
    with everywhere("stored text gets its normal form"):
        for table, columns in WRITTEN.items():
            for column in columns:
                _rewrite(db, table, column, column, lambda text: unicodedata.normalize("NFC", text))
        for table in ("user", "admin", "invitation", "auth_token"):
            _addresses(db, table)
        _rewrite(db, "crowdfunding_backer", "username", "username_lower", _comparable, "username_lower IS NOT NULL")


def down(migrator, db):
    """The forms are good for what was before, too."""


def _foreign(db, table, column, where="1 = 1"):
    """(id, text) of rows whose text isn't ASCII alone."""
    differs = (
        f"\"{column}\" GLOB '*[^' || char(1) || '-~]*'" if db.dialect == "sqlite" else f"\"{column}\" ~ '[^\x01-~]'"
    )
    return db.execute_sql(f'SELECT id, "{column}" FROM "{table}" WHERE {differs} AND {where} ORDER BY id').fetchall()


def _rewrite(db, table, source, column, form, where="1 = 1"):
    for id, text in _foreign(db, table, source, where):
        if source != column or form(text) != text:
            _put(db, table, id, column, form(text))


def _put(db, table, id, column, value):
    sign = "?" if db.dialect == "sqlite" else "%s"
    db.execute_sql(f'UPDATE "{table}" SET "{column}" = {sign} WHERE id = {sign}', (value, id))


def _addresses(db, table):
    sign = "?" if db.dialect == "sqlite" else "%s"
    rows = _foreign(db, table, "email_norm")
    if table == "user":
        proven = {
            id for (id,) in db.execute_sql('SELECT id FROM "user" WHERE email_verified_at IS NOT NULL').fetchall()
        }
        rows.sort(key=lambda row: (row[0] not in proven, row[0]))
    pending = "AND status = 'pending'" if table == "invitation" else ""
    for id, text in rows:
        wanted = _normalized(text)
        held = None
        if table != "auth_token" and wanted != text:
            query = f'SELECT id FROM "{table}" WHERE email_norm = {sign} AND id <> {sign} {pending}'
            if table == "invitation":
                query += f" AND organization_id = (SELECT organization_id FROM invitation WHERE id = {int(id)})"
            held = db.execute_sql(query, (wanted, id)).fetchone()
        if held:
            log.warning("two rows have one address", extra={"table": table, "kept": held[0], "other": id})
            wanted = f"{wanted}#{id}"
        if wanted != text:
            _put(db, table, id, "email_norm", wanted)


def _compatible(text):
    return unicodedata.normalize("NFKC", text)


def _comparable(text):
    return " ".join(_compatible(_compatible(text).casefold()).split())[:80]


def _normalized(email):
    local, at, domain = _compatible(email).strip().rpartition("@")
    domain = domain.lower()
    with contextlib.suppress(idna.IDNAError):
        domain = domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    return f"{_compatible(local.lower())}{at}{domain}"

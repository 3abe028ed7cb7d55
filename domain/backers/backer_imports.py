"""Backers from a CSV file: read and compared first, then added by a job, and told row by row.

What is kept of a file are names, tiers and keyed hashes, never a code. Codes that are made here are a keyed
function of the import and the line, so that they can be handed over once without having been stored.
"""

import io
import re
from datetime import timedelta
from itertools import islice

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.backers import backer_codes, backers, tiers
from domain.base import audit, keys, long_jobs
from domain.fields.forms import read_whole
from domain.fields.kinds import clean, comparable
from domain.imports import reading
from models import Backer, BackerImport, User

SIZE = 1_000_000  # bytes
MOST = 20_000  # rows
BATCH = 250
IMPORT = "backer_import"  # the work, and the job that does it
NEW, KNOWN, WRONG = "new", "known", "wrong"
KEEP_DAYS = 30

# What people call the columns.
COLUMNS = {
    "username": ("username", "user name", "user", "name", "makerworld username", "makerworld user", "backer"),
    "code": ("code", "access code", "accesscode", "backer code"),
    "tier": ("tier", "reward", "level", "reward tier"),
}


# --- reading a file ---------------------------------------------------------------------------------------


def table(data):
    """The rows of a CSV file (bytes) as (line, {column: text} or None for a row with too many cells).

    Commas, semicolons or tabs; the first line names the columns. Refuses with Invalid what is no such file.
    """
    text = _text(data)
    delimiter, begins = reading.delimiter_of(text)
    file = io.StringIO(text, newline="")
    lines = reading.records(islice(file, begins, None), delimiter, begins)
    _, first = next(lines, (0, []))
    places = _places(first)
    found: list[tuple[int, dict | None]] = []
    for line, cells in lines:
        if len(found) == MOST:
            raise _unreadable(f"The file has more than {MOST:,} rows. Import it in parts.")
        if any(cell.strip() for cell in cells[len(first) :]):
            found.append((line, None))
            continue
        cells = cells + [""] * len(first)
        found.append((line, {name: cells[place] for name, place in places.items()}))
    if not found:
        raise _unreadable("The file has no rows below the first line.")
    return found


def _unreadable(sentence):
    return Invalid({"file": sentence})


def _text(data):
    if len(data) > SIZE:
        raise _unreadable("The file is larger than 1 MB. Import it in parts.")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise _unreadable("The file isn't UTF-8 text. Save it as CSV UTF-8, then choose it again.") from None
    if not text.strip():
        raise _unreadable("Choose a CSV file, or paste its lines.")
    return text


def _places(first):
    said = [re.sub(r"[\s_-]+", " ", clean(cell).strip().lower()) for cell in first]
    places = {}
    for column, names in COLUMNS.items():
        matching = [place for place, name in enumerate(said) if name in names]
        if len(matching) > 1:
            raise _unreadable(f"Two columns are called {column}. Keep one of them.")
        if matching:
            places[column] = matching[0]
    if "username" not in places:
        raise _unreadable("The first line must name the columns: username, code, tier. The last two may be left out.")
    return places


# --- comparing --------------------------------------------------------------------------------------------


def check(data, name, tier_id, *, by):
    """Read a file and compare it with what is there; nobody is added. Returns the BackerImport.

    `tier_id` is the tier of rows that name none, or None. Refuses with Invalid. Wrong rows refuse nothing:
    they are told in the import.
    """
    by_name = {comparable(name): tier.id for tier in tiers.everything() for name in (tier.name, tier.key)}
    if not by_name:
        raise _unreadable("Make a tier first: it says what a code gives.")
    if tier_id is not None and tier_id not in by_name.values():
        raise Invalid({"tier": "Choose a tier from the list."})
    rows = [_judged(line, cells, by_name, tier_id) for line, cells in table(data)]
    _compare(rows)
    name = " ".join(clean(name).split())[-120:] or "Pasted lines"
    return _hold(name, rows, by)


def _judged(line, cells, by_name, tier_id):
    """One row as it is kept: [line, username, tier, code's hash, verdict, why]."""
    if cells is None:
        return [line, "", None, "", WRONG, "It has more cells than the first line. Is a quotation mark missing?"]
    shown = " ".join(clean(cells["username"]).split())[: backer_codes.NAME]
    try:
        sent = {"username": cells["username"], "code": cells.get("code", "")}
        read = read_whole((backer_codes.USERNAME, backer_codes.PLEDGE_CODE), sent)
        username, code = read["username"], read["code"]
        if username.startswith("="):
            raise Invalid({"username": "This is a formula, not a name."})
    except Invalid as invalid:
        return [line, shown, None, "", WRONG, " ".join(invalid.fields.values())]
    if damaged := reading.shortened(cells.get("code", "")):
        return [line, username, None, "", WRONG, f"{damaged} Make the column text, and save the file again."]
    said = " ".join(clean(cells.get("tier", "")).split())
    tier = by_name.get(comparable(said)) if said else tier_id
    if tier is None:
        why = f"There is no tier called {said[:40]}." if said else "It names no tier, and none was chosen for the file."
        return [line, username, None, "", WRONG, why]
    return [line, username, tier, backers.hashed(username, code) if code else "", NEW, ""]


def _compare(rows):
    """Find what is in the file twice, and what is there already."""
    seen: dict[str, int] = {}
    names: dict[str, int] = {}
    for row in rows:
        line, username, _, code_hash, verdict, _ = row
        if verdict != NEW:
            continue
        held, key = (seen, code_hash) if code_hash else (names, backer_codes.lower(username))
        if key in held:
            row[4:] = [WRONG, f"The same as line {held[key]}."]
        held.setdefault(key, line)
    coded = {backer_codes.lower(row[1]): row[0] for row in rows if row[3]}
    for row in rows:
        if row[4] == NEW and not row[3] and backer_codes.lower(row[1]) in coded:
            row[4:] = [WRONG, f"Line {coded[backer_codes.lower(row[1])]} has a code for the same name."]
    known = _known({row[3] for row in rows if row[4] == NEW and row[3]})
    taken = _taken({backer_codes.lower(row[1]) for row in rows if row[4] == NEW and not row[3]})
    for row in rows:
        if row[4] != NEW:
            continue
        if row[3] in known:
            row[4:] = [KNOWN, "" if known[row[3]] == row[2] else "It stays in the tier it has."]
        elif not row[3] and backer_codes.lower(row[1]) in taken:
            row[4:] = [KNOWN, "This name has a code, so none is made."]


def _known(hashes):
    """code's hash → tier, of those that are there."""
    found, hashes = {}, sorted(hashes)
    for start in range(0, len(hashes), 500):
        rows = Backer.select(Backer.code_hash, Backer.tier).where(Backer.code_hash.in_(hashes[start : start + 500]))
        found |= dict(rows.tuples())
    return found


def _taken(names):
    """Of these names in lower case, those that have a code."""
    legacy = Backer.select(Backer.username).where(Backer.username_lower.is_null()).tuples()
    found, wanted = {backer_codes.lower(name) for (name,) in legacy} & names, sorted(names)
    for start in range(0, len(wanted), 500):
        rows = Backer.select(Backer.username_lower).where(Backer.username_lower.in_(wanted[start : start + 500]))
        found |= {name for (name,) in rows.tuples()}
    return found


@writes
def _hold(name, rows, by):
    counted = {verdict: sum(row[4] == verdict for row in rows) for verdict in (NEW, KNOWN, WRONG)}
    made = sum(row[4] == NEW and not row[3] for row in rows)
    return BackerImport.create(name=name, rows=rows, made=made, by=by, **counted)


# --- adding -----------------------------------------------------------------------------------------------


@writes
def confirm(id, *, by):
    """Have the new rows of a checked file added, by a job. Refuses with NotFound, or when it can't be or was."""
    held = one(id)
    if not held.new:
        raise Refused("This file has nothing new to add.", "INVALID_TRANSITION")
    checked = BackerImport.status == "checked"
    if not BackerImport.update(status="confirmed").where(BackerImport.id == id, checked).execute():
        raise Refused("This file was imported already.", "INVALID_TRANSITION")
    long_jobs.begin(IMPORT, str(id), by=by, total=held.new, added=0)
    return held


@long_jobs.worker(IMPORT)
def work(job):
    """Add one batch of a confirmed file; returns how many rows were looked at."""
    held = BackerImport.get_by_id(int(job.subject))
    batch = [row for row in held.rows if row[4] == NEW][job.done : job.done + BATCH]
    _add(job, held, [(row, row[3] or _hash_of_made(held, row)) for row in batch])
    return len(batch)


@writes
def _add(job, held, batch):
    added = job.facts["added"]
    if not batch:
        long_jobs.finish(job)
        BackerImport.update(status="done", added=added).where(BackerImport.id == held.id).execute()
        audit.record(
            "backer.imported",
            f"Imported {added:,} backers from {held.name}",
            category="admin",
            by=User.get_by_id(job.asked_by_id) if job.asked_by_id else None,
            target=("backer_import", held.id),
            added=added,
            new=held.new,
            known=held.known,
            wrong=held.wrong,
        )
        return
    long_jobs.progress(job, job.done + len(batch), lasting=True)
    lock("backer import")  # two files with one name, both without a code
    for (_, username, tier, code_hash, *_), final in batch:
        added += backers.keep(username, final, tier) if code_hash or not backers.has_code(username) else 0
    long_jobs.progress(job, job.done, lasting=True, added=added)


def _made(held, row):
    """The codes that this import makes for a line, one under each key of the site: not kept, and always the same."""
    marks = keys.keyed_by_each("backer made code", f"{held.public_id}:{row[0]}")
    return [backer_codes.spelled(int(mark, 16)) for mark in marks]


def _hash_of_made(held, row):
    return backer_codes.hashed(row[1], _made(held, row)[0])


def hand_over(id, *, by):
    """The codes that an import has made, once: [(username, code, tier's name)].

    Only those that are in use; audited. Refuses with NotFound, and when they were handed over already.
    """
    held = one(id)
    lines = [row for row in held.rows if row[4] == NEW and not row[3]]
    fresh = [(row, code) for row in lines for code in _made(held, row)]
    hashes = [set(backer_codes.hashes(row[1], code)) for row, code in fresh]
    there, names = _known(set().union(*hashes)), {tier.id: tier.name for tier in tiers.everything()}
    made = [one for one, own in zip(fresh, hashes, strict=True) if own & there.keys()]
    found = [(row[1], code, names[row[2]]) for row, code in made]
    _note_handed_over(held, len(found), by)
    return found


@writes
def _note_handed_over(held, count, by):
    unseen = (BackerImport.id == held.id, BackerImport.codes_shown_at.is_null(), BackerImport.status == "done")
    if not held.made or not BackerImport.update(codes_shown_at=now()).where(*unseen).execute():
        raise Refused("Codes are handed over once, when the import is done.", "INVALID_TRANSITION")
    audit.record(
        "backer.codes_shown",
        f"Took the codes made for {held.name}",
        by=by,
        category="admin",
        target=("backer_import", held.id),
        count=count,
    )


# --- looking ----------------------------------------------------------------------------------------------


def one(id):
    """An import by its id. Refuses with NotFound."""
    return existing(BackerImport.one(BackerImport.id == id), "There is no such import.")


def recent(limit=20):
    """The newest imports, without their rows."""
    columns = [field for field in BackerImport._meta.sorted_fields if field.name != "rows"]
    return list(BackerImport.select(*columns).order_by(BackerImport.id.desc()).limit(limit))


def progress(held):
    """The work that adds its rows, or None."""
    return long_jobs.newest(IMPORT, str(held.id))


@writes
def prune(limit):
    """Remove imports of more than thirty days ago, with whatever was made and never fetched."""
    old = BackerImport.select(BackerImport.id).where(
        BackerImport.created_at < now() - timedelta(days=KEEP_DAYS), BackerImport.status != "confirmed"
    )
    return BackerImport.delete().where(BackerImport.id.in_(old.limit(limit))).execute()

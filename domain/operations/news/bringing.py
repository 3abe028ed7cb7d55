"""Readers from a file: people who agreed to a newsletter elsewhere, with a word on where and when they did.

Nobody who left, or whom we can't write to, comes back by a file. The same file twice adds nobody twice, so one that was
cut off is simply brought again.
"""

import io
import re
from itertools import islice

from database.clock import now
from database.transactions import writes
from domain import Invalid
from domain.base import audit
from domain.base.letters import suppressions
from domain.fields.email import address, normalized
from domain.fields.kinds import Field, clean
from domain.fields.text import Text
from domain.imports import reading
from models import Consent, Subscriber

SIZE, MOST, BATCH = 1_000_000, 20_000, 500  # bytes and rows of a file, rows of a transaction
NAMES = ("email", "e mail", "mail", "address", "email address", "e mail address")
WHERE = Field("where", "Where and when they agreed", Text(300, least=10), True)


def bring(data, form, *, by):
    """Add the addresses of a CSV file (bytes) as readers who confirmed elsewhere; `form` says where, and that it is so
    (`agreed`). Returns how many were `added`, `known`, not written to (`held`), and which lines were `wrong`.
    Refuses with Invalid."""
    problems = {}
    try:
        where = WHERE.read(form.get("where", ""))
    except ValueError as unfit:
        problems["where"] = str(unfit)
    if not form.get("agreed"):
        problems["agreed"] = "Only people who agreed to a newsletter may be brought in."
    try:
        rows = _rows(data)
    except Invalid as invalid:
        problems |= invalid.fields
    if problems:
        raise Invalid(problems)
    told: dict = {"added": 0, "known": 0, "held": 0, "wrong": []}
    found: dict[str, str] = {}
    for line, typed in rows:
        try:
            email = address(typed)
        except Invalid:
            told["wrong"].append(line)
            continue
        told["known"] += normalized(email) in found
        found.setdefault(normalized(email), email)
    pairs = list(found.items())
    for start in range(0, len(pairs), BATCH):
        for name, count in _add(pairs[start : start + BATCH], where, by).items():
            told[name] += count
    _note(told, where, by)
    return told


def _rows(data):
    """(line, address as typed) of a file; its first line may name the columns."""
    if len(data) > SIZE:
        raise reading.unreadable("The file is larger than 1 MB. Bring it in parts.")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise reading.unreadable("The file isn’t UTF-8 text. Save it as CSV UTF-8, then choose it again.") from None
    if not clean(text):
        raise reading.unreadable("Choose a CSV file, or paste its lines.")
    delimiter, begins = reading.delimiter_of(text)
    lines = list(
        islice(reading.records(islice(io.StringIO(text, newline=""), begins, None), delimiter, begins), MOST + 2)
    )
    said = [re.sub(r"[\s_-]+", " ", clean(cell).strip().lower()) for cell in lines[0][1]]
    places = [place for place, name in enumerate(said) if name in NAMES]
    if not places and not any("@" in cell for cell in said):
        raise reading.unreadable("No column is called E-mail. Name it so in the first line.")
    place = places[0] if places else next(place for place, cell in enumerate(said) if "@" in cell)
    rows = [(line, cells[place] if place < len(cells) else "") for line, cells in lines[bool(places) :] if any(cells)]
    if len(rows) > MOST:
        raise reading.unreadable(f"The file has more than {MOST:,} rows. Bring it in parts.")
    if not rows:
        raise reading.unreadable("The file has no rows below the first line.")
    return rows


@writes
def _add(pairs, where, by):
    norms = [norm for norm, _ in pairs]
    held = suppressions.without_news(norms)
    there = {one.email_norm: one for one in Subscriber.select().where(Subscriber.email_norm << norms)}
    told = {"added": 0, "known": 0, "held": 0}
    for norm, email in pairs:
        row = there.get(norm)
        if norm in held or (row and row.unsubscribed_at):
            told["held"] += 1
        elif row and row.status == "confirmed":
            told["known"] += 1
        else:
            told["added"] += 1
            _keep(row, norm, email, where, by)
    return told


def _keep(row, norm, email, where, by):
    values = {"status": "confirmed", "source": "import", "confirmed_at": now()}
    if row is None:
        id = Subscriber.insert(email=email, email_norm=norm, **values).execute()
    else:
        id = row.id
        Subscriber.update(**values).where(Subscriber.id == id, Subscriber.status == "unconfirmed").execute()
    Consent.insert(subscriber=id, act="imported", note=where, by=by).execute()


@writes
def _note(told, where, by):
    about = told | {"wrong": len(told["wrong"]), "where": where}
    words = f"Brought {told['added']:,} readers of the newsletter in"
    audit.record("newsletter.imported", words, by=by, category="admin", **about)

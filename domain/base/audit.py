"""The honest log: who did what to whom, in the transaction of the change itself.

Each row's `hash` is keyed and covers the row and the hash of the row before in its chain (`previous`), so
that whoever edits or removes one without the key leaves a gap. There are several chains side by side, and a
transaction writes in one that nobody else is writing in. Seals, kept in a file outside the database, tell
where each chain once reached: a cut-off end or a chain that was made anew doesn't meet them. Why:
docs/decisions/audit-chain.md
"""

import contextvars
import json
import os
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from peewee import fn

import models
from database.clock import now
from database.compiled import Compiled
from database.connections import database
from database.locks import lock
from database.parameters import parameter
from database.transactions import present, writes
from domain.base import configuration, keys
from models import AuditEvent

CATEGORIES = ("auth", "organization", "member", "billing", "security", "admin", "system")
_SECRET = re.compile(r"password|secret|token|code|hash|cookie|key$", re.I)

# Where the present act comes from: views fill it in, jobs leave it empty.
origin: contextvars.ContextVar = contextvars.ContextVar("origin", default=None)


def record(action, summary, *, by=None, organization=None, target=None, result="success", category=None, **facts):
    """Write one event. `action` is `noun.verb` past tense; `facts` are flat and are redacted by name. Its category is
    one of CATEGORIES: its noun, where that is one, else by whose it is.

    `target` is a row, or a pair (type, id) where there is none. Where a change of an organization's things is
    noted with the same words, `history.note` does both.
    """
    came = origin.get() or {}
    if target is not None and not isinstance(target, tuple):
        target = (type(target).__name__.lower(), target.id)
    moment = now()
    row = {
        "at": moment,
        "created_at": moment,
        "category": category or _category(action, by, organization),
        "action": action,
        "result": result,
        "actor_email": by.email if by else None,
        "target_type": target[0] if target else None,
        "target_id": str(target[1]) if target else None,
        "summary": summary[:500],
        "metadata": {name: _redacted(name, value) for name, value in (facts | _program(came)).items()},
        "ip": came.get("ip"),
        "request_id": came.get("request_id"),
    }
    row["chain"], row["previous"] = _end_of_chain()
    AuditEvent.create(**row, updated_at=moment, actor=by, organization=organization, hash=_link(row))


def _category(action, by, organization):
    noun = action.partition(".")[0]
    if noun in CATEGORIES:
        return noun
    return "organization" if organization else "admin" if by else "system"


def _program(came):
    """By which key somebody acted, where it wasn't by hand."""
    return {"program": came["program"]} if "program" in came else {}


@writes
def deny(tried, code, *, by, organization=None):
    """A refused change, in a transaction of its own: what refused it has rolled its own back."""
    action = "organization.access_denied" if organization else "admin.access_denied"
    record(action, f"Denied: {tried}", by=by, organization=organization, result="denied", reason=code)


def _redacted(name, value):
    return "•••" if value is not None and _SECRET.search(name) else value


# --- the chain ------------------------------------------------------------------------------------------

# What a hash covers: all but the ids that a deleted account or organization takes with it.
COVERED = (
    "at",
    "created_at",
    "category",
    "action",
    "result",
    "actor_email",
    "target_type",
    "target_id",
    "summary",
    "metadata",
    "ip",
    "request_id",
)
CHAINS = 1000  # more than there are connections; the first that is free is taken, so few are ever begun
WALKED = 1000  # rows of one step
MOST = 50  # findings, then one stops counting
PRUNED = "system.audit_pruned"
AHEAD = 5000  # rows that one such event announces at most

# In every audited act: `verbs_two_processes`.
_newest = Compiled(
    lambda: (
        AuditEvent.select(AuditEvent.hash)
        .where(AuditEvent.chain == parameter("chain"))
        .order_by(AuditEvent.id.desc())
        .limit(1)
    )
)


def _end_of_chain():
    """The chain that this transaction writes in, which nobody else writes in until it ends, for ids and chain agree
    only when one transaction comes after the other; and the hash to go on from."""
    held = present().locks
    if database.dialect == "postgres" and "audit" not in held:
        chain, newest = database.execute_sql("SELECT chain, newest FROM free_chain(%s)", (CHAINS,)).fetchone()
        if chain is None:
            raise RuntimeError(f"More than {CHAINS} transactions write in the log.")
        held["audit"] = chain  # without a rank: with more chains than connections nobody ever waits
        return chain, newest
    chain = held.get("audit", 0)
    newest = _newest(chain=chain)
    return chain, newest[0][0] if newest else None


def _link(row):
    return keys.keyed("audit chain", _covered(row))


def _key_of(row):
    """Which key of the site its hash was made with, the newest being 0; None where it is its own under none of them."""
    made = keys.keyed_by_each("audit chain", _covered(row))
    return made.index(row["hash"]) if row["hash"] in made else None


def _covered(row):
    plain = [row["previous"]] + [_plain(row[name]) for name in COVERED]
    plain += [row["chain"]] if row["chain"] else []  # those of before there were several haven't one
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))


def _plain(value):
    """As both databases give it back: PostgreSQL turns 1e3 into 1000, and JSON has neither tuples nor whole floats."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


@dataclass
class Verified:
    """What a walk along the chains found. `findings` are sentences; `ends` the (id, hash) of each chain to seal."""

    rows: int = 0
    from_before: int = 0  # rows that were written before there was a chain
    unread: int = 0  # the last event before the first whose hash fits a key of the site
    of_older_keys: int = 0  # the last event that was written with a key before the newest
    ends: dict = field(default_factory=dict)
    findings: list = field(default_factory=list)

    @property
    def is_whole(self):
        return not self.findings

    def found(self, sentence):
        if len(self.findings) < MOST:
            self.findings.append(sentence)


def verify(sealed=None):
    """Walk all chains, oldest first, and hold them against the seals (as `sealed()` gave them, or now); a Verified.

    Found are edited rows, missing rows (at the start, between, at the end), rows outside the chains, and a
    chain that was made anew. What retention removed is explained by the event it leaves.
    """
    told, (seals, unread) = Verified(), sealed or read_seals()
    for sentence in unread:
        told.found(sentence)
    left = dict(seals)
    with database.snapshot():
        edited, begins = _walk(told, left)
        upto, _ = _boundary()
    for id in sorted(id for id in left if id > upto):
        told.found(f"Event {id} was sealed and is gone.")
    if edited > 1 and edited == begins:
        words = "Up to event {} no hash fits: the log was made anew, or the key it was written with is missing"
        told.findings.insert(0, f"{words.format(told.unread)} (SECRET_KEY_FALLBACKS holds those before SECRET_KEY).")
    return told


def _walk(told, sealed):
    """Each row against the one before in its chain; takes from `sealed` what is met.

    Returns how many were edited, and how many of them stand before the first that wasn't.
    """
    head = AuditEvent.select(fn.max(AuditEvent.id)).scalar() or 0
    before, previous, edited, begins, has_fit = 0, {}, 0, 0, False
    while rows := _rows(before, head):
        for row in rows:
            id, chain, own, link = row["id"], row["chain"], row["hash"], row["previous"]
            told.rows += 1
            if id in sealed and sealed.pop(id) != own:
                told.found(f"Event {id} isn't the one that was sealed.")
            if own is None:
                told.from_before += not told.ends
                if told.ends:
                    told.found(f"Event {id} stands outside the chain: it wasn't written by Guildhall.")
                continue
            key = _key_of(row)
            if key is not None:
                has_fit, told.of_older_keys = True, id if key else told.of_older_keys
            else:
                edited += 1
                if not has_fit:
                    begins, told.unread = begins + 1, id
                told.found(f"Event {id} was changed after it was written.")
            if link != previous.get(chain) and not _is_pruned(id, chain, link):
                told.found(_gap(told.ends.get(chain), id))
            told.ends[chain] = (id, own)
            previous[chain] = own
        before = rows[-1]["id"]
    return edited, begins


def _gap(last, id):
    if last is None:
        return f"Events before {id} are gone."
    return f"Something between event {last[0]} and event {id} is gone, or was put there."


def _rows(after, head):
    return list(
        AuditEvent.select(*_columns())
        .where(AuditEvent.id > after, AuditEvent.id <= head)
        .order_by(AuditEvent.id)
        .limit(WALKED)
        .dicts()
    )


def _columns():
    return [getattr(AuditEvent, name) for name in ("id", "chain", "previous", "hash", *COVERED)]


def _boundary():
    """(id, chain → hash) of the last rows that retention was allowed to remove; (0, {}) when none were."""
    announced = (
        AuditEvent.select(*_columns())
        .where(AuditEvent.action == PRUNED)
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
    )
    for row in announced.limit(20).dicts():
        if _key_of(row) is not None:  # whoever forges one hasn't got the key
            facts = row["metadata"]
            return facts["up_to"], facts["links"] if "links" in facts else {"0": facts["link"]}
    return 0, {}


def _is_pruned(id, chain, link):
    """Whether the row before this one in its chain was retention's to remove; asked anew, as it may be at work."""
    upto, links = _boundary()
    return id <= upto or (upto > 0 and link == links.get(str(chain)))


# --- seals --------------------------------------------------------------------------------------------------


def seals_file():
    """The file of seals: the end of each chain, for each night on which the whole log was found as it should be."""
    return configuration.active.data / "audit.seals"


def seal(ends):
    """Note outside the database how far the chains reach: `ends` of a Verified. Twice is once."""
    known = set(read_seals()[0].items())
    new = sorted(end for end in ends.values() if end not in known)
    if not new:
        return
    seals_file().parent.mkdir(parents=True, exist_ok=True)
    with seals_file().open("a", encoding="utf-8") as file:
        for id, hash in new:
            file.write(json.dumps({"at": f"{now():%Y-%m-%dT%H:%M:%SZ}", "id": id, "hash": hash}) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_seals():
    """(id → hash of what was sealed, a sentence for each line that can't be read)."""
    kept, problems, path = {}, [], seals_file()
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines() if path.exists() else [], 1):
        try:
            told = json.loads(line)
            kept[int(told["id"])] = str(told["hash"])
        except (ValueError, KeyError, TypeError):
            problems.append(f"Line {number} of {path.name} can't be read.")
    return kept, problems


# --- retention ------------------------------------------------------------------------------------------------


@writes
def prune(limit, days):
    """Remove events older than so many days from the oldest end, `limit` at a time; returns how many.

    What will go is announced first, in an event that names the last of it: so the chain stays whole
    after every batch, wherever the run may end.
    """
    upto, _ = _boundary()
    if not AuditEvent.select(AuditEvent.id).where(AuditEvent.id <= upto).first():
        upto = _announce(now() - timedelta(days=days), days)
    oldest = AuditEvent.select(AuditEvent.id).where(AuditEvent.id <= upto).order_by(AuditEvent.id).limit(limit)
    return AuditEvent.delete().where(AuditEvent.id.in_(oldest)).execute()


def _announce(before, days):
    """Tell the log what will be removed from it; returns the id up to which."""
    lock("audit prune")
    last, (_, links) = 0, _boundary()
    columns = AuditEvent.id, AuditEvent.at, AuditEvent.chain, AuditEvent.hash
    for row in AuditEvent.select(*columns).order_by(AuditEvent.id).limit(AHEAD):
        if row.at >= before:
            break
        last, links = row.id, links | {str(row.chain): row.hash}
    if last:
        words = f"Events up to {last} are older than {days} days and are removed"
        record(PRUNED, words, target=("audit_event", last), up_to=last, links=links)
    return last


# --- reading ----------------------------------------------------------------------------------------------------


def newest(limit):
    """The newest events of all, for the overview."""
    return list(AuditEvent.select().order_by(AuditEvent.at.desc(), AuditEvent.id.desc()).limit(limit))


def changes(user, action):
    """What was done of one kind to an account, oldest first."""
    theirs = AuditEvent.target_type == "user", AuditEvent.target_id == str(user.id), AuditEvent.action == action
    return list(AuditEvent.select().where(*theirs).order_by(AuditEvent.id))


def about(user, limit=20):
    """What the user did and what was done to them, newest first."""
    done = AuditEvent.select().where(AuditEvent.actor_email == user.email)
    suffered = AuditEvent.select().where(AuditEvent.target_type == "user", AuditEvent.target_id == str(user.id))
    order = (AuditEvent.at.desc(), AuditEvent.id.desc())
    found = {row.id: row for query in (done, suffered) for row in query.order_by(*order).limit(limit)}
    return sorted(found.values(), key=lambda row: (row.at, row.id), reverse=True)[:limit]


def organizations_named(events):
    """id → name of the organizations of these events."""
    ids = {event.organization_id for event in events} - {None}
    rows = models.Organization.select(models.Organization.id, models.Organization.name)
    return {row.id: row.name for row in rows.where(models.Organization.id.in_(ids))} if ids else {}


def changed(event):
    """What became of what: (name, before, after) for each thing that a change touched, as plain values."""
    facts = event.metadata
    if "before" not in facts and "after" not in facts:
        return []
    before, after = facts.get("before"), facts.get("after")
    if isinstance(before, dict) or isinstance(after, dict):
        before, after = (side if isinstance(side, dict) else {} for side in (before, after))
        return [(name, before.get(name), after.get(name)) for name in {**before, **after}]
    return [("", before, after)]


def facts(event):
    """The event's other facts, name → value."""
    return {name: value for name, value in event.metadata.items() if name not in ("before", "after")}

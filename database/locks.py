"""Named locks, for what one conditional UPDATE can't decide.

SQLite has one writer and waits for nothing here. PostgreSQL takes an advisory lock until the commit. Two
transactions that take the same locks in two orders would wait for each other, so each matter has a rank, and
within a transaction ranks only rise; of one matter the ids do. While developing, a lock out of order raises.
"""

from database.connections import database
from database.transactions import present

# In the order in which one transaction may take them: matter, what its id is, what is decided behind it.
MATTERS = (
    ("sandbox", "", "everything at the built-in payment provider"),
    ("reconciliation", "its job", "what was mended of its findings"),
    ("facts", "", "what a provider tells us becomes rows"),
    ("pricing catalog", "", "the prices as they were read last"),
    ("price", "provider and price", "which plan a price is"),
    ("plan", "key", "what an admin makes of a plan"),
    ("checkout", "organization", "its open checkout"),
    ("proofs", "user", "the codes sent and tries counted for step-up"),
    ("identity", "provider and subject", "whose account elsewhere it is"),
    ("account", "address", "whose address it is"),
    ("ways", "user", "the last way in"),
    ("api answer", "key and word", "what a program is answered, however often it asks"),
    ("api row", "organization and table", "which of two programs changes or makes a row of it first"),
    ("form", "user and key", "what a form makes, however often it is sent"),
    ("alerts", "", "a text that was sent twice"),
    ("owners", "organization", "who owns it and who is a member: its last owner"),
    ("admins", "", "the last admin"),
    ("slugs", "", "the addresses of organizations"),
    ("event slugs", "", "the addresses of events"),
    ("flyer slugs", "", "the addresses of campaigns of flyers"),
    ("flyer template", "template", "which is its next version"),
    ("flyer phases", "campaign", "that no two of its phases run at once"),
    ("article", "article", "its words"),
    ("verification", "organization", "that it asks once at a time"),
    ("seats", "organization", "its members and invitations"),
    ("workspaces", "organization", "their names and addresses"),
    ("backer", "name", "whether somebody has a code"),
    ("backer tiers", "", "their keys"),
    ("backer import", "", "the files that are being added"),
    ("audit prune", "", "what retention removes from the log"),
    ("releases", "deployment", "what is told of it"),
    ("records", "table", "its shape, and the values that must not occur twice in it"),
    ("api names", "field", "how often its old names are used"),
    ("labels", "organization", "the words of its labels"),
    ("moderation", "a public thing", "what was reported of it, and whether it is hidden"),
    ("signing_key", "organization", "the key that signs its tickets"),
    ("sent on", "organization", "what the site notes as sent on to it"),
    ("changes", "organization", "its changes become visible in the order of their ids"),
)
RANKS = {matter: rank for rank, (matter, *_) in enumerate(MATTERS)}

strict = False


class OutOfOrder(AssertionError):
    """A lock was asked for while one of a higher rank is held: a fault of ours, not of who waits."""


def be_strict(on=True):
    """Raise OutOfOrder from here on: while developing and in tests."""
    global strict
    strict = on


def lock(matter, id=0):
    """In a transaction: wait for others that are at the same matter (of this id), until they have committed."""
    if _is_news(matter, id) and database.dialect == "postgres":
        database.execute_sql("SELECT pg_advisory_xact_lock(7265, hashtext(%s))", (f"{matter} {id}",))


def _is_news(matter, id):
    """Note that it is held; False when it was already. While developing, refuses with OutOfOrder."""
    held = present().locks
    if (matter, id) in held:
        return False
    if strict:
        highest = max((one for one in held if isinstance(one, tuple)), key=_place, default=(matter, id))
        if _place((matter, id)) < _place(highest):
            raise OutOfOrder(f"{matter} {id} is locked after {highest[0]} {highest[1]}: see database/locks.py.")
    held[matter, id] = None
    return True


def _place(held):
    return RANKS[held[0]], str(type(held[1])), held[1]

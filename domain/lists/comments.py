"""Comments on a row of a list: Markdown, with members mentioned by name; who should know of it is told once.

Whoever reads the row reads them. Whoever may write in the list writes them, on any row that they see: who only looks
(a viewer) says nothing. Why so: docs/decisions/comments-and-files.md
"""

import re

from database.clock import now
from database.transactions import writes
from domain import Forbidden, Invalid, NotFound
from domain.base import audit, changes, configuration, outgoing
from domain.base.allowances import spend
from domain.fields.forms import check_fresh, read_whole
from domain.fields.kinds import Field
from domain.fields.person import members, names
from domain.fields.records.leftover import plain_cell
from domain.fields.text import Text
from domain.lists import rows
from domain.lists.listing import demand, granted
from models import Comment, User

TEXT = Field("text", "Comment", Text(5000, long=True), required=True, missing="Write something first.")
MENTIONED = 50  # different people in one comment
TOLD = 200  # of a thread, the latest
MENTIONS = "mentioned you"
SHOWN = 100
TOPMOST = 2000
_STANDS = re.compile(r"@\{(\d{1,10})\}")
# Not within a word, an address or a link.
_BEGINS = re.compile(r"(?:(?<=^)|(?<=[\s(\[{,;:>*_~\"'„“«]))@", re.M)


def topic(listing):
    """What open pages hear when somebody comments on a row of the list."""
    return f"{listing.table}:comments"


def may_write(listing, by):
    """Whether this member may comment in the list at all."""
    return bool(listing.comments and listing.writes) and granted(by, listing.writes)


def thread(listing, row_id, limit=SHOWN):
    """The latest comments on a row, newest first."""
    stands = (Comment.table == listing.table) & (Comment.row_id == row_id)
    return list(Comment.select().where(stands).order_by(Comment.id.desc()).limit(min(limit, TOPMOST)))


def may_remove(comment, by):
    """Whoever wrote it, and who may remove everybody's."""
    return comment.by_id == by.user.id or by.may("comments.remove_all")


@writes
def add(rules, id, form, *, by, page, parent=None, key=""):
    """Say something about a row that they see; returns (the Comment, names of who can't see it and isn't told).

    `page` is the address of the list. A form that is sent twice with one `key` says it once. Refuses with Invalid,
    Forbidden, NotFound, and TooOften beyond thirty a minute.
    """
    row, listing = _row(rules, id, by, parent), rules.listing
    key = changes.form_key(key)
    if key and (made := changes.made(by, topic(listing), key)):
        return _stored(listing, row.id, made.row_id), []
    text, mentions = _read(form)
    spend("comments", by.user)
    comment = Comment.create(table=listing.table, row_id=row.id, by=by.user, text=text, mentions=mentions)
    changes.record(by.organization, topic(listing), comment.id, "created", by=by.user, batch=key)
    others = {listing.column(name).of(row) for name in listing.belongs} | _who_spoke(listing, row.id)
    return comment, _tell_readers(rules, row, comment, by, page, parent, set(mentions), others)


@writes
def change(rules, id, comment_id, form, *, by, page, parent=None, was=None):
    """Say it otherwise: one's own alone. Who is mentioned only now is told. Returns as `add` does.

    Refuses with Stale where it was changed since the form was filled with `was`, and as `add` does.
    """
    row, listing = _row(rules, id, by, parent), rules.listing
    comment = _stored(listing, row.id, comment_id)
    if comment.by_id != by.user.id:
        raise Forbidden("Only whoever wrote a comment can change it.")
    text, mentions = _read(form)
    check_fresh("comment", (TEXT,), {"text": editable(comment)}, {"text": form["text"]}, was or {})
    if text == comment.text:
        return comment, []
    spend("comments", by.user)
    before = set(comment.mentions)
    Comment.update(text=text, mentions=mentions, edited_at=now()).where(Comment.id == comment.id).execute()
    comment.text, comment.mentions = text, mentions
    changes.record(by.organization, topic(listing), comment.id, "updated", by=by.user)
    return comment, _tell_readers(rules, row, comment, by, page, parent, set(mentions) - before)


@writes
def remove(rules, id, comment_id, *, by, parent=None):
    """Take a comment away for good: one's own, or anybody's by who may. Refuses with Forbidden or NotFound."""
    row, listing = _row(rules, id, by, parent), rules.listing
    comment = _stored(listing, row.id, comment_id)
    if not may_remove(comment, by):
        raise Forbidden("Only whoever wrote a comment, and admins, can remove it.")
    Comment.delete().where(Comment.id == comment.id).execute()
    changes.record(by.organization, topic(listing), comment.id, "deleted", by=by.user)
    if comment.by_id != by.user.id:
        summary = f"Removed a comment on a {listing.thing}"
        audit.record("comment.removed", summary, by=by.user, organization=by.organization, target=comment)


def _row(rules, id, by, parent):
    """The row, for whoever may see it and comment here."""
    if not rules.listing.comments:
        raise NotFound()
    row = rows.get(rules, id, by, parent)
    demand(by, rules.listing.writes)
    return row


def _stored(listing, row_id, comment_id):
    stands = (Comment.id == comment_id, Comment.table == listing.table, Comment.row_id == row_id)
    if (comment := Comment.one(*stands)) is None:
        raise NotFound("This comment isn't here: it was removed.")
    return comment


# --- mentions ----------------------------------------------------------------------------------------------------


def handles():
    """What a member is mentioned by → their id; who share a name are told apart by their address."""
    present, found = members(), {}
    called = list(present.values())
    shared = {id for id, name in present.items() if called.count(name) > 1}
    emails = dict(User.select(User.id, User.email).where(User.id.in_(shared)).tuples()) if shared else {}
    for id, name in present.items():
        found[f"{name} ({emails[id]})" if id in shared else name] = id
    return found


def _read(form):
    """The text of a form as it is kept, and the ids of who is mentioned. Refuses with Invalid."""
    text, mentions = read_whole((TEXT,), form)["text"], []
    known = sorted(((handle.casefold(), id) for handle, id in handles().items()), key=lambda one: -len(one[0]))
    parts = _BEGINS.split(text)
    for place, part in enumerate(parts[1:], 1):
        begin = part.casefold()
        fits = (one for one in known if begin.startswith(one[0]) and not begin[len(one[0]) :][:1].isalnum())
        handle, id = next(fits, ("", None))
        if id is None or len(begin) != len(part):  # a name whose letters change their number isn't cut
            parts[place] = f"@{part}"
            continue
        parts[place] = f"@{{{id}}}{part[len(handle) :]}"
        mentions += [] if id in mentions else [id]
    if len(mentions) > MENTIONED:
        raise Invalid({"text": f"Mention at most {MENTIONED} people in one comment; this has {len(mentions)}."})
    return "".join(parts), mentions


def mentioned(comment, called):
    """The text with each mention as `called` (id) says."""
    ids = set(comment.mentions)
    return _STANDS.sub(lambda found: called(int(found[1])) if int(found[1]) in ids else found[0], comment.text)


def editable(comment):
    """The text as its form has it."""
    called = {id: handle for handle, id in handles().items()}
    gone = names(set(comment.mentions) - set(called))
    return mentioned(comment, lambda id: f"@{called.get(id) or gone.get(id, '')}")


# --- who is told -------------------------------------------------------------------------------------------------


def _who_spoke(listing, row_id):
    stands = (Comment.table == listing.table) & (Comment.row_id == row_id)
    latest = Comment.select(Comment.by).where(stands).order_by(Comment.id.desc()).limit(TOLD)
    return {id for (id,) in latest.tuples()}


def _tell_readers(rules, row, comment, by, page, parent, mentions, others=frozenset()):
    """Tell who is mentioned and the others, each once; returns who of the mentioned can't see it.

    Who has left the organization by the time it is sent hears nothing: `outgoing` asks again.
    """
    called = names(comment.mentions)
    unseen, plain = [], mentioned(comment, lambda id: f"@{called.get(id, '')}")
    for id in sorted((mentions | others) - {None, by.user.id}):
        reader = by.colleague(id)
        if reader is None:
            continue
        title = _title(rules, row.id, reader, parent)
        if title is None:
            unseen += [reader.user.name] if id in mentions else []
            continue
        verb = MENTIONS if id in mentions else "commented"
        about = {"title": title[:200], "verb": verb, "text": plain[:1000], "link": f"{page}/{row.id}"}
        _leave(comment, reader, by, about)
    return unseen


def _title(rules, row_id, reader, parent):
    """What the row is called for this reader, or None where they can't see it."""
    theirs = rules.seen_by(reader) if rules.seen_by else rules
    if not granted(reader, theirs.listing.reads):
        return None
    try:
        row = rows.get(theirs, row_id, reader, parent)
    except (NotFound, Forbidden):
        return None
    first = theirs.listing.first
    return plain_cell(theirs.listing.by_name[first].kind, theirs.listing.column(first).of(row))


def _leave(comment, reader, by, about):
    """News for one reader: that they are mentioned, or that somebody commented."""
    link, organization = about["link"], by.organization
    letter = about | {
        "name": reader.user.name,
        "by": by.user.name,
        "organization": organization.name,
        "link": f"{configuration.active.site_url}{link}",
    }
    outgoing.notify(
        reader.user,
        "comment_mention" if about["verb"] == MENTIONS else "comment",
        f"comment:{comment.id}",
        f"{by.user.name} {about['verb']}: {about['title']}",
        body=about["text"][:300],
        link=link,
        organization=organization,
        letter=("comment", letter),
    )

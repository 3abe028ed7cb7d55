"""What the site says of its own: posts of the blog, and legal pages. Written in Markdown, seen once published."""

from functools import partial

from database.clock import now
from database.locks import lock
from database.transactions import writes
from domain import Invalid, NotFound, Refused, existing
from domain.base import audit
from domain.fields.choice import Choice
from domain.fields.forms import check_fresh, read_whole
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.text import Text
from domain.lists.listing import Act, Listing, both
from domain.lists.searches import Parts
from domain.organizations.organizations import slugged
from models import Article, User

STATE = Choice((("draft", "Draft", "quiet"), ("published", "Published", "good")))
CALLED = {"post": ("post", "posts"), "legal": ("page", "pages")}
PAGE = 20  # posts
FIELDS = (
    Field("title", "Title", Text(120, 1), True),
    Field("slug", "In its address", Text(80), help="Made from the title while this is empty."),
    Field("summary", "Summary", Text(300), help="One sentence, for lists and for who shares it."),
    Field("body", "Text", Text(60_000, long=True), help="Markdown: # for headings, - for lists, **strong**."),
)


def one(kind, id):
    """The article, published or not. Refuses with NotFound."""
    return existing(Article.one(Article.id == (id or 0), Article.kind == kind), f"There is no such {CALLED[kind][0]}.")


def published(kind, before=None):
    """What strangers see: posts, the newest first, PAGE + 1 of them from before a moment; legal pages by title."""
    query = Article.select().where(Article.kind == kind, Article.state == "published")
    if kind == "legal":
        return list(query.order_by(Article.title).limit(50))
    if before:
        query = query.where(Article.published_at < before)
    return list(query.order_by(Article.published_at.desc(), Article.id.desc()).limit(PAGE + 1))


def moment_of(id):
    """When a post was published, for what comes before it; None where it wasn't."""
    found = Article.one(Article.id == id, Article.kind == "post", Article.state == "published")
    return found and found.published_at


def find(kind, slug):
    """What strangers see at an address. Refuses with NotFound."""
    found = Article.one(Article.kind == kind, Article.slug == slug[:80], Article.state == "published")
    if found is None:
        raise NotFound("There is nothing at this address.")
    return found


@writes
def make(kind, form, *, by):
    """Begin a draft. Refuses with Invalid."""
    values = _read(kind, form)
    row = Article.create(kind=kind, author=by, **values)
    audit.record(f"content.{kind}_made", f"Began “{row.title}”", by=by, category="admin", target=row)
    return row


@writes
def change(kind, id, form, *, by, was=()):
    """Write it anew; what is published is so at once. `was` is what the form was filled with: refuses with Stale where
    somebody else changed it meanwhile, and with Invalid."""
    lock("article", id)
    row = one(kind, id)
    values = _read(kind, form, id)
    current = {field.name: getattr(row, field.name) for field in FIELDS}
    check_fresh(CALLED[kind][0], FIELDS, current, values, dict(was))
    if values != current:
        Article.update(**values).where(Article.id == id).execute()
        audit.record(f"content.{kind}_changed", f"Changed “{values['title']}”", by=by, category="admin", target=row)
    return one(kind, id)


def _read(kind, form, id=0):
    values = {name: value or "" for name, value in read_whole(FIELDS, form).items()}
    values["slug"] = slugged(values["slug"] or values["title"], CALLED[kind][0])
    if Article.one(Article.kind == kind, Article.slug == values["slug"], Article.id != id):
        raise Invalid({"slug": f"“{values['slug']}” is the address of another {CALLED[kind][0]}. Choose another one."})
    return values


@writes
def publish(kind, id, *, by):
    """Show it to everybody; a post keeps the moment at which it was shown first. Refuses with Invalid while it says
    nothing, and what is published."""
    row = one(kind, id)
    if not row.body.strip():
        raise Invalid({"body": "Write something first."})
    values = {"state": "published", "published_at": row.published_at or now()}
    if not Article.update(**values).where(Article.id == id, Article.state == "draft").execute():
        raise Refused(f"“{row.title}” is published already.")
    audit.record(f"content.{kind}_published", f"Published “{row.title}”", by=by, category="admin", target=row)
    return f"“{row.title}” is published."


@writes
def withdraw(kind, id, *, by):
    """Make it a draft again, which nobody else sees."""
    row = one(kind, id)
    if not Article.update(state="draft").where(Article.id == id, Article.state == "published").execute():
        raise Refused(f"“{row.title}” is a draft already.")
    audit.record(f"content.{kind}_withdrawn", f"Withdrew “{row.title}”", by=by, category="admin", target=row)
    return f"“{row.title}” is a draft again: nobody sees it."


@writes
def delete(kind, id, *, by):
    """Remove a draft for good."""
    row = one(kind, id)
    if not Article.delete().where(Article.id == id, Article.state == "draft").execute():
        raise Refused("What is published is withdrawn first.")
    audit.record(f"content.{kind}_deleted", f"Deleted “{row.title}”", by=by, category="admin", target=row)


def _authors(shown, by):
    there = Article.select(Article, User).join(User).where(Article.id << [row.id for row in shown]) if shown else ()
    return {row.id: (("quiet", row.author.name),) for row in there}


def _listing(kind, title, about, empty):
    thing, things = CALLED[kind]
    return Listing(
        *(f"{kind}_articles", thing, things, Article),
        (
            Field("title", "Title", Text(120)),
            Field("state", "State", STATE, acted=True),
            Field("published_at", "Published", Moment(past=True), acted=True),
        ),
        both("newest", "Oldest first", "Newest first", first="down", column="id"),
        only=Article.kind == kind,
        search=Parts((Article.title, Article.summary)),
        acts=(
            Act(
                *("publication", "Publish", partial(publish, kind), "content.write"),
                when=lambda row: row.state == "draft",
            ),
            Act(
                *("withdrawal", "Withdraw", partial(withdraw, kind), "content.write"),
                when=lambda row: row.state == "published",
            ),
            Act(
                *("deletion", "Delete", partial(delete, kind), "content.write", "It is deleted."),
                when=lambda row: row.state == "draft",
                confirm="Delete {name}? This can't be undone.",
                tone="danger",
            ),
        ),
        notes=("Written by", _authors),
        chips="state",
        under=("summary",),
        link=lambda row: f"/admin/{'blog' if kind == 'post' else 'legal'}/{row.id}",
        reads="content.write",
        icon="pencil",
        title=title,
        about=about,
        empty=(("all", empty),),
    )


listings = {
    "post": _listing(
        *("post", "Blog", "What is new, for whoever reads the site’s blog at /blog."),
        "Tell what is new. Nobody reads a draft before you publish it.",
    ),
    "legal": _listing(
        *("legal", "Legal pages", "Terms, privacy and imprint, linked below every public page."),
        "Write the terms, say. Nobody reads a draft before you publish it.",
    ),
}

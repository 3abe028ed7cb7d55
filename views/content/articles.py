"""What everybody reads of the site's own: its blog with a feed, and its legal pages."""

from datetime import UTC
from xml.etree import ElementTree

from flask import Blueprint, Response, request
from markupsafe import Markup

from database.clock import now
from domain.base import configuration, settings
from domain.content import articles
from domain.fields.kinds import whole
from domain.lists import markdown
from views import access, pages

blueprint = Blueprint("articles", __name__)
ATOM = "http://www.w3.org/2005/Atom"


@blueprint.app_template_global()
def legal_pages():
    """(title, address) of each, for the foot of public pages."""
    return [(page.title, f"/legal/{page.slug}") for page in articles.published("legal")]


@blueprint.app_template_filter()
def article(text):
    return Markup(markdown.article(text))  # noqa: S704  # sanitized there


@blueprint.get("/blog")
@access.public
def blog():
    oldest = whole(request.args.get("before", ""))
    before = articles.moment_of(oldest) if oldest else None
    found = articles.published("post", before)
    more = found[articles.PAGE - 1].id if len(found) > articles.PAGE else None
    return pages.page("content/blog.html", posts=found[: articles.PAGE], more=more, here="blog")


@blueprint.get("/blog/<slug>")
@access.public
def post(slug):
    return pages.page("content/article.html", article=articles.find("post", slug), kind="post", here="blog")


@blueprint.get("/legal/<slug>")
@access.public
def legal(slug):
    return pages.page("content/article.html", article=articles.find("legal", slug), kind="legal", here="legal")


@blueprint.get("/blog/feed.xml")
@access.public
def feed():
    """The newest posts as Atom (RFC 4287)."""
    site, posts = configuration.active.site_url, articles.published("post")[: articles.PAGE]
    root = ElementTree.Element("feed", xmlns=ATOM)
    changed = max((one.updated_at for one in posts), default=now())
    for name, text in (("id", f"{site}/blog"), ("title", settings.get("site_name")), ("updated", _moment(changed))):
        ElementTree.SubElement(root, name).text = text
    ElementTree.SubElement(root, "link", href=f"{site}/blog/feed.xml", rel="self")
    ElementTree.SubElement(root, "link", href=f"{site}/blog")
    for one in posts:
        _enter(root, one, f"{site}/blog/{one.slug}")
    body = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return Response(body, content_type="application/atom+xml; charset=utf-8")


def _enter(root, one, address):
    entry = ElementTree.SubElement(root, "entry")
    parts = {"id": address, "title": one.title, "updated": _moment(one.updated_at)}
    for name, text in (parts | {"published": _moment(one.published_at), "summary": one.summary or one.title}).items():
        ElementTree.SubElement(entry, name).text = text
    ElementTree.SubElement(entry, "link", href=address)
    author = ElementTree.SubElement(entry, "author")
    ElementTree.SubElement(author, "name").text = one.author.name if one.author else settings.get("site_name")


def _moment(value):
    return value.astimezone(UTC).isoformat(timespec="seconds")

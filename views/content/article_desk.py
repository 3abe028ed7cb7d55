"""Writing the blog and the legal pages: the lists, and one article as it is written."""

from flask import Blueprint
from htmx_flask import request

from domain import Refused
from domain.content import articles
from domain.fields.forms import as_text
from domain.lists import rows
from views import access, pages
from views.lists import routes

blueprint = Blueprint("article_desk", __name__)
AT = {"post": "/admin/blog", "legal": "/admin/legal"}
NAV = {"post": "blog", "legal": "legal"}


def _add(kind):
    at, thing = AT[kind], articles.CALLED[kind][0]
    more = {"side": "platform", "nav": NAV[kind], "prefix": f"{kind}_", "template": "content/list.html"}
    about = {"new": f"{at}/new", "thing": thing}
    routes.add(blueprint, rows.Rules(articles.listings[kind]), at, context=lambda place: about, **more)

    @blueprint.get(f"{at}/new", endpoint=f"{kind}_new")
    @access.platform("content.write")
    def new():
        return _draw(kind)

    @blueprint.post(f"{at}/new", endpoint=f"{kind}_create")
    @access.platform("content.write")
    def create():
        try:
            made = articles.make(kind, request.form, by=access.me())
        except Refused as refusal:
            return _draw(kind, refusal=refusal)
        return pages.go(f"{at}/{made.id}", "The draft is kept.")

    @blueprint.get(f"{at}/<id:id>", endpoint=f"{kind}_edit")
    @access.platform("content.write")
    def edit(id):
        return _draw(kind, articles.one(kind, id))

    @blueprint.post(f"{at}/<id:id>", endpoint=f"{kind}_update")
    @access.platform("content.write")
    def update(id):
        row = articles.one(kind, id)
        try:
            articles.change(kind, id, request.form, by=access.me(), was=pages.was())
            said = articles.publish(kind, id, by=access.me()) if request.form.get("act") == "publish" else "Saved."
        except Refused as refusal:
            return _draw(kind, row, refusal)
        return pages.go(f"{at}/{id}", said)


def _draw(kind, row=None, refusal=None):
    was = {field.name: as_text(field, getattr(row, field.name) if row else "") for field in articles.FIELDS}
    sent = request.form if refusal else {}
    return pages.page(
        "content/edit.html",
        refusal.status if refusal else 200,
        kind=kind,
        article=row,
        fields=articles.FIELDS,
        was=was,
        values={name: sent.get(name, text) for name, text in was.items()},
        errors=refusal.beside() if refusal else {},
        back=AT[kind],
        title=articles.listings[kind].title,
        thing=articles.CALLED[kind][0],
        here=NAV[kind],
    )


for _kind in AT:
    _add(_kind)

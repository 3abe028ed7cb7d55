"""Templates and campaigns of flyers, for who makes them."""

from flask import Blueprint, Response, g, redirect, request

from domain.flyers.organizing import campaigns, captions, templates
from views import access
from views.lists import routes

blueprint = Blueprint("flyers", __name__)


PARTS = (("campaigns", "Campaigns"), ("templates", "Templates"), ("figures", "Figures"), ("batches", "Batches"))


def tabs(section):
    base = f"/{g.by.organization.slug}/flyers"
    seen = [part for part in PARTS if part[0] != "batches" or g.by.may("flyers.write")]
    return {"sections": [(key, label, f"{base}/{key}") for key, label in seen], "section": section}


def _of_template(place, row):
    return tabs("templates") | {
        "advice": templates.advice(row),
        "faint": templates.hard_to_read(row),
        "outdated": templates.outdated(row),
        "picture": f"{place.url}/{row.id}/preview.jpg",
        "edits": f"{place.url}/{row.id}/edit",
        "may_edit": row.state != "archived" and g.by.may("flyers.write"),
    }


def _of_campaign(place, row):
    caption = f"{place.url}/{row.id}/caption" if captions.may(g.by) else ""
    return tabs("campaigns") | {"phases": f"{place.url}/{row.id}/phases", "campaign": row, "caption": caption}


def _around_phases(place):
    return tabs("campaigns") | {"campaign": campaigns.one(place.ask.parent)}


LIST = {"nav": "flyers", "template": "flyers/list.html"}
routes.add(
    blueprint,
    templates.rules,
    "/flyers/templates",
    prefix="templates_",
    context=lambda place: tabs("templates"),
    row_template="flyers/template.html",
    row_context=_of_template,
    **LIST,
)
routes.add(
    blueprint,
    campaigns.rules,
    "/flyers/campaigns",
    prefix="campaigns_",
    context=lambda place: tabs("campaigns"),
    row_template="flyers/campaign_row.html",
    row_context=_of_campaign,
    **LIST,
)
routes.add(
    blueprint,
    campaigns.phases,
    "/flyers/campaigns/<id:parent>/phases",
    prefix="phases_",
    context=_around_phases,
    **LIST,
)


@blueprint.get("/<organization>/flyers")
@access.member("flyers.read")
def index():
    return redirect(f"/{g.by.organization.slug}/flyers/campaigns", 303)


@blueprint.get("/<organization>/flyers/templates/<id:id>/preview.jpg")
@access.member("flyers.read")
def preview(id):
    """Its draft with somebody's name, drawn by the server."""
    template = templates.one(id)
    drawn = templates.preview(template.draft, template.event, request.args.get("try", "usual"))
    response = Response(drawn, content_type="image/jpeg")
    response.headers["Cache-Control"] = "private, no-store"
    return response

"""A caption for a campaign, suggested where the configuration names who writes it."""

import secrets

from flask import Blueprint, g, request

from domain import NotFound
from domain.base.changes import form_key
from domain.flyers import addresses
from domain.flyers.organizing import campaigns, captions
from views import access, pages
from views.flyers import managing

blueprint = Blueprint("flyer_captions", __name__)
HERE = "/<organization>/flyers/campaigns/<id:id>/caption"


def _draw(campaign, text="", trouble=""):
    return pages.page(
        "flyers/caption.html",
        campaign=campaign,
        text=text,
        trouble=trouble,
        link=addresses.campaign(campaign),
        price=captions.PRICE,
        key=secrets.token_hex(16),
        here="flyers",
        **managing.tabs("campaigns"),
    )


@blueprint.get(HERE)
@access.member("flyers.write")
def show(id):
    campaign = campaigns.one(id)
    if not captions.asking.is_set():
        raise NotFound("This site suggests no captions.")
    return _draw(campaign)


@blueprint.post(HERE)
@access.member("flyers.write")
def suggest(id):
    campaign = campaigns.one(id)
    key = form_key(request.form.get("form_key", "")) or secrets.token_hex(16)
    return _draw(campaign, *captions.suggest(campaign, key, by=g.by))

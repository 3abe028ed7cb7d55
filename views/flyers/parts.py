"""What a maker's page fetches once and may keep for ever: a published design and the pictures in it."""

from flask import Blueprint, Response, jsonify

from domain.flyers import campaign_pages, flyers, samples
from views import access
from views.safety.marks import unlimited

blueprint = Blueprint("flyers_parts", __name__)
FOR_EVER = "public, max-age=31536000, immutable"


@blueprint.get("/flyers/spec/<version>.json")
@access.public
@unlimited
def design(version):
    """A version is write-once, so its address says all."""
    response = jsonify(campaign_pages.version(version).spec)
    response.headers["Cache-Control"] = FOR_EVER
    return response


@blueprint.get("/flyers/spec/<version>/<name>")
@access.public
@unlimited
def picture(version, name):
    """A picture that the version names by its hash, or «sample.jpg»: what it looks like before anybody fills it in."""
    found = campaign_pages.version(version)
    type, data = ("image/jpeg", samples.of(found)) if name == "sample.jpg" else flyers.picture_of(found, name)
    response = Response(data, content_type=type)
    response.headers["Cache-Control"] = FOR_EVER
    return response

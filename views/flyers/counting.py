"""What browsers tell of flyers: taken at once, written soon, and answered with nothing, whatever it was."""

from flask import Blueprint, Response, request

from domain.base import allowances, outgoing
from domain.flyers import funnel
from views import access
from views.places import network
from views.safety import limits
from views.safety.marks import unlimited

blueprint = Blueprint("flyers_counting", __name__)


@blueprint.post("/flyers/e")
@unlimited
@access.public
def take():
    """A whole hall tells by one address, so no limit of pages counts it but a wide one of its own, which answers as
    always; what waits is bounded."""
    browser = request.headers.get("User-Agent", "")
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    place = network(limits.address())
    if (request.content_length or 0) <= funnel.BODY and funnel.is_people(browser, purpose) and _is_heard(place):
        told = funnel.read(request.get_data(cache=False))
        if told and not _is_its_own(*told):
            campaign, version, token, code, acts = told
            visitor = funnel.visitor_of_day(place, browser)
            campaign = campaign if funnel.is_of_page(campaign, token) else 0
            funnel.take(campaign, version, code, acts, visitor=visitor)
    return Response(status=204, headers={"Cache-Control": "no-store"})


def _is_heard(place):
    try:
        allowances.spend("beacons", place)
    except allowances.TooOften:
        return False
    return True


def _is_its_own(campaign, version, token, code, acts):
    """Whether somebody of the organization itself looks at its pages."""
    me = access.me()
    whose = me and funnel.organization_of(campaign, version, code)
    return bool(whose) and outgoing.belongs(me.id, whose)

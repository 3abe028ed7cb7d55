"""Passes in a phone's wallet: a file for Apple's, a link for Google's. Whoever has a pass's address may."""

from contextlib import suppress

from flask import Blueprint, Response, redirect

from database.scope import inside
from domain import NotFound
from domain.events import passes, reported, shop
from domain.events.carriers import covers, prints, tickets, wallets
from views import access

blueprint = Blueprint("carriers", __name__)
HELD = "/passes/<serial>/<token>"


@blueprint.get("/e/<slug>/share.png")
@access.public
def share(slug):
    """The picture that others show beside a link to the event; it changes with the event. It is a JPEG, whatever its
    address says, where the event's own picture is in it."""
    event, cover = reported.open_page(slug).event, b""
    with inside(event.organization_id):
        with suppress(NotFound):
            _, cover = covers.content(event.id)
        picture = prints.share_picture(
            organization=reported.organizer(event),
            title=event.title,
            when=shop.when(event),
            place=event.venue or "Online",
            cover=cover,
        )
    kept = {"Cache-Control": "public, max-age=3600"}
    return Response(picture, mimetype="image/jpeg" if cover else "image/png", headers=kept)


@blueprint.get(HELD + "/ticket.pkpass")
@access.public
def apple(serial, token):
    one = passes.find(serial, token)
    if not wallets.has_apple():
        raise NotFound("This site makes no passes for Apple's wallet.")
    with inside(one.organization_id):
        data = wallets.apple(tickets.in_wallet(one))
    return Response(data, mimetype=wallets.TYPE, headers={"Cache-Control": "no-store"})


@blueprint.post(HELD + "/google")
@access.public
def google(serial, token):
    """The link holds the holder's name, so it is made only once somebody asks for it."""
    one = passes.find(serial, token)
    if not wallets.has_google():
        raise NotFound("This site makes no links for Google's wallet.")
    with inside(one.organization_id):
        return redirect(wallets.google(tickets.in_wallet(one)), 303)

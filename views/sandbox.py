"""The sandbox provider's own pages: its checkout, and a desk to make time pass. Never in production."""

from datetime import UTC, datetime

from flask import Blueprint, redirect

from domain import NotFound, configuration
from domain.providers import sandbox
from views import access, pages

blueprint = Blueprint("sandbox", __name__, url_prefix="/sandbox")


@blueprint.before_request
def _only_here():
    if configuration.active.billing_provider != "sandbox":
        raise NotFound()


@blueprint.get("")
@access.signed_in
def index():
    def from_epoch(seconds):
        return datetime.fromtimestamp(seconds, UTC)

    return pages.page("sandbox/index.html", subscriptions=sandbox.subscriptions(), from_epoch=from_epoch)


@blueprint.get("/checkout/<id>")
@access.public
def checkout(id):
    return pages.page("sandbox/checkout.html", checkout=sandbox.get(id, "checkout.session"))


@blueprint.post("/checkout/<id>/payment")
@access.public
def pay(id):
    return redirect(sandbox.pay(id)["success_url"], 303)


@blueprint.post("/subscriptions/<id>/renewal")
@access.signed_in
def renew(id):
    sandbox.renew(id)
    return pages.go("/sandbox", "Renewed: the next period has begun and its invoice is paid.")


@blueprint.post("/subscriptions/<id>/failure")
@access.signed_in
def fail(id):
    sandbox.renew(id, paid=False)
    return pages.go("/sandbox", "The next period has begun, and its payment failed.", "warn")


@blueprint.post("/subscriptions/<id>/end")
@access.signed_in
def end(id):
    sandbox.end_period(id)
    return pages.go("/sandbox", "The period is over; the subscription has ended.", "info")

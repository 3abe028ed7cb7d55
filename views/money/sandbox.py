"""The sandbox provider's own pages: its checkout, its portal, its API over the wire, and a desk to make time
pass. Never in production."""

import re
from datetime import UTC, datetime
from decimal import Decimal

from flask import Blueprint, Response, redirect, request

from domain import Invalid, NotFound
from domain.base import configuration
from domain.fields.kinds import clean
from domain.money import owners
from domain.money.providers import sandbox
from views import access, pages
from views.safety.marks import unlimited

blueprint = Blueprint("sandbox", __name__, url_prefix="/sandbox")
EVENTS = 25
PASS = {"1": "A day passed.", "7": "A week passed.", "30": "Thirty days passed."}


@blueprint.before_request
def _only_here():
    if not configuration.active.has_sandbox:
        raise NotFound()


@blueprint.app_template_filter("from_epoch")
def _from_epoch(seconds):
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _page(template, **more):
    return pages.page(f"money/sandbox/{template}.html", cards=sandbox.CARDS, **more)


# --- the API ------------------------------------------------------------------------------------------------


@blueprint.route("/api/<path:name>", methods=["GET", "POST", "PATCH", "DELETE"])
@unlimited
@access.machine
def api(name):
    """The provider's API, for curl and the official libraries; its key is the door."""
    query, body = request.query_string.decode("utf-8", "replace"), request.get_data(cache=False)
    status, headers, text = sandbox.dialect().answer(request.method, f"/{name}", query, body, request.headers)
    return Response(text, status, headers, content_type="application/json")


# --- the customer's pages -----------------------------------------------------------------------------------


@blueprint.get("/checkout/<id>")
@access.public
def checkout(id):
    held = sandbox.get(id, "checkout")
    if "lines" in held:
        cards = {card: sandbox.CARDS[card] for card in sandbox.PAGE_CARDS}
        return _page("lines", checkout=held, own_cards=cards, confirm="confirm" in request.args)
    bought = sandbox.price(held["price"])
    return _page("checkout", checkout=held, price=bought, confirm="confirm" in request.args)


@blueprint.post("/checkout/<id>/payment")
@access.public
def pay(id):
    card, confirmed = request.form.get("card", "ok") or None, "confirmed" in request.form
    pays = sandbox.pay_page if "lines" in sandbox.get(id, "checkout") else sandbox.pay
    try:
        paid = pays(id, card, confirmed)
    except sandbox.Declined as no:
        if no.why == "authentication_required":
            return redirect(f"/sandbox/checkout/{sandbox.get(id)['id']}?confirm=1", 303)
        raise
    return redirect(paid["success_url"] if paid["status"] == "complete" else f"/sandbox/checkout/{paid['id']}", 303)


@blueprint.get("/invoices/<id>")
@access.public
def invoice(id):
    held = sandbox.get(id, "invoice")
    return _page("invoice", invoice=held, customer=sandbox.get(held["customer"]), confirm="confirm" in request.args)


@blueprint.post("/invoices/<id>/payment")
@access.public
def pay_invoice(id):
    card, confirmed = request.form.get("card") or None, "confirmed" in request.form
    here = f"/sandbox/invoices/{sandbox.get(id, 'invoice')['id']}"
    try:
        sandbox.pay_invoice(id, card, confirmed)
    except sandbox.Declined as no:
        if no.why == "authentication_required":
            return redirect(f"{here}?confirm=1", 303)
        raise
    return pages.go(here)


@blueprint.get("/portal/<id>")
@access.public
def portal(id):
    held = sandbox.get(id, "portal")
    customer = sandbox.get(held["customer"])
    mine = [one for one in sandbox.find("subscription", customer["id"]) if one["status"] not in sandbox.OVER]
    due = sandbox.find("invoice", customer["id"], status="open")
    return _page("portal", portal=held, customer=customer, subscriptions=mine, invoices=due, prices=_prices())


@blueprint.post("/portal/<id>/card")
@access.public
def change_card(id):
    held = sandbox.get(id, "portal")
    sandbox.change_customer(held["customer"], card=request.form.get("card", ""))
    return pages.go(f"/sandbox/portal/{held['id']}", "The way to pay was changed.")


@blueprint.post("/portal/<id>/cancellation")
@access.public
def cancel(id):
    """Cancel for the period's end, or (without `ends`) take that back."""
    held, wanted = sandbox.get(id, "portal"), request.form.get("subscription", "")
    if sandbox.get(wanted, "subscription")["customer"] != held["customer"]:
        raise NotFound()
    ends = "ends" in request.form
    sandbox.schedule_end(wanted, ends)
    return pages.go(f"/sandbox/portal/{held['id']}", "It ends with its period." if ends else "It goes on.")


# --- the desk -----------------------------------------------------------------------------------------------


def _prices():
    return {price["id"]: price for price in sandbox.prices()}


@blueprint.get("")
@access.signed_in
def index():
    found = sandbox.subscriptions()
    return _page(
        "index",
        subscriptions=found,
        owners={one["id"]: owners.named(one["metadata"].get("organization")) for one in found},
        prices=_prices(),
        purchases=sandbox.find("invoice", limit=100, reason="once"),
        events=sandbox.find("event", limit=EVENTS),
        clock=sandbox.clock(),
        next_due=sandbox.next_due(),
        settings=sandbox.settings(),
        chances=sandbox.CHANCES,
        outcomes=sandbox.FINALLY,
    )


@blueprint.get("/subscriptions/<id>")
@access.signed_in
def show(id):
    held = sandbox.get(id, "subscription")
    invoices = [_with_payments(one) for one in sandbox.find("invoice", held["customer"], subscription=held["id"])]
    return _page(
        "show",
        subscription=held,
        customer=sandbox.get(held["customer"]),
        price=sandbox.price(held["price"]),
        invoices=invoices,
        clock=sandbox.clock(),
    )


@blueprint.get("/purchases/<id>")
@access.signed_in
def purchase(id):
    held = sandbox.get(id, "invoice")
    return _page("show", subscription=None, customer=sandbox.get(held["customer"]), invoices=[_with_payments(held)])


def _with_payments(invoice):
    payments = sandbox.find("payment", invoice["id"])
    parts = {
        kind: [one for each in payments for one in sandbox.find(kind, each["id"])] for kind in ("refund", "dispute")
    }
    return invoice | {"payment": payments[0] if payments else None} | parts


def _back(message, tone="good"):
    return pages.go(access.same_site(request.referrer) or "/sandbox", message, tone)


@blueprint.post("/clock")
@access.signed_in
def advance():
    days, due = request.form.get("days", ""), sandbox.next_due()
    if days in PASS:
        sandbox.advance(days=int(days))
        return _back(f"{PASS[days]} What fell due was done.")
    if days != "next" or due is None:
        raise Invalid({"days": "Choose how far the clock goes."})
    sandbox.advance(max(due, sandbox.clock()))
    return _back("The clock stands at the next thing that happens, and it was done.")


@blueprint.post("/mischief")
@access.signed_in
def mischief():
    """How the provider misbehaves, in percent, and what follows on the last failed retry."""
    seed, chances = clean(request.form.get("seed", ""))[:40], {}
    for name in sandbox.CHANCES:
        percent = request.form.get(name) or "0"
        if not (percent.isascii() and percent.isdigit() and int(percent[:4]) <= 100):
            raise Invalid({name: "Give a percentage from 0 to 100."})
        chances[name] = int(percent) / 100
    sandbox.decide(request.form.get("outcome", ""))
    sandbox.mischief(seed or None, **chances)
    return _back("The provider misbehaves from here on." if seed else "The provider behaves.")


@blueprint.post("/events/<id>/delivery")
@access.signed_in
def send_again(id):
    sandbox.send_again(id)
    return _back("The event is sent again.")


@blueprint.post("/subscriptions/<id>/renewal")
@access.signed_in
def renew(id):
    sandbox.renew(id)
    return _back("Renewed: the next period has begun and its invoice is paid.")


@blueprint.post("/subscriptions/<id>/failure")
@access.signed_in
def fail(id):
    sandbox.renew(id, paid=False)
    return _back("The next period has begun, and its payment failed.", "warn")


@blueprint.post("/subscriptions/<id>/end")
@access.signed_in
def end(id):
    sandbox.end_period(id)
    return _back("The period is over; the subscription has ended.", "info")


@blueprint.post("/customers/<id>/card")
@access.signed_in
def swap_card(id):
    sandbox.change_customer(id, card=request.form.get("card", ""))
    return _back("The next payment is tried with that.")


@blueprint.post("/payments/<id>/refunds")
@access.signed_in
def refund(id):
    """Give back an amount of the currency, or what is left when none is said."""
    said = request.form.get("amount", "").strip()
    if said and not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", said):
        raise Invalid({"amount": "Give an amount such as 5.00."})
    sandbox.refund(id, int(Decimal(said) * 100) if said else None)
    return _back("The money went back.")


@blueprint.post("/refunds/<id>/failure")
@access.signed_in
def fail_refund(id):
    sandbox.fail_refund(id)
    return _back("The bank sent the refund back.", "warn")


@blueprint.post("/payments/<id>/dispute")
@access.signed_in
def dispute(id):
    sandbox.dispute(id)
    return _back("The card’s owner disputes this payment.", "warn")


@blueprint.post("/disputes/<id>/outcome")
@access.signed_in
def settle_dispute(id):
    won = "won" in request.form
    sandbox.settle_dispute(id, won)
    return _back("The dispute was won." if won else "The dispute was lost.", "good" if won else "warn")

"""Flutterwave v3: its hosted page. Written from its documentation, and never run against the provider.

Webhooks of v3 and of v4 are understood; both only say which transaction to ask for. It has no idempotency key: a refund
whose answer was lost is left for somebody to look at, and not made twice.
"""

import base64
import hashlib
import hmac
import json
from datetime import timedelta

from database.clock import now
from domain.events.providers.facts import Declined, Ended, Money, PaidOut, Part, Refund, Started, Told
from domain.events.providers.units import from_provider, to_provider
from domain.money.providers import http
from domain.money.providers.provider import BadSignature, readable

LABEL, HOST = "Flutterwave", "https://api.flutterwave.com/v3"
LASTS = timedelta(minutes=30)
REPEATS = False
DONE, FAILED = ("successful", "succeeded"), ("failed",)
CHARGEBACKS = {"won": "won", "lost": "lost", "accepted": "lost"}  # else open, also `declined`: contested, not decided
PAYOUTS = {"completed": "paid", "failed": "failed"}  # else it is on its way
KINDS = ("charge.", "refund.", "chargeback.")


def _call(account, method, path, **more):
    headers = {"Accept": "application/json"}
    return http.call(LABEL, account, method, HOST + path, _complaint, headers=headers, **more)


def _complaint(document):
    return str(document.get("message") or "")[:200] if isinstance(document, dict) else ""


def start(account, sale):
    """Open a page to pay on, for as long as the tickets are held."""
    left = max(1, int((sale.until - now()).total_seconds()) // 60)
    body = {
        "tx_ref": sale.reference,
        "amount": to_provider("flutterwave", sale.cents, sale.currency),
        "currency": sale.currency,
        "redirect_url": sale.back,
        "customer": {"email": sale.email, "name": sale.name},
        "customizations": {"title": sale.about[:100]},
        "session_duration": min(left, 1440),
        "meta": {"order": sale.order},
    }
    made = _call(account, "POST", "/payments", body=body)
    with readable(LABEL, "the payment"):
        url = str(made["data"]["link"])
        if not url.startswith("https://"):
            raise ValueError("it has no page")
        return Started(sale.reference, url)


def end(account, attempt):
    """A page of Flutterwave's can't be closed: money that comes by it later is taken or sent back."""


def look(account, attempt, refunds=()):
    """The transaction as it is now, its chargebacks, and those of its refunds that we know."""
    try:
        found = _call(account, "GET", "/transactions/verify_by_reference", params={"tx_ref": attempt.public_id})
    except http.Answered as refused:
        if refused.status in (400, 404):  # nobody has tried to pay yet
            return ()
        raise
    with readable(LABEL, "the transaction"):
        data = found["data"]
        if data["tx_ref"] != attempt.public_id:
            raise ValueError("it is another one")
        if data["status"] in FAILED:
            return (Ended(attempt.public_id, "failed"),)
        if data["status"] not in DONE:
            return ()
        currency, id = str(data["currency"]).upper(), str(int(data["id"]))
        went_back = [_asked_refund(account, one, id, currency) for one in refunds]
        amount = from_provider("flutterwave", data["amount"], currency)
        dispute, taken = _chargeback(account, data, amount, currency)
        back = max(taken, sum(one.amount_cents for one in went_back if one.state == "succeeded"))
        money = Money(
            provider=account.provider,
            account=account.id,
            id=id,
            reference=attempt.public_id,
            state="paid",
            amount_cents=amount,
            currency=currency,
            refunded_cents=min(back, amount),
            dispute=dispute,
            at=http.moment(data.get("created_at")),
        )
        return (money, *went_back)


def _chargeback(account, data, amount, currency):
    """(the state of a transaction's newest chargeback or None, what of it went back without all of it):
    https://developer.flutterwave.com/reference/endpoints/charge-backs. Where it won't list them, none is known, and
    what was paid is taken all the same."""
    try:
        found = _call(account, "GET", "/chargebacks", params={"flw_ref": data["flw_ref"]})["data"] or ()
    except http.Answered as refused:
        if refused.status in (400, 403, 404):
            return None, 0
        raise
    its = [one for one in found if int(one["transaction_id"]) == int(data["id"])]
    if not its:
        return None, 0
    newest = max(its, key=lambda one: int(one["id"]))
    state = CHARGEBACKS.get(newest["status"], "open")
    lost = from_provider("flutterwave", newest["amount"], currency)
    return ("won", lost) if state == "lost" and 0 < lost < amount else (state, 0)


def _asked_refund(account, refund, transaction, currency):
    return _refund(_call(account, "GET", f"/refunds/{int(refund)}")["data"], transaction, currency)


def _refund(thing, transaction, currency):
    return Refund(
        id=str(int(thing["id"])),
        payment=transaction,
        state=_refund_state(str(thing["status"])),
        amount_cents=from_provider("flutterwave", thing["amount_refunded"], currency),
    )


def _refund_state(status):
    """`completed` alone is begun and yet to be paid out; how it was paid out stands behind it, such as
    `completed-bank-transfer`: https://developer.flutterwave.com/v3.0.0/docs/refunds"""
    return "succeeded" if status.startswith("completed-") else "failed" if status == "failed" else "sent"


def refund(account, payment, refund, key):
    """Give back so much of a payment."""
    amount = to_provider("flutterwave", refund.amount_cents, payment.currency)
    path = f"/transactions/{int(payment.provider_payment_id)}/refund"
    try:
        made = _call(account, "POST", path, body={"amount": amount, "comments": key})
    except http.Answered as refused:
        if refused.status in (400, 404, 422):
            raise Declined(str(refused)) from refused
        raise
    with readable(LABEL, "the refund"):
        return _refund(made["data"], payment.provider_payment_id, payment.currency)


def made(account, payment, key):
    """It doesn't tell back what we gave along, so none is ever found: what isn't known, a person looks at."""


def payouts(account, since):
    """Its settlements since then, and the transactions of each:
    https://developer.flutterwave.com/v3.0/docs/settlements and its library's documentation/settlements.md"""

    def ask(place):
        return _call(account, "GET", "/settlements", params={"from": f"{since:%Y-%m-%d}", "page": place})

    def step(document, place):
        about = document["meta"]["page_info"]
        return list(document["data"]), place + 1 if place < int(about["total_pages"]) else None

    found = [one for page, _ in http.pages(LABEL, ask, step, 1) for one in page]
    return [_payout(_call(account, "GET", f"/settlements/{int(one['id'])}")["data"]) for one in found]


def _payout(one):
    with readable(LABEL, "the settlement"):
        currency = str(one["currency"]).upper()

        def cents(thing, name):
            return from_provider("flutterwave", thing.get(name) or 0, currency)

        parts = [
            Part(
                str(int(sale["id"])),
                cents(sale, "settlement_amount"),
                amount_cents=cents(sale, "charged_amount"),
                fee_cents=cents(sale, "charged_amount") - cents(sale, "settlement_amount"),
            )
            for sale in one.get("transactions") or ()
        ]
        return PaidOut(
            id=str(int(one["id"])),
            state=PAYOUTS.get(one["status"], "pending"),
            amount_cents=cents(one, "net_amount"),
            currency=currency,
            at=http.moment(one.get("processed_date") or one["due_date"]),
            parts=tuple(parts),
        )


def check(account, body, headers):
    """Refuses with BadSignature what has neither the secret hash itself in `verif-hash` (v3), nor the HMAC-SHA256 of
    the raw body under it in `flutterwave-signature` (v4). The first signs nothing: no event is believed."""
    given = {name.lower(): value.strip().encode("utf-8", "replace") for name, value in headers.items()}
    for secret in account.secrets:
        signed = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
        if hmac.compare_digest(given.get("verif-hash", b""), secret.encode()):
            return
        if hmac.compare_digest(given.get("flutterwave-signature", b""), signed):
            return
    raise BadSignature("The signature doesn't fit.")


def about(body):
    """Which attempt an event is about: v3 calls it `tx_ref`, v4 `reference`; one of a refund has its transaction alone,
    and nothing around it."""
    event = json.loads(body)
    data = event.get("data", event)
    payment = str(data.get("TransactionId") or "")
    kind = str(event.get("event") or ("refund" if payment else event["type"]))
    reference = str(data.get("tx_ref") or data.get("reference") or "")
    given = event.get("id") or event.get("webhook_id")
    id = f"{kind}:{data.get('id', '')}:{data.get('status', '')}:{reference or payment}"
    id = id if payment else str(given or id)  # each word about a refund has the refund's id
    return Told(id=id, type=kind, reference=reference if kind.startswith(KINDS) else "", payment=payment)


def attempt_of(account, payment):
    """Its events name our reference by themselves."""
    return ""

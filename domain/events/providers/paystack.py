"""Paystack: transactions on its own page. Written from its documentation, and never run against the provider.

It has no end of a page and no idempotency key: our reference, which it takes once, makes a try one; and before a refund
is asked for, those of the transaction are looked through for it.
"""

import hashlib
import hmac
import json
from datetime import timedelta
from urllib.parse import quote

from domain.events.providers.facts import (
    NEEDS_ACCOUNT,
    Declined,
    Ended,
    Money,
    PaidOut,
    Part,
    Refund,
    Started,
    Told,
)
from domain.events.providers.units import from_provider, to_provider
from domain.money.providers import http
from domain.money.providers.provider import BadSignature, NotOurs, readable

LABEL, HOST = "Paystack", "https://api.paystack.co"
LASTS = timedelta(minutes=30)
REPEATS = True
PAYOUTS = {"success": "paid", "processed": "paid", "failed": "failed"}  # else it is on its way
REFUNDS = {"processed": "succeeded", "failed": "failed"}  # else it is on its way
# Who doesn't answer in time has accepted: https://paystack.com/docs/payments/disputes
RESOLUTIONS = {"declined": "won", "merchant-accepted": "lost", "auto-accepted": "lost"}  # else somebody has to look
KINDS = ("charge.success", "charge.dispute.", "refund.")


def _call(account, method, path, **more):
    headers = {"Accept": "application/json"}
    return http.call(LABEL, account, method, HOST + path, _complaint, headers=headers, **more)


def _complaint(document):
    return str(document.get("message") or "")[:200] if isinstance(document, dict) else ""


def start(account, sale):
    """Open a page to pay on. A reference that was taken is one whose page is lost: nobody can pay there twice."""
    body = {
        "email": sale.email,
        "amount": to_provider("paystack", sale.cents, sale.currency),
        "currency": sale.currency,
        "reference": sale.reference,
        "callback_url": sale.back,
        "metadata": {"order": sale.order, "cancel_action": sale.away},
    }
    made = _call(account, "POST", "/transaction/initialize", body=body)
    with readable(LABEL, "the transaction"):
        url = str(made["data"]["authorization_url"])
        if not url.startswith("https://") or made["data"]["reference"] != sale.reference:
            raise ValueError("it is another one")
        return Started(sale.reference, url)


def end(account, attempt):
    """A page of Paystack's can't be closed: money that comes by it later is taken or sent back."""


def look(account, attempt, refunds=()):
    """The transaction as it is now, its disputes, and what went back of it."""
    try:
        found = _call(account, "GET", f"/transaction/verify/{quote(attempt.public_id, safe='')}")
    except http.NotThere:
        return ()
    with readable(LABEL, "the transaction"):
        data = found["data"]
        if data["reference"] != attempt.public_id:
            raise ValueError("it is another one")
        if (data["domain"] == "live") is not account.key.startswith("sk_live_"):
            raise NotOurs("It is of the other mode than this account's key.")
        if data["status"] in ("success", "reversed"):
            return _money(account, attempt, data)
        return (Ended(attempt.public_id, "failed"),) if data["status"] == "failed" else ()


def _money(account, attempt, data):
    currency, id = str(data["currency"]).upper(), str(int(data["id"]))
    # Where the buyer bears the fees, more is charged than was asked for, and what was asked for is ours.
    charged, asked = (
        from_provider("paystack", data.get(name) or 0, currency) for name in ("amount", "requested_amount")
    )
    amount = min(charged, asked) if asked else charged
    went_back = _refunds(account, id, currency)
    dispute, taken = _dispute(account, id, amount, currency)
    back = max(taken, sum(one.amount_cents for one in went_back if one.state == "succeeded"))
    money = Money(
        provider=account.provider,
        account=account.id,
        id=id,
        reference=attempt.public_id,
        state="paid",
        amount_cents=amount,
        currency=currency,
        refunded_cents=amount if data["status"] == "reversed" else min(back, amount),
        dispute=dispute,
        at=http.moment(data.get("paid_at")),
    )
    return (money, *went_back)


def _refunds(account, transaction, currency):
    with readable(LABEL, "its refunds"):
        found = _call(account, "GET", "/refund", params={"transaction": transaction, "perPage": 100})["data"]
        return [_refund(one, transaction, currency) for one in found]


def _refund(thing, transaction, currency):
    return Refund(
        id=str(thing["id"]),
        payment=transaction,
        state=REFUNDS.get(thing["status"], "sent"),
        amount_cents=from_provider("paystack", thing["amount"], str(thing.get("currency") or currency)),
        key=str(thing.get("merchant_note") or ""),
        error=NEEDS_ACCOUNT if thing["status"] == "needs-attention" else "",
    )


def _dispute(account, transaction, amount, currency):
    """(the state of the newest dispute of a transaction or None, what of it went back without all of it)."""
    try:
        found = _call(account, "GET", f"/dispute/transaction/{transaction}")
    except http.NotThere:
        return None, 0
    with readable(LABEL, "its disputes"):
        data = found["data"]
        newest = data[0] if isinstance(data, list) and data else data
        if not newest:
            return None, 0
        state = RESOLUTIONS.get(newest.get("resolution"), "open") if newest["status"] == "resolved" else "open"
        lost = from_provider("paystack", newest.get("refund_amount") or 0, currency)
        return ("won", lost) if state == "lost" and 0 < lost < amount else (state, 0)


def refund(account, payment, refund, key):
    """Give back so much of a payment; one that was asked for with this key is found and not made again."""
    transaction = payment.provider_payment_id
    if held := made(account, payment, key):
        return held
    amount = to_provider("paystack", refund.amount_cents, payment.currency)
    body = {"transaction": transaction, "amount": amount, "currency": payment.currency, "merchant_note": key}
    try:
        answer = _call(account, "POST", "/refund", body=body)
    except http.Answered as refused:
        if refused.status in (400, 404):
            raise Declined(str(refused)) from refused
        raise
    with readable(LABEL, "the refund"):
        return _refund(answer["data"] | {"merchant_note": key, "amount": amount}, transaction, payment.currency)


def made(account, payment, key):
    """The refund of a payment that was made with this key."""
    told = _refunds(account, payment.provider_payment_id, payment.currency)
    return next((one for one in told if one.key == key), None)


def banks(account, currency):
    """The banks that a buyer may have an account at: https://paystack.com/docs/api/miscellaneous/#bank"""
    found = _call(account, "GET", "/bank", params={"currency": currency, "perPage": 100})
    with readable(LABEL, "the banks"):
        return tuple((str(int(one["id"])), str(one["name"])) for one in found["data"])


def give_account(account, refund, currency, bank, number):
    """Tell where a refund that needs attention goes to: https://paystack.com/docs/api/refund/#retry"""
    details = {"currency": currency, "account_number": number, "bank_id": bank}
    path = f"/refund/retry_with_customer_details/{quote(refund.provider_refund_id, safe='')}"
    try:
        answer = _call(account, "POST", path, body={"refund_account_details": details})
    except http.Answered as refused:
        if refused.status in (400, 404, 422):
            raise Declined(str(refused)) from refused
        raise
    with readable(LABEL, "the refund"):
        # It is on its way from here on, whatever the answer repeats of how it stood.
        return _refund(
            answer["data"] | {"id": refund.provider_refund_id, "status": "processing"},
            refund.payment.provider_payment_id,
            currency,
        )


def payouts(account, since):
    """Its settlements since then, and the transactions of each: https://paystack.com/docs/api/settlement/"""
    asked = {"from": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "perPage": http.PAGE}
    return [_payout(account, one) for one in _all(account, "/settlement", asked)]


def _all(account, path, asked):
    def step(document, place):
        things = list(document["data"])
        return things, place + 1 if len(things) == http.PAGE else None

    def ask(place):
        return _call(account, "GET", path, params=asked | {"page": place})

    return [thing for page, _ in http.pages(LABEL, ask, step, 1) for thing in page]


def _payout(account, one):
    currency, id = str(one["currency"]).upper(), str(int(one["id"]))
    parts = []
    for sale in _all(account, f"/settlement/{id}/transactions", {"perPage": http.PAGE}):
        came, fee = (from_provider("paystack", sale.get(name) or 0, currency) for name in ("amount", "fees"))
        parts.append(Part(str(int(sale["id"])), came - fee, amount_cents=came, fee_cents=fee))
    with readable(LABEL, "the settlement"):
        return PaidOut(
            id=id,
            state=PAYOUTS.get(one["status"], "pending"),
            amount_cents=from_provider("paystack", one["effective_amount"], currency),
            currency=currency,
            at=http.moment(one["settlement_date"]),
            parts=tuple(parts),
        )


def check(account, body, headers):
    """Refuses with BadSignature what the secret key didn't sign (HMAC-SHA512 of the raw body)."""
    given = next((value for name, value in headers.items() if name.lower() == "x-paystack-signature"), "")
    made = hmac.new(account.key.encode(), body, hashlib.sha512).hexdigest()
    if not hmac.compare_digest(made.encode(), given.strip().lower().encode("utf-8", "replace")):
        raise BadSignature("The signature doesn't fit.")


def about(body):
    """Which attempt an event is about. It has no id: what it is about, and how that stands, tells it apart."""
    event = json.loads(body)
    data, kind = event["data"], str(event["event"])
    transaction = data.get("transaction")
    inner = transaction.get("reference") if isinstance(transaction, dict) else None
    reference = str(data.get("transaction_reference") or inner or data.get("reference") or "")
    which = data.get("id") or data.get("refund_reference") or hashlib.sha256(body).hexdigest()[:32]
    ours = reference if kind.startswith(KINDS) else ""
    return Told(id=f"{kind}:{reference}:{which}:{data.get('status', '')}", type=kind, reference=ours)


def attempt_of(account, payment):
    """Its events name our reference by themselves."""
    return ""

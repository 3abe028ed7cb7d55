"""What of an organization's file comes along, and as what: rights, keys and money that runs stay where they are, and
arrive as history that nothing here follows."""

import secrets

from database.clock import now
from domain.events.refunds import UNDER_WAY
from domain.flyers import designs
from domain.operations.moving import row_lines
from models import (
    Device,
    Dispute,
    FlyerPicture,
    FlyerTemplate,
    OrganizationKey,
    Payment,
    PaymentAttempt,
    Payout,
    SaleRehearsal,
    StoredFile,
    Subscription,
    TicketPayment,
    TicketRefund,
)

ELSEWHERE = TicketPayment.ELSEWHERE
GOING = "It was under way where this came from. Look there whether it arrived, then note it as sent back."
# What stays in the file, and why.
LEFT = {
    **dict.fromkeys(("invitation", "invitation_link", "ownership_transfer"), "offers hold where they were made"),
    **dict.fromkeys(("billing_checkout", "billing_grant", "licence"), "what a plan gives is this site's to say"),
    "billing_customer": "who pays this site is its own to know",
    **dict.fromkeys(("credit_account", "credit_bucket", "credit_hold", "credit_entry"), "so are credits"),
    **dict.fromkeys(("payment_account", "api_key", "api_answer", "api_name_use"), "keys don't travel"),
    **dict.fromkeys(("public_link", "public_answer", "public_file"), "they are open where they were made"),
    **dict.fromkeys(("import_file", "import_row"), "the files that were brought in aren't kept so long"),
    **dict.fromkeys(("record_key", "record_unique", "record_link"), "they are made anew from the rows"),
    "record_stale": "what formulas give is worked out anew once all is there",
    "shape_change": "a change of shape is taken back where it was made",
    "flyer_version": "it bears the words and addresses of where it was published: templates are published anew",
    **dict.fromkeys(("flyer_campaign", "flyer_phase"), "people come to the address of a campaign where it was made"),
    **dict.fromkeys(("flyer", "flyer_via", "referral"), "people gave their photos to that site, for a while"),
    **dict.fromkeys(("flyer_batch", "flyer_batch_row"), "what was drawn is kept for a week"),
    **dict.fromkeys(("automation", "automation_version", "automation_run"), "what is done by itself is set up anew"),
    **dict.fromkeys(("webhook_endpoint", "webhook_delivery"), "and so is who is told"),
    "arrival": "what came from where is each site's own",
}


def tables():
    """The tables whose rows come along, each after those that it refers to."""
    return [table for table in row_lines.parents_last()[::-1] if row_lines.name_of(table) not in LEFT]


def as_history(table, values):
    """A row's values as they arrive: what ran elsewhere is over, or follows nothing here."""
    change = _HISTORY.get(table)
    return values | change(values) if change else values


def _subscription(values):
    is_over = values["status"] in Subscription.TERMINAL
    over = {"status": "canceled", "ended_at": now(), "unpaid_url": None, "pending_plan_key": None}
    return {"provider": ELSEWHERE} | ({} if is_over else over)


def _payment(values):
    """Money that came: the account there isn't one here, whatever it is called. What was on its way back while it was
    nobody's is told to whoever looks."""
    account = values["account"] if values["provider"] == "transfer" else ELSEWHERE
    going = {"sent_back_at": None, "trouble": GOING} if _is_nobodys(values) and values["sent_back_at"] else {}
    return {"account": account} | going


def _is_nobodys(values):
    return values["order"] is None and values["refunded_cents"] < values["amount_cents"]


def _refund(values):
    """What wasn't through waits for somebody to say so: it is never sent from here. Its key was made of numbers that
    are others' here."""
    going = {"state": "approved", "error": GOING} if values["state"] in (*UNDER_WAY, "failed") else {}
    return {"key": f"{ELSEWHERE}:{secrets.token_hex(16)}"} | going


def _template(values):
    """As a draft: nobody has made a flyer of it here."""
    state = "archived" if values["state"] == "archived" else "draft"
    made = {"public_id": FlyerTemplate.public_id.default(), "state": state, "live_version": None}
    return made | {"draft": designs.read(values["draft"])}


_HISTORY = {
    Subscription: _subscription,
    Payment: lambda values: {"provider": ELSEWHERE, "url": None},
    Dispute: lambda values: {"provider": ELSEWHERE},
    PaymentAttempt: lambda values: (
        {"account": ELSEWHERE, "url": None} | ({"state": "abandoned"} if values["state"] == "open" else {})
    ),
    TicketPayment: _payment,
    TicketRefund: _refund,
    Payout: lambda values: {
        "provider": values["provider"] or ELSEWHERE,
        "account": f"{ELSEWHERE}:{secrets.token_hex(12)}",
    },
    SaleRehearsal: lambda values: {"state": "cancelled"} if values["state"] in ("waiting", "running") else {},
    Device: lambda values: {"token_hash": secrets.token_hex(32), "revoked_at": values["revoked_at"] or now()},
    OrganizationKey: lambda values: {"sealed": "", "retired_at": values["retired_at"] or now()},
    StoredFile: lambda values: {"thumbnail": "none"},  # its bytes come later, and it is drawn from those
    FlyerPicture: lambda values: {
        "size": 0,
        "created_at": now(),
    },  # its bytes come later, and nobody clears it meanwhile
    FlyerTemplate: _template,
}
# What is unique here whatever it was there.
MADE_ANEW = {("ticket_refund", "key"), ("flyer_template", "public_id"), ("event_slug", "slug")}

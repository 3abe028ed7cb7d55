"""What a request of Stripe's API does."""

from domain import NotFound
from domain.money.providers.sandbox import engine, invoicing, selling, subscribing
from domain.money.providers.sandbox.records import Impossible, acts, clock, get
from domain.money.providers.sandbox.stripe.forms import (
    READ,
    choice_in,
    dict_in,
    flag_in,
    many_in,
    metadata_in,
    needed,
    number_in,
    refuse_unknown,
)
from domain.money.providers.sandbox.stripe.lists import listed, shown
from domain.money.providers.sandbox.stripe.objects import (
    lines_bought,
    render_customer,
    render_invoice,
    render_portal,
    render_refund,
    render_session,
    render_subscription,
)
from domain.money.providers.sandbox.stripe.tickets import has_lines, open_page


def act(method, path, params, headers):
    """What Stripe's API says, as a dict. Refuses with NotFound, Impossible and Declined."""
    way = path.strip("/").split("/")[1:]
    refuse_unknown(method, way[0] if way else "", params)
    match (method, *way):
        case ("get", things) if things in READ.split() or things == "invoice_payments":
            return listed(things, params)
        case ("get", "checkout", "sessions"):
            return listed("checkout/sessions", params)
        case ("get", things, id) if things in READ.split():
            return shown(id)
        case ("get", "checkout", "sessions", id):
            return shown(id)
        case ("get", "checkout", "sessions", id, "line_items"):
            return lines_bought(get(id, "checkout"))
        case ("get", "invoices", id, "lines"):
            return shown(id)["lines"]
        case ("post", "customers"):
            about = {name: params.get(name) for name in ("email", "name")}
            return render_customer(selling.create_customer(**about, metadata=metadata_in(params)))
        case ("post", "customers", id):
            about = {name: params[name] for name in ("email", "name") if name in params}
            about |= {"metadata": metadata_in(params, selling.customer(id)["metadata"])} if "metadata" in params else {}
            return render_customer(selling.change_customer(id, **about))
        case ("delete", "customers", id):
            return render_customer(engine.delete_customer(id))
        case ("post", "checkout", "sessions"):
            return render_session(_open_checkout(params))
        case ("post", "checkout", "sessions", id, "expire"):
            return render_session(engine.expire_checkout(id))
        case ("post", "billing_portal", "sessions"):
            return render_portal(engine.open_portal(needed(params, "customer"), params.get("return_url")))
        case ("post", "subscriptions"):
            return render_subscription(_subscribe(params))
        case ("post", "subscriptions", id):
            return render_subscription(_update(id, params))
        case ("post", "subscriptions", id, "resume"):
            return render_subscription(subscribing.resume(id))
        case ("delete", "subscriptions", id):
            try:
                return render_subscription(invoicing.end(id))
            except Impossible as over:  # as Stripe has it: what is over can't be found
                raise NotFound(f"No such subscription: '{id[:60]}'") from over
        case ("post", "invoices", "create_preview"):
            return _preview(params)
        case ("post", "invoices", id, "pay"):
            return render_invoice(invoicing.pay_invoice(id))
        case ("post", "invoices", id, "void"):
            return render_invoice(invoicing.void_invoice(id))
        case ("post", "refunds"):
            payment = params.get("payment_intent") or "pi_" + needed(params, "charge")[3:]
            amount = number_in(params, "amount")
            return render_refund(invoicing.refund(payment, amount, params.get("reason"), metadata_in(params)))
    raise NotFound(f"Unrecognized request URL ({method.upper()}: {path[:100]}).")


def _line_item(params, holder):
    items = many_in(params.get(holder))
    if len(items) != 1 or not isinstance(items[0], dict):
        raise Impossible("The sandbox wants exactly one item.", holder)
    return items[0]


def _open_checkout(params):
    if has_lines(params):
        return open_page(params)
    mode, item = choice_in(params, "mode", "payment", "subscription"), _line_item(params, "line_items")
    data = dict_in(params, "subscription_data" if mode == "subscription" else "payment_intent_data")
    ends = choice_in(
        dict_in(dict_in(data, "trial_settings"), "end_behavior"),
        "missing_payment_method",
        "create_invoice",
        "cancel",
        "pause",
    )
    return engine.open_checkout(
        params.get("customer"),
        needed(item, "price"),
        once=mode == "payment",
        quantity=number_in(item, "quantity", 1, 1),
        trial_days=number_in(data, "trial_period_days", 0, 1),
        success_url=needed(params, "success_url"),
        cancel_url=params.get("cancel_url"),
        email=params.get("customer_email"),
        reference=params.get("client_reference_id"),
        metadata=metadata_in(params),
        carried=metadata_in(data),
        without_card=ends,
        needs_card=choice_in(params, "payment_method_collection", "always", "if_required") == "always",
    )


def _subscribe(params):
    item = _line_item(params, "items")
    return subscribing.subscribe(
        needed(params, "customer"),
        needed(item, "price"),
        number_in(item, "quantity", 1, 1),
        trial_days=number_in(params, "trial_period_days", 0, 1),
        metadata=metadata_in(params),
    )


def _wanted(held, params):
    """(price, quantity) after the change that is asked for, in `items`."""
    item = _line_item(params, "items")
    if item.get("id") != held["item"]:
        raise Impossible("Name the item that changes by its id; the sandbox has one to a subscription.", "items[0][id]")
    return item.get("price", held["price"]), number_in(item, "quantity", held["quantity"], 1)


PENDING_ONLY = {"items", "payment_behavior", "proration_behavior", "proration_date", "trial_end", "expand"}


def _update(id, params):
    held = invoicing.running(id)
    payment = choice_in(
        params,
        "payment_behavior",
        "allow_incomplete",
        "pending_if_incomplete",
        "error_if_incomplete",
        "default_incomplete",
    )
    if payment == "pending_if_incomplete" and (more := set(params) - PENDING_ONLY):
        raise Impossible("Only prices, quantities and trials can wait for their payment.", min(more))
    return _updated(id, held, params, payment)


@acts
def _updated(id, held, params, payment):
    if "items" in params:
        behavior = choice_in(params, "proration_behavior", "create_prorations", "always_invoice", "none")
        at = number_in(params, "proration_date")
        subscribing.change(id, *_wanted(held, params), behavior=behavior, payment=payment, at=at)
    if "metadata" in params:
        subscribing.describe(id, metadata_in(params, held["metadata"]))
    if "cancel_at_period_end" in params:
        subscribing.schedule_end(id, flag_in(params, "cancel_at_period_end"))
    elif "cancel_at" in params:
        subscribing.schedule_end(id, at=number_in(params, "cancel_at"))
    if params.get("pause_collection") == "":
        subscribing.pause(id, None)
    elif "pause_collection" in params:
        wanted = dict_in(params, "pause_collection")
        behavior = choice_in(wanted, "behavior", "keep_as_draft", "mark_uncollectible", "void")
        subscribing.pause(id, behavior, number_in(wanted, "resumes_at"))
    if "trial_end" in params:
        subscribing.move_trial_end(id, clock() if params["trial_end"] == "now" else number_in(params, "trial_end"))
    return get(id)


def _preview(params):
    held = invoicing.running(needed(params, "subscription"))
    details = dict_in(params, "subscription_details")
    behavior = choice_in(details, "proration_behavior", "create_prorations", "always_invoice", "none")
    price, quantity = _wanted(held, details) if "items" in details else (held["price"], held["quantity"])
    at = number_in(details, "proration_date")
    lines, _, end = subscribing.quote(held, price, quantity, at, behavior)
    reason = "update"
    if end == held["period_end"] and not (lines and behavior == "always_invoice"):
        bought, reason = selling.price(price), "cycle"
        lines += [*held["pending_lines"], invoicing.line(bought, quantity, end, selling.later(end, bought["interval"]))]
    made = invoicing.draft(
        selling.customer(held["customer"]), lines, reason, held["currency"], held["id"], status="draft"
    )
    return render_invoice(made | {"id": "upcoming_" + made["id"]})

"""What a request of Stripe's API says, read strictly."""

from domain.money.providers.sandbox.records import Impossible


def nested(pairs):
    """Form encoding, a[b][0]=c, as dicts; a list is a dict of its numbers, and a[]=c counts up. Refuses nothing."""
    found: dict = {}
    for name, value in pairs:
        place, (*way, last) = found, name.replace("]", "").split("[")
        for key in way:
            inner = place.get(key)
            place[key] = place = inner if isinstance(inner, dict) else {}
        place[last or str(len(place))] = value
    return found


def many_in(values):
    """What was given once or several times, as a list."""
    return list(values.values()) if isinstance(values, dict) else [values] if values else []


def number_in(params, name, usual=None, least=0):
    """A whole number, or `usual`. Refuses with Impossible."""
    value = params.get(name)
    if value in (None, ""):
        return usual
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12 and int(value) >= least):
        raise Impossible(f"Invalid integer: {str(value)[:40]}", name)
    return int(value)


def flag_in(params, name):
    """True or false. Refuses with Impossible."""
    if params[name] not in ("true", "false"):
        raise Impossible(f"Invalid boolean: {str(params[name])[:40]}", name)
    return params[name] == "true"


def choice_in(params, name, *among):
    """One of several words, the first by itself. Refuses with Impossible."""
    value = params.get(name, among[0])
    if value not in among:
        raise Impossible(f"Invalid {name}: must be one of {', '.join(among)}", name)
    return value


def needed(params, name):
    """What has to be there. Refuses with Impossible."""
    if not params.get(name):
        raise Impossible(f"Missing required param: {name}.", name, "parameter_missing")
    return params[name]


def dict_in(params, name):
    """A parameter with names of its own. Refuses with Impossible."""
    value = params.get(name) or {}
    if not isinstance(value, dict):
        raise Impossible(f"Invalid object: {name}", name)
    return value


def metadata_in(params, old=()):
    """The metadata after a request: an empty value takes a name away."""
    given = dict_in(params, "metadata")
    return (
        {key: value for key, value in (dict(old) | given).items() if value != ""}
        if params.get("metadata") != ""
        else {}
    )


# What may be said in a POST, by the first word of its path; those after the bar mean nothing here.
SAID = {
    "customers": "email name metadata | description phone address preferred_locales",
    "checkout": "mode customer customer_email line_items success_url cancel_url client_reference_id metadata expand "
    "subscription_data payment_intent_data payment_method_collection expires_at | billing_address_collection "
    "customer_update allow_promotion_codes automatic_tax locale tax_id_collection submit_type ui_mode "
    "payment_method_types",
    "billing_portal": "customer return_url | configuration locale flow_data",
    "subscriptions": "customer items metadata trial_period_days payment_behavior proration_behavior proration_date "
    "cancel_at cancel_at_period_end pause_collection trial_end expand | off_session billing_cycle_anchor",
    "invoices": "subscription subscription_details customer expand | off_session",
    "refunds": "payment_intent charge amount reason metadata expand",
}


NESTED = (
    "metadata",
    "line_items",
    "items",
    "expand",
    "subscription_data",
    "payment_intent_data",
    "subscription_details",
    "pause_collection",
    "created",
    "payment",
    "payment_method_types",
    "type",
    "types",
)


READ = "products prices customers subscriptions invoices payment_intents charges refunds disputes events"


def refuse_unknown(method, things, params):
    """Refuses with Impossible a parameter that Stripe would not take."""
    known = SAID.get(things, "").replace("|", "").split()
    if method == "post" and known and (unknown := sorted(set(params) - set(known))):
        raise Impossible(f"Received unknown parameter: {unknown[0][:60]}", unknown[0][:60], "parameter_unknown")
    for name, value in params.items():
        if isinstance(value, dict) and name not in NESTED:
            raise Impossible(f"Invalid string: {name[:60]}", name[:60])

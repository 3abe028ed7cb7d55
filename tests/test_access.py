"""Every route × the whole cast: who is let in follows from the route's door, and a new route is covered at once."""

import base64
import copy
import hashlib
import io
import re
import sys
import types
from datetime import timedelta

import pytest
from flask import Blueprint

import models
from database import transactions
from database.clock import now
from database.connections import database
from database.scope import OutOfScope, _scope, inside
from domain.automations.webhooks import endpoints
from domain.backers import backer_imports, backers, tiers
from domain.base import audit, roles, settings
from domain.charts import saved_charts
from domain.entitlements import plans
from domain.entitlements.plans import PAID
from domain.files import stores
from domain.imports import imports, kept_files
from domain.lists import attachments, comments, rows, saved_views
from domain.operations import alerts
from domain.organizations import assignments, invitation_links, invitations, organizations, transfers, workspaces
from domain.people import accounts, sessions
from domain.records import collections, listings
from domain.records.handling import buttons
from domain.tasks import labels, tasks
from models import AuditEvent, Backup, Change, Grant, Letter, Membership, Notification, Organization, Task, WebhookEvent
from tests.conftest import PASSWORD, application
from tests.fixtures.automating import a_run, notice, on
from tests.fixtures.counting import counted
from tests.fixtures.doors import an_event
from tests.fixtures.events import EVENT_FORMS, everything
from tests.fixtures.flyer_pages import files_of_a_flyer
from tests.fixtures.funnels import a_campaign
from tests.fixtures.keys import a_key
from tests.fixtures.permissions import MATRIX, STATES
from tests.fixtures.public import something_public
from tests.fixtures.threads import write
from views import access, factory

JSON = {"Accept": "application/json"}
HTMX = {"HX-Request": "true"}
OF_FLYERS = ("templates_", "campaigns_", "phases_")
MEMBERS = {"alice": "owner", "bob": "member", "vera": "viewer"}
EVERYBODY = (None, *MEMBERS, "charlie", "stella")


def _routes():
    """(method, rule, endpoint, door) of the application."""
    return [
        (method, rule.rule, rule.endpoint, application().view_functions[rule.endpoint].door)
        for rule in application().url_map.iter_rules()
        for method in sorted(rule.methods - {"OPTIONS", "HEAD"})
    ]


ROUTES = _routes()


def behind(*kinds):
    return [route for route in ROUTES if route[3].kind in kinds]


def of(*kinds):
    """A world for each that may change it; pages that only show share one, some at a time."""
    shows, changes = ([r for r in behind(*kinds) if (r[0] == "GET") is reads] for reads in (True, False))
    bunches = [shows[n : n + 25] for n in range(0, len(shows), 25)] + [[route] for route in changes]
    ids = [" ".join(bunch[0][:2]) + (" and so on" if len(bunch) > 1 else "") for bunch in bunches]
    return pytest.mark.parametrize("routes", bunches, ids=ids)


AUTOMATION = {
    "name": "Tell me",
    "t_kind": "made",
    "source": "task",
    "s0_kind": "notice",
    "s0_who": "me",
    "s0_title": "x",
}
# What a form must hold to be taken, by endpoint. A view that isn't here gets an empty form.
BUTTON = {"field_0": "3", "value_0": "today"}  # sets the day of a repair
FORMS = {
    "flyers_showing.act": {"act": "hiding"},
    "tasks.create": {"title": "Order paper"},
    "tasks.save_view": {"name": "Mine", "query": ""},
    **{
        f"{place}save_chart": {"name": "Mine", "query": ""}
        for place in ("tasks.", "records.", *(f"events.{part}_" for part in ("orders", "sales", "passes", "scans")))
    },
    "dashboards.update": {"name": "Mine"},
    "tasks.move": {"day": "2026-03-10"},
    "records.move": {"day": "2026-03-10"},
    "records.save_view": {"name": "Mine", "query": ""},
    "records.create": {"f1": "Toaster"},
    "records.update": {"f1": "Kettle"},
    "records.update_cell": {"f1": "Iron"},
    "records.bulk": {"ids": "{row}", "act": "f1", "to_f1": "Lamp"},
    "records.make": {"name": "Bookings"},
    "records.add_field": {"label": "State"},
    "records.change_field": {"label": "What"},
    "records.add_word": {"label": "Open"},
    "records.rename": {"name": "Repairs of 2026"},
    "record_fields.act": {"act": "down"},
    "record_fields.word": {"act": "name", "option": "1", "label": "Fresh"},
    "record_fields.change_kind": {"kind": "long_text"},
    **{f"record_formulas.{name}": {"label": "Twice", "formula": "1 + 1"} for name in ("create", "change")},
    "record_papers.say_page": {"title": "For {{Name}}"},
    **{f"record_buttons.{name}": BUTTON | {"label": "Mended"} for name in ("create", "change")},
    "record_rules.change": {"who": "role:viewer", "sees": "all", "changes": "none", "others": "see"},
    "record_rules.remove": {"who": "role:member"},
    "record_rules.look": {"who": "role:viewer"},
    **{
        f"{place}.{end}": {"text": "Is it done?"}
        for place in ("tasks", "records")
        for end in ("comment", "change_comment")
    },
    "tasks.update": {"title": "Order more paper"},
    "tasks.map_import": {"to_0": "title", "mode": "both"},
    "records.map_import": {"to_0": "f1", "mode": "both"},
    "tasks.update_cell": {"title": "Order even more paper"},
    "automations.create": AUTOMATION,
    "automations.update": AUTOMATION | {"number": "1"},
    "automations.press": {"row": "{task}"},
    "automation_runs.bulk": {"ids": "{run}", "act": "retrial"},
    **{f"automation_webhooks.{verb}": {"name": "Chat", "url": "https://example.org/"} for verb in ("create", "update")},
    "automation_webhooks.deliveries_bulk": {"ids": "{message}", "act": "replay"},
    "keys.create": {"name": "App", "scopes": "tasks.read", "days": "30"},
    "keys.bulk": {"ids": "{api_key}", "act": "revocation"},
    "invitation_links.create": {"role": "viewer", "most": "3", "days": "7"},
    "invitations.bulk": {"ids": "{invitation}", "act": "renewal"},
    "labels.create": {"label": "Soon"},
    "labels.update": {"label": "Later"},
    "labels.update_cell": {"label": "Then"},
    "labels.bulk": {"ids": "{label}", "act": "tone", "to_tone": "info"},
    "tasks.bulk": {"ids": "{task}", "act": "status", "to_status": "completed"},
    "admin.change_setting": {"value": "Guildhall of Ghent"},
    "admin.create_alert": {"message": "Tea is ready."},
    "billing.checkout": {"plan": "pro_monthly"},
    "sandbox.advance": {"days": "1"},
    "sandbox.mischief": {"outcome": "canceled"},
    "plans.update": {"confirmed": "1", "name": "Guild", "position": "2", "capabilities": "feature.pro"},
    "backers.add": {"username": "Nina", "tier": "{tier}"},
    "backers.check": {"lines": "username;code\nIda;IDA-1234", "tier": "{tier}"},
    "tiers.create": {"key": "founder", "name": "Founder"},
    "tiers.update": {"name": "Early bird", "months": "12"},
    "account.update": {"name": "Somebody", "timezone": "Europe/Brussels"},
    "address.create": {"email": "new@example.org"},
    "account.change_password": {"password": "Correct horse 2!"},
    "permissions.preview": {"role": "viewer"},
    "organizations.create": {"name": "Works of mine"},
    "organizations.update": {"name": "Acme", "timezone": "Europe/Brussels", "currency": "EUR"},
    "organizations.keep_trash": {"trash_days": "90"},
    "organizations.offer": {"to": "{colleague}"},
    "invitations.invite": {"email": "nina@example.org", "role": "member"},
    "members.act_role": {"role": "viewer"},
    "workspaces.people_bulk": {"ids": "{part}", "act": "removal"},
    "workspaces.people_act_role": {"role": "scanner"},
    "workspaces.create": {"name": "Another stage"},
    "workspaces.rename": {"name": "Small stage"},
    "workspaces.assign": {"user": "{bob}", "role": "scanner"},
    "workspaces.invite": {"email": "nina@example.org", "workspace_role": "scanner"},
    "passkeys.rename": {"name": "Old phone"},
    "stepup.show": {"proof_action": "account.delete", "proof_switch": "password"},
    "admins.add": {"email": "ida@example.org"},
    "newsletter.subscribe": {"email": "ida@example.org"},
    "news.update": {"subject": "News", "body": "It is July."},
    "news.schedule": {"now": "1"},
    "news.bring": {"lines": "ida@example.org", "where": "On paper, in 2025", "agreed": "1"},
    "mail.suppress": {"email": "ida@example.org", "reason": "She asked us to."},
    "sent_on.note": {"whose": "nobody:EUR", "amount": "5", "reference": "March"},
    "mail.lift_all": {"template": "invitation", "reason": "A header of ours was wrong."},
    "mail.suppressions_act_lifting": {"reason": "Their mailbox is mended."},
    "credits.adjust": {"act": "give", "amount": "5", "reason": "For the lost day", "key": "once"},
    "organization_desk.give": {"what": "pro_monthly", "until": "2026-12-31", "reason": "A partner of ours."},
    "people.suspend": {"reason": "Spam was sent from it."},
    "people.look_on": {"reason": "A task of theirs is gone."},
    **{f"reports.{part}act_appeal": {"words": "It is a joke."} for part in ("", "decided_")},
    "reports.bulk": {"ids": "{own_report}", "act": "removal"},
    "reports.decided_bulk": {"ids": "{decided}", "act": "approval"},
    "moderation.bulk": {"ids": "{their_report}", "act": "removal"},
    "moderation.decided_bulk": {"ids": "{decided}", "act": "approval"},
    "reporting.send": {"reason": "spam"},
    "organization_desk.suspend": {"reason": "Unpaid since May."},
    **{
        f"{'flyers' if part in OF_FLYERS else 'events'}.{part}{verb}": form
        for part, made in EVENT_FORMS.items()
        for verb, form in (("create", made), ("update", made), ("update_cell", made))
    },
    **{
        f"events.{part}bulk": {"ids": f"{{{part}row}}", "act": "remove"}
        for part in (
            *("tiers_", "vouchers_", "sessions_", "speakers_", "prices_", "checkpoints_", "incidents_", "accounts_"),
            *("rehearsals_", "types_"),
        )
    },
    **{
        f"flyers.{part}bulk": {"ids": f"{{{part}row}}", "act": "remove"}
        for part in ("templates_", "campaigns_", "phases_")
    },
    "flyers.templates_act_event": {"event": ""},
    "flyers.templates_act_look": {"look": "wide_circle"},
    "flyers.campaigns_act_template": {"template": ""},
    "flyers.campaigns_act_event": {"event": ""},
    "flyers.campaigns_act_pause": {"why": "We mend it."},
    "flyers.phases_act_template": {"template": "{templates_row}"},
    "events.bulk": {"ids": "{event}", "act": "visibility", "to_visibility": "unlisted"},
    "events.orders_bulk": {"ids": "{orders_row}", "act": "cancellation"},
    "events.act_address": {"slug": "Another name"},
    "events.act_copies": {"starts_at": "2031-07-03T18:00:00Z"},
    "events.act_cancellation": {"reason": "It rains."},
    "events.tiers_act_code": {"code": "trombone"},
    "events.tiers_act_more": {"count": "2"},
    "events.vouchers_act_tier": {"tier": ""},
    "events.vouchers_act_copies": {"count": "2"},
    "events.sessions_act_speaker": {"speaker": "{speakers_row}"},
    "events.checkpoints_act_tier": {"tier": ""},
    "events.checkpoints_act_session": {"session": ""},
    "events.scanners_bulk": {"ids": "{scanners_row}", "act": "removal"},
    "events.scanners_add": {"email": "new@example.org"},
    "events.accounts_act_key": {"key": "sk_test_abcdefghijk"},
    "events.accounts_act_secret": {"secret": "whsec_abcdefgh"},
    "events.money_act_order": {"number": "NOSUCHNR"},
    "events.money_bulk": {"ids": "{returned}", "act": "return"},
    "events.orders_act_transfer": {"cents": "5"},
    "events.orders_act_buyer": {"email": "right@example.org"},
    "events.passes_act_name": {"holder": "Grace Hopper"},
    "events.passes_act_transfer": {"email": "grace@example.org"},
    "events.passes_bulk": {"ids": "{passes_row}", "act": "letter"},
    "events.refunds_act_refusal": {"words": "It is too late."},
    "events.refunds_bulk": {"ids": "{asked_row}", "act": "approval"},
    "running.move": {
        "starts": "2030-07-03T20:00",
        "ends": "2030-07-03T23:00",
        "timezone": "UTC",
        "venue": "New Mill",
    },
    "finding.send": {"email": "ada@example.org"},
    "returns.do": {"pass": "{passes_row}", "reason": "They are ill."},
    "buying.ask_back": {"pass": "{passes_row}", "reason": "They are ill."},
    "passes.pass_on": {"email": "grace@example.org"},
    "passes.accept": {"holder": "Grace Hopper"},
    "events.line_bulk": {"ids": "{line_row}", "act": "removal"},
    "line.keep": {"email": "ada@example.org"},
    "buying.hold": {"t{free}": "1"},
    "buying.pay": {"name": "Ada Lovelace", "email": "ada@example.org"},
    "buying.change": {"t{free}": "1"},
}
# Views that are reached and then say, for a reason of the domain's own, that something isn't there.
MISSING = {
    **dict.fromkeys([f"event_covers.{end}" for end in ("public", "show", "remove")], "This event has no picture."),
    **dict.fromkeys(("logos.public", "logos.in_letters"), "Its organizer has no logo."),
    "faces.show": "There is no picture here.",
    "faces.remove": "You have no picture.",
    **dict.fromkeys(("logos.show", "logos.remove"), "Acme has no logo."),
    "status.show": "This site has no status page.",
    "feeds.act_end": "This link isn't here",
    "archives.download": "There is no file here",
    "flyer_batches.download": "There is no file here",
    "moderation.picture": "There is no picture here.",
    "flyer_captions.show": "This site suggests no captions.",
    "flyer_captions.suggest": "This site suggests no captions.",
    "departures.download": "There is no file here",
    "arrivals.look": "This file isn't kept any more",
    "arrivals.ask": "This file isn't kept any more",
    "personal_files.download": "There is no file here",
    "carriers.apple": "This site makes no passes for Apple's wallet.",
    "carriers.google": "This site makes no links for Google's wallet.",
    "public_answers.download": "The content of this file isn't here",  # a copied house has no folder of files
    "labels.undo": "There is nothing to take back any more.",
    "reporting.withdraw": "There is no report of yours",
    "record_rules.remove": "There is no such rule.",
    "record_links.offered": "There is no such link.",
    "record_links.make": "There is no such link.",
    "tasks.put_back": "There is nothing to put back any more.",
    "records.put_back": "There is nothing to put back any more.",
    "billing.cancel": "There is no running subscription.",
    "billing.resume": "There is no running subscription.",
    "billing.preview": "There is no running subscription.",
    "billing.change": "There is no running subscription.",
    "billing.pause": "There is no running subscription.",
    "billing.unpause": "There is no running subscription.",
    "billing.portal": "Nothing was bought here yet",
    "reconciliations.act_mending": "This difference isn't here",
    "reconciliations.show": "That difference isn't among",
    "sandbox.checkout": "The sandbox has no checkout",
    "sandbox.pay": "The sandbox has no checkout",
    "sandbox.invoice": "The sandbox has no invoice",
    "sandbox.pay_invoice": "The sandbox has no invoice",
    "sandbox.purchase": "The sandbox has no invoice",
    "sandbox.portal": "The sandbox has no portal",
    "sandbox.change_card": "The sandbox has no portal",
    "sandbox.cancel": "The sandbox has no portal",
    "sandbox.show": "The sandbox has no subscription",
    "sandbox.renew": "The sandbox has no subscription",
    "sandbox.fail": "The sandbox has no subscription",
    "sandbox.end": "The sandbox has no subscription",
    "sandbox.send_again": "The sandbox has no event",
    "sandbox.swap_card": "The sandbox has no customer",
    "sandbox.refund": "The sandbox has no payment",
    "sandbox.dispute": "The sandbox has no payment",
    "sandbox.fail_refund": "The sandbox has no refund",
    "sandbox.settle_dispute": "The sandbox has no dispute",
    "sign_up.set_up_form": "This set-up link was used already",
    "sign_up.set_up": "This set-up link was used already",
    "organization_desk.end_gift": "That was ended already.",
    "invitations.show": "There is no such invitation.",
    "invitations.accept": "There is no such invitation.",
    "invitations.decline": "There is no such invitation.",
    "invitation_links.look": "There is no such link.",
    "invitation_links.join": "There is no such link.",
    "backers.verify": "There is no campaign at the moment",
    "organizations.take_back": "There is no offer to take back.",
    "organizations.accept": transfers.NONE,
    "organizations.decline": transfers.NONE,
    "flyers_editing.picture": "There is no such picture here.",
    "identities.start": "This way to sign in isn't set up here.",
    "identities.callback": "This way to sign in isn't set up here.",
    "identities.posted": "This way to sign in isn't set up here.",
    "buying.tickets": "There is nothing to print.",  # the order is only held
    "dev.letter": "That letter isn't kept here.",
    "dev.cast": access.NotFound().sentence,  # these two are the demo's
    "dev.sign_in": access.NotFound().sentence,
}
REFUSED = {
    "organizations.end_ticket_keys": 409,  # there is one alone
    "organizations.delete": 409,  # people have tickets
    "flyer_batches.bring": 422,
    "flyer_batches.act_start": 409,  # none of its rows can be drawn
    "flyer_batches.act_stopping": 409,
    "flyer_batches.act_deletion": (303, 404),  # the first deletes it
    "automations.act_start": 409,  # it is on
    "automation_webhooks.act_start": 409,
    "flyers_making.make": 409,  # its page is too old
    "flyers_editing.update": 422,  # it is no design
    "flyers_editing.add_picture": 409,  # none is chosen
    "event_covers.put": 422,  # neither here
    "logos.put": 422,
    "faces.put": 422,
    "flyers_showing.act": 403,  # without its secret
    "returns.show": 422,  # nothing is chosen
    "returns.show_account": 409,  # this refund needs none
    "returns.give_account": 409,
    "events.money_act_order": (200, 422),  # there is no such order
    "events.money_act_return": (303, 409),  # once
    "events.money_remove": 403,  # what came stays
    "events.money_undo": 409,
    "events.refunds_act_delivery": 409,  # a transfer is sent by hand
    "buying.ask_back": 409,  # the order is only held
    "buying.prove": 422,  # no code was mailed
    "buying.add": 422,  # nothing is chosen
    "events.remove": 403,  # a draft is deleted by an act, with all that is in it
    "events.undo": 409,
    "events.rehearsals_undo": 409,
    "events.rehearsals_act_cancellation": 409,  # it is cancelled, as one is open at a time
    "events.rehearsals_create": (200, 302, 303, 409),
    "events.rehearsals_cell": 403,  # one stays as it was asked for
    "events.line_act_offer": 409,  # all are taken
    **{f"{'flyers' if part in OF_FLYERS else 'events'}.{part}restore": 422 for part in EVENT_FORMS},  # none is chosen
    "flyers.templates_remove": 403,  # it was published: it is archived
    "flyers.templates_undo": 409,
    "flyers.templates_act_return": 409,
    "flyers.templates_act_deletion": 409,
    **{f"flyers.campaigns_act_{act}": 409 for act in ("withdrawal", "ending", "resumption")},  # it is a draft
    "flyers.campaigns_act_pause": (200, 409),
    "flyers.phases_create": 422,  # there is one at that time
    **{f"record_fields.{name}": 404 for name in ("undo", "bring_back", "bring_table_back")},  # nothing was put away
    "tasks.restore": 422,  # none is chosen
    "records.restore": 422,
    "tasks.upload": 422,  # none is chosen
    "records.upload": 422,
    "members.hand_over": 422,
    **{f"{room}.bring": 422 for room in ("tasks", "records")},
    "arrivals.bring": 422,  # no file is chosen
    "demo.remove": 404,  # there is none
    "archives.make": 422,  # no table is chosen, and no ZIP
    "archives.restore": 422,
    **{f"{room}.pasted": 422 for room in ("tasks", "records")},  # nothing is
    **{f"{room}.{verb}_import": 409 for room in ("tasks", "records") for verb in ("run", "undo")},  # nothing rehearsed
    "sign_up.create": 422,
    "sign_up.create_with_code": 422,
    "sign_in.ask_code": 422,
    "sign_in.ask_link": 422,
    "address.create": (303, 409),  # not for whom the admin list names
    "account.delete": (303, 409),  # the last owner of a team, and the last admin, can't
    "sign_in.create": 422,
    "factors.renew": 409,  # nobody here has turned it on
    "reset.create": 422,
    "reconciliations.bulk": 422,
    "inbox.bulk": 422,  # none is chosen
    "account.browsers_bulk": 422,
    "feeds.bulk": 422,
    "public_links.act_opening": 409,  # it isn't stopped
    "public_links.make": 422,  # nothing is chosen
    "public_links.change": 422,
    "public_answers.bulk": 422,  # none is chosen
    "public_answers.act_return": 409,  # it waits already
    "public_answers.admit": 409,  # its answer waits
    "tasks.act_skipping": 409,  # it doesn't repeat
    "tasks.act_series_removal": 409,
    "labels.remove": 403,  # it is put away
    "labels.restore": 422,
    "labels.act_merging": (200, 422),  # no other one is said
    "labels.act_restoring": 409,  # it isn't put away
    "inbox.act_work": 409,  # its body can't be read
    "jobs.bulk": 422,  # none is chosen
    "jobs.act_end": 409,  # it doesn't run
    "alerts.bulk": 422,
    "alerts.create": 422,
    "sent_on.note": 422,  # nothing of theirs is here
    "mail.lift_all": (303, 409),  # there may be none any more
    **{f"news.{verb}": 409 for verb in ("take_back", "pause", "resume", "stop")},  # it is a draft
    "news.recipients_act_repeat": 409,  # nothing is in doubt
    "releases.act_rollback": (200, 422),  # no reason is given
    "releases.annotate": 303,
    "outages.create": 422,
    **{f"article_desk.{kind}_{verb}": 422 for kind in ("post", "legal") for verb in ("create", "update")},
    **{
        f"article_desk.{kind}_act_{act}": (303, 409) for kind in ("post", "legal") for act in ("withdrawal", "deletion")
    },
    **{f"feedback.desk_act_{act}": (200, 303, 409, 422) for act in ("review", "resolution", "dismissal")},
    **{f"verifications.desk_act_{act}": (200, 303, 409, 422) for act in ("approval", "refusal", "end")},
    "feedback.send": 422,
    "verifications.ask": (409, 422),
    "verifications.take_back": (303, 409),
    "outages.act_words": (200, 422),
    "backups.create": (303, 409),  # PostgreSQL is copied by its keeper
    "settings.change_setting": 422,
    "subscriptions.sync": 409,  # the sandbox doesn't know it
    "subscriptions.place": 422,
    "subscriptions.move": 422,
    "subscriptions.name_price": 422,
    "inbox.name_price": 422,
    "backers.codes": 409,  # the world's file brings its own codes
    "members.leave": (303, 409),  # the last owner stays
    "people.stop_looking": 409,  # nobody here looks on
    "admins.act_support_given": 409,  # dora has it
    **{f"admins.act_{role}_taken": 409 for role in roles.STAFF if role != "support"},  # and no other
}  # an empty form is reached, and refused


BROUGHT = b"Title,Due\nx,\ny,\n"
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGNkaGhgYGBgYmBgYGBgAAALqgEE5z0TngAAAABJRU5ErkJggg=="
)
_ids = {}  # of what is in the world: it is made once, then copied


@pytest.fixture
def world(cast, at, web, browse, house, houses):
    """Something real behind every address, the own thing of whoever asks."""
    houses.fill(house, "world", lambda: _ids.update(vars(_made(cast, at))))
    kept_files.keep(io.BytesIO(BROUGHT))
    for kept in (attachments.key, attachments.small_key):  # a copied house has no folder of files
        stores.active().put(kept(cast.acme.id, hashlib.sha256(PICTURE).hexdigest()), io.BytesIO(PICTURE))
    for sale in _ids["sale"].values():
        files_of_a_flyer(sale["flyer"]["public_id"])
    return types.SimpleNamespace(browse=browse, cast=cast, **copy.deepcopy(_ids))


def _made(cast, at):
    made = types.SimpleNamespace(
        row={},
        brought={},
        row_file={},
        row_batch={},
        comment={},
        view={},
        chart={},
        attached={},
        task={},
        automation={},
        run={},
        batch={},
        public={},
        notification={},
        session={},
        passkey={},
        identity={},
        sale={},
    )
    with inside(cast.acme):
        made.night = an_event("Night", starts_at=now(), ends_at=now() + timedelta(days=9)).public_id
        fields = (("Name", "text"), ("State", "choice", ("New",)), ("On", "day"))
        repairs = collections.make("Repairs", by=at("alice"), fields=fields)
        made.button = buttons.add("repairs", "Mended", BUTTON | {"does": "set"}, by=at("alice")).id
        made.way_out = buttons.add("repairs", "Look", {"does": "open", "address": "https://x.org/"}, by=at("alice")).id
        for name in MEMBERS:
            by = at(name)
            if name == "vera":  # a viewer makes nothing; this is from before she was one
                by = organizations.Member(cast.vera, cast.acme, "member")
            made.task[name] = rows.create(tasks.rules, {"title": f"{name}'s"}, by=by).id
            made.automation[name] = on(by, steps=[notice()]).id
            made.run[name] = a_run(made.automation[name], made.task[name])
            made.batch[name] = Change.one(Change.row_id == made.task[name], Change.table == "task").batch
            made.brought[name] = imports.take(tasks.rules, io.BytesIO(BROUGHT), "t.csv", by=by).id
            made.row[name] = rows.create(listings.of(repairs, by), {"f1": f"{name}'s"}, by=by).id
            made.row_file[name] = imports.take(listings.of(repairs, by), io.BytesIO(BROUGHT), "t.csv", by=by).id
            noted = (Change.row_id == made.row[name]) & (Change.table == f"record:{repairs.id}")
            made.comment[f"tasks.{name}"] = _commented(tasks.rules, made.task[name], by)
            made.comment[f"records.{name}"] = _commented(listings.of(repairs, by), made.row[name], by)
            made.attached[f"tasks.{name}"] = _attached(tasks.rules, made.task[name], by)
            made.attached[f"records.{name}"] = _attached(listings.of(repairs, by), made.row[name], by)
            made.row_batch[name] = Change.one(noted).batch
            for place, found in (("tasks", tasks.rules), ("records", listings.of(repairs, by))):
                made.view[f"{place}.{name}"] = saved_views.save(found.listing, "Mine", "", by=by).id
            made.chart[name] = saved_charts.save(tasks.listing, "Mine", "", by=by).id
            made.sale[name] = everything(by, at("alice"))
        made.public = something_public(repairs, at("alice"))
    for name in (*MEMBERS, "charlie", "stella"):
        person = getattr(cast, name)
        outgoing_key = f"hello:{name}"
        _insert(Notification, recipient=person, type="hello", title="Hello", dedupe_key=outgoing_key)
        made.notification[name] = Notification.one(Notification.recipient == person).id
        token = sessions.start(person, user_agent="Mozilla Chrome/1 Linux")
        made.session[name] = sessions.find(token).session.id
        _insert(models.Passkey, user=person, credential_id=f"{name:A<8}", public_key=b"x", name="Phone")
        made.passkey[name] = models.Passkey.get(models.Passkey.user == person).id
        _insert(models.Identity, user=person, provider="oidc", subject=name, email=person.email)
        made.identity[name] = models.Identity.get(models.Identity.user == person).id
    settings.change("site_name", "Guildhall of Bruges", by=cast.stella)
    made.event = AuditEvent.one(AuditEvent.action == "settings.changed").id
    plans.change("pro_monthly", plans.facts(plans.PLANS["pro_monthly"]) | {"gives": "All"}, by=cast.stella)
    made.replanned = plans.history("pro_monthly", 1)[0].id
    made.alert = alerts.broadcast("Tea is ready.", by=cast.stella).id
    about = {"deployment_id": "d", "began_at": now(), "happened_at": now(), "succeeded_at": now()}
    made.release = write(models.Release.create, **about).id
    made.outage = write(models.Outage.create, title="Slow lists").id
    made.article = {}
    for kind in ("post", "legal"):
        about = {"kind": kind, "title": "News", "body": "Words"}
        write(models.Article.create, slug="news", state="published", published_at=now(), **about)
        made.article[kind] = write(models.Article.create, slug="draft", **about).id
        made.article[f"{kind} to go"] = write(models.Article.create, slug="to-go", **about).id
    made.message = write(models.Feedback.create, kind="feedback", category="idea", title="More green", body="Yes.").id
    asked = {"organization": cast.acme, "asked_by": cast.alice, "name": cast.acme.name, "words": "We are it."}
    made.asked_mark = write(models.Verification.create, **asked).id
    made.backup = write(Backup.create, name="n", made_at=now(), state="proven").id
    made.letter = Letter.select(Letter.id).order_by(Letter.id).first().id
    made.issue = write(models.Campaign.create, subject="News", body="It is July.").id
    reader = {"email": "ida@example.org", "email_norm": "ida@example.org", "status": "confirmed"}
    _insert(models.Subscriber, id=made.issue, **reader)
    _insert(models.CampaignRecipient, id=made.issue, campaign=made.issue, email_norm="ida@example.org")
    bounced = {"email_norm": "gone@example.org", "scope": "all", "reason": "bounced", "letter": made.letter}
    _insert(models.Suppression, id=made.letter, **bounced)
    _insert(
        WebhookEvent,
        channel="billing_stripe",
        event_id="evt_1",
        type="invoice.paid",
        payload=b"{}",
        happened_at=now(),
        status="buried",
    )
    made.webhook = WebhookEvent.get().id
    with inside(cast.globex):
        _insert(
            models.Subscription,
            provider="stripe",
            provider_subscription_id="sub_1",
            provider_customer_id="cus_1",
            plan_key="pro_monthly",
            provider_price_id="price_1",
            status="canceled",
            last_event_at=now(),
        )
        made.subscription = models.Subscription.get().id
    _insert(models.Outgoing, kind="subscription_end", key="subscription_end:stripe:sub_1", status="buried")
    made.unsent = models.Outgoing.get(models.Outgoing.kind == "subscription_end").id
    _staff(made, cast)
    _backers(made, cast)
    with inside(cast.acme):
        _people_of_acme(made, cast, at("alice"))
        for capability in plans.PAID:
            _insert(
                models.Grant, plan_key="pro_monthly", capability=capability, source="manual:test", source_type="manual"
            )
        form = {"role": "viewer", "most": "3", "days": "7"}
        labels.add(["Urgent"], by=at("alice"))
        made.label = models.Label.get().id
        _reported(made, made.sale["alice"]["event"])
        made.flyers, version = a_campaign("figures", state="ended")
        _insert(models.FlyerBatch, version=version, name="Guests")
        made.flyer_batch = models.FlyerBatch.get().id
        made.endpoint = endpoints.make({"name": "Chat", "url": "https://example.org/"}, by=at("alice"))[0].id
        about = {"endpoint": made.endpoint, "message_id": "m", "cause": "c", "body": "{}", "state": "taken"}
        made.message = write(models.WebhookDelivery.create, **about).id
        made.api_key = a_key(at("alice"))[0].id
        made.invitation_link = invitation_links.make(form, by=at("alice"))[0].id
    return made


def _attached(rules, id, by):
    made = attachments.add(rules, id, io.BytesIO(PICTURE), "a.png", by=by).id
    attachments.draw_thumbnails(10)
    return made


def _commented(rules, id, by):
    return comments.add(rules, id, {"text": "Hello"}, by=by, page="/acme/tasks")[0].id


def _staff(made, cast):
    """stella may do everything; dora is support; an address without an account is on the list too."""
    _insert(models.StaffRole, user=cast.stella, role="super_admin")
    for email in ("dora@example.org", "old@example.org"):
        _insert(models.Admin, email=email, email_norm=email)
    _insert(models.StaffRole, user=cast.dora, role="support")
    made.staff_row = models.Admin.get(models.Admin.email_norm == "dora@example.org").id
    made.listed = models.Admin.get(models.Admin.email_norm == "old@example.org").id
    made.shut = accounts.create("shut@example.org", "Shut", None).id
    made.closed = models.Organization.get(models.Organization.owner == made.shut).id
    for table, id in ((models.User, made.shut), (models.Organization, made.closed)):
        transactions.writes(table.update(status="suspended").where(table.id == id).execute)()
    made.audited = AuditEvent.get(AuditEvent.organization == cast.acme).id


def _backers(made, cast):
    """One who has used the code, and a file that waits."""
    made.tier = tiers.add({"key": "early", "name": "Early bird"}, by=cast.stella).id
    made.backer = backers.add("Ada", "ADA-1234", made.tier, by=cast.stella)[0].id
    claimed = {"used_by": cast.charlie, "used_at": now()}
    transactions.writes(models.Backer.update(**claimed).where(models.Backer.id == made.backer).execute)()
    made.file = backer_imports.check(b"username,code\nBob,BOB-1234", "b.csv", made.tier, by=cast.stella).id


def _people_of_acme(made, cast, alice):
    made.colleague = models.Membership.get(organization=cast.acme, user=cast.dora).id
    made.stage = workspaces.create("Main stage", by=alice)
    made.attic = workspaces.archive(workspaces.create("Attic", by=alice).id, by=alice).id
    made.part = assignments.assign(made.stage.id, cast.dora.id, "staff", by=alice).id
    made.invitation = invitations.invite("ida@example.org", "staff", by=alice, workspace=made.stage.id).id


def _reported(made, draft):
    """One that its organization decides, one that the staff decides, and one that was removed."""
    own, theirs, gone = (
        write(models.ModerationItem.create, subject="event", reason="spam", is_hidden=True, **about)
        for about in (
            {"subject_id": 9001, "title": "Flyer"},
            {"subject_id": draft, "title": "Party", "is_for_platform": True},
            {"subject_id": 9003, "title": "Gone", "state": "removed"},
        )
    )
    made.reported, made.decided = {"own": own.id, "theirs": theirs.id}, gone.id
    write(models.ModerationReport.create, item=own, reporter="somebody", reason="spam")


def _insert(table, **values):
    transactions.writes(lambda: table.insert(**values).execute())()


IMPORTS = (
    *("show_import", "lay_out_import", "map_import", "run_import", "undo_import", "drop_import"),
    *("import_errors_csv", "import_errors_xlsx"),
)


def filled(rule, endpoint, name, world):
    """The rule's address with real values; a converter nobody has thought of yet fails here."""
    who = name if name in MEMBERS else "alice"  # outsiders try what is alice's
    known = {
        "organization": "acme",
        "event": world.night,
        "filename": "favicon.svg",
        "number": "1" if endpoint == "dev.letter" else "0",
        "secret": "no-such-secret",
        "link": "no-such-link",
        "serial": "no-such-pass",
        "listing": "tasks",
        "value": "nothing",
        "field": "nothing",
        "sha256": "0" * 64,
        "token": "no.such.token",
        "kind": "event" if endpoint.startswith("reporting.") else "comments",
        "provider": "sandbox" if endpoint == "paying.take" else "oidc",
        "account": "no-such-account",
        "batch": world.batch[who],
        "slug": {"organizations": (name or "alice"), "workspaces": "general", "articles": "news"}.get(
            endpoint.partition(".")[0]
        ),
        "parent": {"people": world.cast.alice.id, "news": world.issue}.get(endpoint.partition(".")[0], world.stage.id),
        "table": "repairs",
        "purpose": "form",
        "letter": "event_moved",
        "chart": world.chart.get(who),
        "view": world.view.get(f"{endpoint.partition('.')[0]}.{who}"),
        "file": world.attached.get(f"{endpoint.partition('.')[0]}.{who}"),
        "comment": world.comment.get(f"{endpoint.partition('.')[0]}.{who}"),
        "name": {
            "tasks": "title",
            "labels": "label",
            "records": "f1",
            "settings": "site_name",
            "plans": "pro_monthly",
            "sandbox": "v1/customers",
            "reporting": world.sale[who]["slug"],
        }.get(endpoint.partition(".")[0]),
        "id": {
            "tasks": world.task[who],
            "records": world.row[who],
            "notices": world.notification.get(name, 1),
            "account": world.session.get(name, 1),
            "passkeys": world.passkey.get(name, 1),
            "identities": world.identity.get(name, 1),
            "alerts": world.alert,
            "backups": world.backup,
            "releases": world.release,
            "outages": world.outage,
            "article_desk": world.article["post" if "blog" in rule else "legal"],
            "feedback": world.message,
            "verifications": world.asked_mark,
            "mail": world.letter,
            "news": world.issue,
            "jobs": "tokens",
            "feeds": 1,
            "dev": world.cast.alice.id,
            "sandbox": "nothing",
            "members": world.colleague,
            "invitations": world.invitation,
            "invitation_links": world.invitation_link,
            "labels": world.label,
            "keys": world.api_key,
            "automations": world.automation[who],
            "automation_runs": world.run[who],
            "automation_webhooks": world.message if "deliveries" in rule else world.endpoint,
            "public_links": world.public["link"],
            "public_answers": world.public["answer"],
            "mobile": 1,
            "listings": 1,
            "workspaces": world.stage.id,
            "admins": world.staff_row if "taken" in rule or "given" in rule else world.listed,
            "people": world.cast.alice.id,
            "organization_desk": world.cast.acme.id,
            "credits": world.cast.acme.id,
            "audit": world.audited,
            "flyer_batches": world.flyer_batch,
            "flyer_captions": world.flyers.id,
            "flyer_figures": world.flyers.template_id if "template" in endpoint else world.flyers.id,
            "reports": world.decided if ".decided_" in endpoint else world.reported["own"],
            "moderation": world.decided if ".decided_" in endpoint else world.reported["theirs"],
            "inbox": world.webhook,
            "subscriptions": world.unsent if "unsent" in rule else world.subscription,
            "reconciliations": "1-1",
            "tiers": world.tier,
            "backers": world.file if "imports" in rule else world.backer,
        }.get(endpoint.partition(".")[0]),
    }
    known |= {
        "settings.put_back": {"name": "site_name", "id": world.event},
        "plans.put_back": {"id": world.replanned},
        "permissions.why": {"id": world.cast.alice.id},
        "faces.show": {"public_id": world.cast.alice.public_id},
        "logos.in_letters": {"public_id": "nobody"},
        "workspaces.act_restoration": {"id": world.attic},
        "automations.restore": {"number": 1},
        "records.change_field": {"id": 1},
        "records.add_word": {"id": 2},
        **{f"tasks.{part}": {"id": world.brought[who]} for part in IMPORTS},
        **{f"record_fields.{name}": {"id": 1} for name in ("show", "act", "kind", "change_kind")},
        "record_fields.word": {"id": 2},
        **{f"record_formulas.{name}": {"id": 1} for name in ("edit", "change")},
        **{f"record_buttons.{name}": {"id": world.button} for name in ("edit", "change")},
        "record_papers.printed_row": {"id": world.row[who]},
        "record_buttons.press": {"id": world.row[who], "button": world.button},
        "record_buttons.leave": {"id": world.row[who], "button": world.way_out},
        **{f"record_links.{name}": {"name": "f1"} for name in ("offered", "make")},
        **{f"records.{part}": {"id": world.row_file[who]} for part in IMPORTS},
        "records.undo": {"batch": world.row_batch[who]},
        "workspaces.people_act_role": {"id": world.part},
        "workspaces.people_act_removal": {"id": world.part},
        "people.reactivate": {"id": world.shut},
        **{f"article_desk.{kind}_act_deletion": {"id": world.article[f"{kind} to go"]} for kind in ("post", "legal")},
        "cron.begin": {"job": "tokens"},
        "organization_desk.reactivate": {"id": world.closed},
        "organization_desk.keys_act_revocation": {"id": world.api_key},
        "reports.act_appeal": {"id": world.reported["theirs"]},
        **{f"listings.download_file{one}": {"id": 1, "file": 1} for one in ("", "_beside")},
        **{f"listings.act_on_row{one}": {"id": 1, "act": "taking"} for one in ("", "_beside")},
        **{f"listings.press_button{one}": {"id": 1, "button": 1} for one in ("", "_beside")},
        "public.look": {"token": world.public["name"]},
        "reporting.withdraw": {"kind": "event", "name": world.sale[who]["slug"]},
    }.get(endpoint, {})
    if endpoint.startswith("public_answers."):
        known |= {"parent": world.public["link"], "file": world.public["file"]}
    known |= {"table": "tokens"} if endpoint.startswith("jobs.") else {}
    known |= {"listing": "tiers"} if endpoint.startswith("listings.") and endpoint.endswith("_beside") else {}
    known |= of_an_event(endpoint, world.sale[who])
    address = rule
    for part in [p.partition(">")[0] for p in rule.split("<")[1:]]:
        value = known.get(part.rpartition(":")[2])
        assert value is not None, f"{rule}: say in test_access.filled what <{part}> is"
        address = address.replace(f"<{part}>", str(value))
    return address


def of_an_event(endpoint, sale):
    """The parts of addresses of events, of what is within them, and of those that strangers open."""
    room, _, end = endpoint.partition(".")
    if room in ("buying", "paying"):
        return dict(zip(("order", "token"), sale["held"], strict=True)) | {"slug": sale["slug"]}
    if room == "passes":
        offer, key = sale["offer"]
        serial, token = sale["pass"]
        return {"transfer": offer, "serial": serial, "token": key if end in ("offered", "accept") else token}
    if room == "line":
        return dict(zip(("place", "token"), sale["place"], strict=True))
    if room == "flyers_editing":
        return {"id": sale["templates_row"]}
    if room.startswith("flyers_"):
        return sale["flyer"] | {"name": sale["flyer"]["sample" if room == "flyers_parts" else "picture"]}
    if room == "carriers":
        return dict(zip(("serial", "token"), sale["pass"], strict=True)) | {"slug": sale["slug"]}
    if room == "finding":
        return {"slug": sale["slug"]}
    if room in ("badges", "running", "event_covers", "logos"):
        return {"id": sale["published"], "slug": sale["slug"]}
    if room == "returns":
        return {"event": sale["published"], "id": sale["refunds_row" if end.endswith("account") else "paid"]}
    if room not in ("events", "flyers"):
        return {}
    if end in ("index", "preview"):
        return {"id": sale["templates_row"]}
    part = f"{end.partition('_')[0]}_"
    if f"{part}row" not in sale:
        id = sale["published"] if end in ("act_cancellation",) else sale["event"]
        return {"id": id, "name": "title", "batch": sale["batch"][""]}
    others = {"orders_act_letter": "paid", "devices_act_return": "phone_off"}
    others |= {f"refunds_act_{act}": "asked_row" for act in ("approval", "refusal")} | {"money_act_return": "returned"}
    id = sale[others.get(end, f"{part}row")]
    parent = {"prices_": sale["free"], "line_": sale["full"], "phases_": sale["campaigns_row"]}.get(
        part, sale["published"]
    )
    first = next(iter(EVENT_FORMS.get(part, {"": ""})))
    return {"id": id, "parent": parent, "name": first, "batch": sale["batch"].get(part)}


def ask(world, method, rule, endpoint, name, headers=JSON):
    """One request by one of the cast; streams are closed at their head."""
    address = filled(rule, endpoint, name, world)
    who = name if name in MEMBERS else "alice"
    real = {
        "invitation": world.invitation,
        "api_key": world.api_key,
        "run": world.run[who],
        "message": world.message,
        "task": world.task[who],
        "colleague": world.colleague,
        "part": world.part,
        "tier": world.tier,
        "row": world.row[who],
        "label": world.label,
        "bob": world.cast.bob.id,
        "own_report": world.reported["own"],
        "their_report": world.reported["theirs"],
        "decided": world.decided,
    }
    real |= {key: value for key, value in world.sale[who].items() if key not in real}
    form = {k.format(**real): v.format(**real) for k, v in FORMS.get(endpoint, {}).items()}
    client = world.browse(name)
    data = form if method != "GET" else None
    response = client.open(address, method=method, headers=headers, data=data, buffered=False)
    if headers is JSON and response.status_code == 403 and response.json["code"] == "SENSITIVE_VERIFICATION_REQUIRED":
        asked = {f"proof_{part}": response.json[part] for part in ("action", "target", "level")}
        proof = asked | {"proof_method": "password", "proof_answer": PASSWORD}
        response = client.open(address, method=method, headers=headers, data=data | proof)
    if response.mimetype != "text/event-stream":
        response.get_data()
    response.close()
    return response


def through(response, endpoint):
    """The view was reached and did its work, or said for its own reason that it can't."""
    status = response.status_code
    if endpoint in MISSING:
        return status == 404 and MISSING[endpoint] in response.json["message"]
    if endpoint in REFUSED:
        return status in (REFUSED[endpoint] if isinstance(REFUSED[endpoint], tuple) else (REFUSED[endpoint],))
    location = response.headers.get("Location", "")
    return (200 <= status < 400) and not location.startswith("/sign-in?")


def lets_in(world, route, names):
    for name in names:
        response = ask(world, *route, name)
        assert through(response, route[2]), (route, name, response.status_code, response.data[:300])


def asked_of(names):
    """Who is let in is decided above SQL: on the other database the first alone asks whether each page does its work."""
    return names if database.dialect == "sqlite" else tuple(names)[:1]


def test_no_route_is_without_a_door_and_there_are_routes_of_each_kind():
    assert {door.kind for *_, door in ROUTES} == {
        "public",
        "signed_in",
        "member",
        "keeper",
        "platform",
        "holder",
        "provider",
        "machine",
    }
    assert len(ROUTES) > 50


@of("public")
def test_a_public_route_is_open_to_everybody(world, routes):
    for method, rule, endpoint, _ in routes:
        lets_in(world, (method, rule, endpoint), asked_of(EVERYBODY))


@pytest.mark.above_sql
def test_a_stranger_is_sent_to_sign_in(world):
    for method, rule, endpoint, _ in behind("signed_in", "member"):
        page = ask(world, method, rule, endpoint, None, headers={})
        assert page.status_code == 303, rule
        assert page.headers["Location"].startswith("/sign-in?next=%2F"), rule
        htmx = ask(world, method, rule, endpoint, None, headers=HTMX)
        assert (htmx.status_code, htmx.headers["HX-Redirect"][:14]) == (401, "/sign-in?next="), rule
        machine = ask(world, method, rule, endpoint, None)
        assert machine.status_code == 401, rule
        assert machine.json["code"] == "UNAUTHENTICATED", rule


@pytest.mark.above_sql
def test_head_and_options_are_no_way_round_a_door(world):
    for method, rule, endpoint, door in ROUTES:
        if method != "GET" or door.kind == "public":
            continue
        to_sign_in = dict.fromkeys(("signed_in", "member", "keeper"), (303,))
        expected = (to_sign_in | {"platform": (404,), "holder": (404,), "machine": (401, 503)})[door.kind]
        assert ask(world, "HEAD", rule, endpoint, None, headers={}).status_code in expected, rule
        assert ask(world, "OPTIONS", rule, endpoint, None, headers={}).data == b"", rule
    for method, rule, endpoint, door in ROUTES:
        if method == "GET" and door.kind == "member":
            assert ask(world, "HEAD", rule, endpoint, "charlie").status_code == 404, rule


@of("signed_in")
def test_whoever_is_signed_in_is_let_in(world, routes):
    for method, rule, endpoint, _ in routes:
        lets_in(world, (method, rule, endpoint), asked_of(EVERYBODY[1:]))


@of("member")
def test_a_member_route_is_not_there_for_others_and_asks_the_role(world, routes):
    for method, rule, endpoint, door in routes:
        denied = [name for name, role in MEMBERS.items() if not roles.allows(role, door.capability)]
        if database.dialect == "sqlite":
            _keeps_out(world, denied, (method, rule, endpoint))
        lets_in(world, (method, rule, endpoint), asked_of([name for name in MEMBERS if name not in denied]))


def _keeps_out(world, denied, route):
    before, refused = counted(), denials()
    for name in ("charlie", "stella"):
        response = ask(world, *route, name)
        assert response.status_code == 404, (route, name, response.data[:300])
        assert response.json["message"] == access.NotFound().sentence
    for name in denied:
        response = ask(world, *route, name)
        assert response.status_code == 403, (route, name, response.status_code, response.data[:300])
        assert response.json["code"] == "FORBIDDEN"
    assert counted() == before
    assert denials() - refused == (len(denied) if route[0] != "GET" else 0), route


@of("keeper")
def test_a_door_is_not_there_for_who_does_not_work_at_it(world, routes):
    before = counted()
    for route in (route[:3] for route in routes):
        for name in ("charlie", "stella", "vera"):
            response = ask(world, *route, name)
            assert response.status_code == 404, (route, name, response.data[:300])
            assert response.json["message"] == "There is no door of yours here."
    assert counted() == before
    for route in (route[:3] for route in routes):
        for name in ("alice", "bob"):
            response = ask(world, *route, name)
            assert response.status_code in (200, 303, 404, 422), (
                route,
                name,
                response.status_code,
                response.data[:300],
            )
            assert "no door of yours" not in response.text


@of("platform")
def test_an_admin_route_is_not_there_for_anybody_else(world, routes):
    others = asked_of(("alice", None, "bob", "vera", "charlie"))
    for route in (route[:3] for route in routes):
        before, refused = counted(), denials()
        for name in others:
            response = ask(world, *route, name)
            assert response.status_code == 404, (route, name, response.data[:300])
            assert response.json["message"] == access.NotFound().sentence
        assert counted() == before
        seen = len([*filter(None, others)]) if route[0] != "GET" else 0  # everybody's who was signed in
        assert denials() - refused == seen, route
        lets_in(world, route, ("stella",))


def test_an_unproven_address_or_an_empty_list_is_no_admin(world):
    stella = world.cast.stella
    routes = [route for route in ROUTES if route[3].kind == "platform"]

    def statuses():
        decided = {"moderation.act_approval", "moderation.act_removal"}  # of the others' one: it isn't in line any more
        decided |= {"article_desk.post_act_deletion", "article_desk.legal_act_deletion"}  # it was
        decided |= {"demo.remove", *(f"news.{verb}" for verb in NEWS_OVER)}  # no demo; the issue was removed
        there = (route for route in routes if route[2] not in MISSING and route[2] not in decided)
        return {ask(world, method, rule, endpoint, "stella").status_code for method, rule, endpoint, _ in there}

    def proven(at):
        transactions.writes(
            lambda: models.User.update(email_verified_at=at).where(models.User.id == stella.id).execute()
        )()

    proven(None)
    assert statuses() == {404}
    proven(now())
    assert 404 not in statuses()
    transactions.writes(lambda: models.Admin.delete().execute())()
    assert statuses() == {404}


@pytest.mark.above_sql
def test_a_link_opens_to_whoever_has_it_whole_and_to_nobody_else(world):
    before = counted()
    for method, rule, endpoint, _ in behind("holder"):
        for name in EVERYBODY:
            assert ask(world, method, rule, endpoint, name).status_code == 404, (name, rule)
    assert counted() == before


@pytest.mark.above_sql
def test_a_machine_route_refuses_whoever_has_no_signature_or_token(world):
    before = counted()
    for method, rule, endpoint, _ in behind("provider", "machine"):
        # The sandbox speaks Stripe's language here, and no organization has an account of its own.
        inactive = rule in ("/webhooks/polar", "/webhooks/lemon-squeezy") or "<account>" in rule
        for name in EVERYBODY:
            response = ask(world, method, rule, endpoint, name)
            assert response.status_code in ((404,) if inactive else (400, 401, 503)), (name, rule)
    assert counted() == before


def test_staff_that_looks_on_changes_nothing_wherever_it_goes(world, web):
    """Every route there is, as the owner of everything; the way out comes last."""
    token = sessions.look_on(world.cast.alice, world.cast.stella, "A task is gone.", lasts=timedelta(minutes=30))
    client = web.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"], cookie["_fresh"] = token, True
    before = counted()
    for method, rule, endpoint, door in ROUTES:
        if door.kind in ("holder", "provider", "machine") or endpoint in ("static", "people.stop_looking"):
            continue
        address = filled(rule, endpoint, "alice", world)
        response = client.open(address, method=method, headers=JSON, data=FORMS.get(endpoint), buffered=False)
        private = rule.split("/")[1] in ("account", "settings", "auth", "step-up")
        # A form that would be refused when it is sent is refused before anything is typed.
        form = endpoint in ("tasks.new", "records.new", "tasks.day", "records.day", "labels.new", "public_links.new")
        form = form or (endpoint.startswith(("events.", "flyers.")) and endpoint.endswith("new"))
        if method == "POST" or private or form:
            assert (response.status_code, response.json["code"]) == (403, "FORBIDDEN"), rule
        elif door.kind == "platform":
            assert response.status_code == 404, rule
        elif door.kind == "member":
            usual = 404 if endpoint in MISSING else 303 if endpoint in LEADS_ON else 200
            expected = REFUSED.get(endpoint, usual)
            assert response.status_code in (expected if isinstance(expected, tuple) else (expected,)), rule
        response.close()
    assert counted() == before
    assert client.post("/impersonation/end").headers["Location"] == "/sign-in"  # nobody to go back to here
    assert client.get("/acme").status_code == 303


NEWS_OVER = ("schedule", "take_back", "pause", "resume", "stop", "show_reader")
LEADS_ON = ("billing.unasked", "flyers.index", "record_buttons.leave")


def denials():
    """Refused changes that are in the log."""
    return AuditEvent.select().where(AuditEvent.result == "denied").count()


def test_a_removed_member_and_a_suspended_user_are_out_at_their_next_request(cast, browse):
    bob, vera = browse("bob"), browse("vera")
    assert bob.get("/acme/tasks").status_code == vera.get("/acme/tasks").status_code == 200
    transactions.writes(lambda: models.Membership.delete().where(models.Membership.user == cast.bob).execute())()
    transactions.writes(
        lambda: models.User.update(status="suspended").where(models.User.id == cast.vera.id).execute()
    )()
    assert bob.get("/acme/tasks").status_code == 404
    assert vera.get("/acme/tasks").status_code == 303


def test_a_suspended_organization_refuses_every_write_and_shows_only_a_notice_and_invoices(cast, world):
    transactions.writes(
        lambda: models.Organization.update(status="suspended").where(models.Organization.id == cast.acme.id).execute()
    )()
    before = counted()
    for method, rule, endpoint, door in ROUTES:
        if door.kind == "member" and method == "POST":
            response = ask(world, method, rule, endpoint, "alice")
            assert (response.status_code, response.json["code"]) == (403, "ORGANIZATION_SUSPENDED"), rule
    assert counted() == before
    alice = world.browse("alice")
    assert alice.get("/acme/tasks").status_code == 403
    assert alice.get("/acme").status_code == alice.get("/acme/billing").status_code == 200


# --- role, plan and the organization's state, at every door (check 12) ------------------------------------------

STAND = {"owner": "alice", "admin": "bob", "member": "dora", "viewer": "vera"}
# One never ends; one refuses with FORBIDDEN for a reason of its own when the form is empty.
NOT_ASKED = {
    "live.stream",
    "permissions.preview",
    "record_rules.look",
    "billing.portal",
}  # the last also wants a plan, or a debt
REFUSALS = {"FORBIDDEN", "CAPABILITY_REQUIRED", "ORGANIZATION_SUSPENDED"}


@pytest.fixture
def acme(cast):
    """`acme("pro")` puts Acme into that state, with somebody in each role."""

    def become(state):
        with inside(cast.acme):
            theirs = Membership.user == cast.bob, Membership.organization == cast.acme
            Membership.update(role="admin").where(*theirs).execute()
            for capability in PAID if state != "free" else ():
                Grant.create(plan_key="pro_monthly", capability=capability, source="manual:t", source_type="manual")
            if state == "suspended":
                Organization.update(status="suspended").where(Organization.id == cast.acme.id).execute()

    return lambda state: write(become, state)


def asked_in(state, routes):
    """Every door in the usual state. What another state changes is decided by what a door asks for, and by whether it
    changes anything: there one door of each asks."""
    return routes if state == "pro" else list({(r[0], r[3].capability): r for r in routes}.values())


@pytest.mark.above_sql
@pytest.mark.parametrize("state", STATES)
def test_check_12_every_door_answers_as_the_table_says(bare_free, acme, browse, state):
    acme(state)
    routes = asked_in(state, [r for r in ROUTES if r[3].kind == "member" and r[2] not in NOT_ASKED])
    routes.sort(key=lambda r: r[2] == "members.leave")  # who has left can ask no more
    assert {door.capability for *_, door in routes} <= MATRIX.keys()
    wrong = []
    for role, name in STAND.items():
        client = browse(name)
        for method, rule, endpoint, door in routes:
            address = re.sub(r"<[^>]+>", "999999", rule.replace("<organization>", "acme"))
            answer = client.open(address, method=method, headers={"Accept": "application/json"})
            code = answer.json.get("code", "") if answer.is_json else ""
            refused = answer.status_code == 403 and code in REFUSALS
            if refused is (role[0] in MATRIX[door.capability][STATES.index(state)]):
                wrong.append((role, method, rule, endpoint, answer.status_code, code))
    assert wrong == []


@pytest.mark.above_sql
@pytest.mark.parametrize("state", STATES)
def test_check_12_for_a_stranger_there_is_nothing_in_any_state(acme, browse, state):
    acme(state)
    client = browse("charlie")
    for method, rule, *_ in asked_in(state, [r for r in ROUTES if r[3].kind == "member"]):
        address = re.sub(r"<[^>]+>", "999999", rule.replace("<organization>", "acme"))
        assert client.open(address, method=method).status_code == 404, rule


def test_the_app_refuses_to_start_with_a_route_that_has_no_door(house, monkeypatch):
    bare = types.ModuleType("views.bare")
    bare.blueprint = Blueprint("bare", "views.bare")
    bare.blueprint.add_url_rule("/bare", "door_forgotten", lambda: "open to all")
    monkeypatch.setitem(sys.modules, "views.bare", bare)
    features = factory.features
    monkeypatch.setattr(factory, "features", lambda chosen: (*features(chosen), "views.bare"))
    from domain.base import configuration

    database.close_all()
    with pytest.raises(RuntimeError, match="/bare"):
        factory.create_app(configuration.active)


@pytest.mark.parametrize("door", [access.member, access.platform])
def test_a_misspelt_capability_fails_where_it_is_written(door):
    assert door("admin.read" if door is access.platform else "tasks.read")
    with pytest.raises(ValueError, match=r"task\.raed"):
        door("task.raed")


def test_a_platform_capability_opens_no_organization(at):
    """A door may name any declared capability; one of the wrong kind must let nobody in."""
    with pytest.raises((KeyError, access.Refused)):
        at("alice").require("admin.read")


def test_nothing_of_ours_is_touched_out_of_scope(cast, inside_acme):
    assert Task.select().count() == 0
    assert audit.CATEGORIES
    token = _scope.set(None)
    try:
        with pytest.raises(OutOfScope):
            Task.select().count()
    finally:
        _scope.reset(token)


@pytest.mark.above_sql
@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example/acme",
        "http://localhost.evil.example/",
        "http://localhost@evil.example/",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "/\t/evil.example",
        "/acme\r\nSet-Cookie: a=b",
        "\x00/acme",
        "",
        None,
        "acme",
        "http://localhost//evil.example",
        "ftp://evil.example/x",
    ],
)
def test_next_leads_nowhere_else(web, target):
    with web.test_request_context("/sign-in"):
        found = access.same_site(target)
    assert found is None or (
        found.startswith("/") and not found.startswith(("//", "/\\")) and "\r" not in found and "\n" not in found
    )


@pytest.mark.above_sql
@pytest.mark.parametrize("target", ["http://[", "//[x", "http://evil℀.example/", "http://[::1"])
def test_an_address_that_is_none_leads_nowhere_and_breaks_nothing(web, target):
    with web.test_request_context("/sign-in"):
        assert access.same_site(target) is None


@pytest.mark.above_sql
@pytest.mark.parametrize(
    ("target", "found"),
    [("/acme/tasks?q=a&tab=all", "/acme/tasks?q=a&tab=all"), ("http://localhost/acme", "/acme"), ("/", "/")],
)
def test_next_leads_back_within_this_site(web, target, found):
    with web.test_request_context("/sign-in"):
        assert access.same_site(target) == found

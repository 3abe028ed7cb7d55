"""The catalogue of letters: for each file of templates/mail when it goes out, to whom, and values to show it with.

The next letter is that file, a word in preferences.KINDS, and a row here.
"""

from dataclasses import dataclass, field
from typing import Any

from database.clock import now
from database.transactions import writes
from domain import NotFound
from domain.base import mail, outgoing, preferences
from domain.base.letters import log
from domain.fields.kinds import Field
from domain.fields.text import Text
from domain.lists.listing import Listing, Sort, both
from domain.lists.sources import Given

SITE = "https://hall.example.org"
WHEN = "15 July 2026, 12:00 UTC"
CODE = {"name": "Ada", "code": "735186"}
PLAN = {"organization": "Acme", "plan": "Pro", "link": f"{SITE}/acme/billing"}
UNTIL = PLAN | {"until": "15 July 2026"}
PLACED = {"when": "3 July 2026, 20:00 Berlin time", "where": "Old Mill, Mill Lane 1"}
ORDER = {"name": "Ada", "event": "Jazz Night", "number": "3F9A11C0", "link": f"{SITE}/orders/x/y"}
PASS = {"name": "Ada", "event": "Jazz Night", "link": f"{SITE}/passes/x/y"}
SIGNED_IN = {"name": "Ada", "device": "Firefox on Linux", "place": "192.0.2.1", "at": WHEN}
KEEPERS, BUYER, HOLDER, ADMINS = "owners and admins", "who ordered", "who holds a ticket", "admins of this site"

# name, what people call it, when it goes out, to whom, and what it says for example
_TABLE: tuple[tuple[str, str, str, str, dict[str, Any]], ...] = (
    # --- an account
    ("verify_email", "Code for a new account", "Somebody signs up", "their address", CODE),
    (
        "already_registered",
        "There is an account already",
        "Somebody signs up with an address that has an account",
        "its owner",
        {},
    ),
    ("otp_sign_in", "Code to sign in", "A code to sign in is asked for", "its owner", CODE),
    (
        "magic_link",
        "Link to sign in",
        "A link to sign in is asked for",
        "its owner",
        {"name": "Ada", "link": f"{SITE}/sign-in/link/x"},
    ),
    ("reset_password", "Code for a new password", "A new password is asked for", "its owner", CODE),
    ("password_changed", "Password changed", "A password was changed", "its owner", {"name": "Ada"}),
    (
        "stepup_code",
        "Code before a sensitive act",
        "Before an act that would hurt",
        "who does it",
        CODE | {"says": "remove this member"},
    ),
    ("new_sign_in", "New sign-in", "A sign-in from a new browser", "its owner", SIGNED_IN),
    (
        "new_sign_in_replaced_session",
        "New sign-in, the other one ended",
        "A sign-in that ends the one before",
        "its owner",
        SIGNED_IN,
    ),
    (
        "second_factor_changed",
        "Second factor changed",
        "The second factor is turned on or off",
        "its owner",
        {"name": "Ada", "on": True},
    ),
    ("passkey_added", "Passkey added", "A passkey was added", "its owner", {"name": "Ada", "passkey": "Laptop"}),
    ("confirm_address", "Code for another address", "An account is to have another address", "the new address", CODE),
    (
        *("email_changed", "Address changed", "An account has another address", "both addresses"),
        {"name": "Ada", "old": "ada@example.org", "new": "lovelace@example.org"},
    ),
    (
        *("identity_code", "Code to connect an account", "An account elsewhere is to be connected", "its address"),
        {"provider": "Google", "code": "735186"},
    ),
    (
        *("identity_connected", "Account connected", "An account elsewhere was connected", "its owner"),
        {"name": "Ada", "provider": "Google", "address": "ada@gmail.com"},
    ),
    (
        "account_deleted",
        "Account closed",
        "An account was closed",
        "who owned it",
        {"name": "Ada", "receipt": "membership: 2, session: 3"},
    ),
    (
        *("account_suspended", "Account suspended", "An admin shuts somebody out", "them"),
        {"name": "Ada", "reason": "Spam was sent from it."},
    ),
    ("account_reactivated", "Account open again", "An admin lets somebody in again", "them", {"name": "Ada"}),
    (
        *("looked_on", "Staff looked on", "An admin looked at the site as somebody", "them"),
        {"name": "Ada", "staff": "Stella", "reason": "She asked about a task.", "at": WHEN},
    ),
    # --- organizations
    (
        *("invitation", "Invitation", "Somebody is invited", "them"),
        {"by": "Alice", "where": "Acme", "role": "viewer", "until": "15 July 2026", "link": f"{SITE}/x"},
    ),
    (
        *("invitation_accepted", "Invitation taken", "An invitation is taken", "who sent it"),
        {"name": "Alice", "who": "Nina", "where": "Acme", "role": "viewer", "link": f"{SITE}/x"},
    ),
    (
        *("ownership_transfer", "Organization offered", "An organization is offered to somebody", "them"),
        {"name": "Bob", "by": "Alice", "organization": "Acme", "until": "15 July 2026", "link": f"{SITE}/x"},
    ),
    (
        *("ownership_offered", "Offer of an organization", "An organization is offered to somebody", "who offers it"),
        {"name": "Alice", "new": "Bob", "organization": "Acme", "until": "15 July 2026", "link": f"{SITE}/x"},
    ),
    (
        *("ownership_transferred", "Organization handed over", "An organization has another owner", "both owners"),
        {"organization": "Acme", "old": "Alice", "new": "Bob", "link": f"{SITE}/x"},
    ),
    (
        "member_removed",
        "Member removed",
        "Somebody is taken out",
        "them",
        {"name": "Bob", "by": "Alice", "organization": "Acme"},
    ),
    (
        *("organization_suspended", "Organization suspended", "An admin suspends an organization", KEEPERS),
        {"name": "Ada", "organization": "Acme", "reason": "Unpaid since May.", "link": f"{SITE}/acme"},
    ),
    (
        *("organization_reactivated", "Organization goes on", "An admin lets it go on", KEEPERS),
        {"name": "Ada", "organization": "Acme", "link": f"{SITE}/acme"},
    ),
    (
        *("key_ending", "Key ends soon", "A key of a program ends in 14 days", "who made it"),
        {"name": "Ada", "organization": "Acme", "program": "Till", "prefix": "3f9a", "until": "15 July 2026"}
        | {"link": f"{SITE}/acme/keys"},
    ),
    # --- the newsletter
    (
        *(
            "newsletter_confirm",
            "Confirm the newsletter",
            "Somebody subscribes to the newsletter, and a day later once more",
            "their address",
        ),
        {"link": f"{SITE}/newsletter/confirm/x", "again": False},
    ),
    (
        *("newsletter", "Newsletter", "An issue of the newsletter is sent", "who confirmed that they want it"),
        {"subject": "What is new in July", "body": "Jazz Night is on **3 July**.", "leave": f"{SITE}/newsletter/x"}
        | {"words": "<p>Jazz Night is on <strong>3 July</strong>.</p>"},
    ),
    # --- plans
    ("subscription_success", "Plan begins", "A plan begins", KEEPERS, PLAN),
    ("subscription_canceled", "Plan ends", "A plan is cancelled or ends", KEEPERS, UNTIL),
    ("subscription_error", "Plan never began", "The first payment for a plan never went through", KEEPERS, PLAN),
    ("payment_failed", "Payment declined", "A payment for a plan is declined", KEEPERS, UNTIL),
    ("payment_action", "Payment to be confirmed", "A bank wants a payment confirmed", KEEPERS, UNTIL),
    ("trial_ending", "Trial ends soon", "A trial ends soon", KEEPERS, UNTIL),
    ("grace_ending", "Plan ends soon, payment open", "An open payment ends the plan soon", KEEPERS, UNTIL),
    ("grace_over", "Plan ended, payment open", "An open payment ended the plan", KEEPERS, PLAN),
    # --- tickets
    ("tickets", "Tickets", "An order is paid", BUYER, ORDER | {"count": 2} | PLACED),
    (
        *("order_transfer", "Order to be paid by transfer", "An order is to be paid by bank transfer", BUYER),
        ORDER | {"sum": "€20.00", "account": "IBAN DE02 1203 0000"},
    ),
    ("tickets_code", "Code for free tickets", "Free tickets are asked for", BUYER, PASS | {"code": "123456"}),
    ("order_failed", "Order failed", "Money came too late for the tickets", BUYER, ORDER | {"sum": "€20.00"}),
    ("refund_confirmed", "Money went back", "Money went back", BUYER, ORDER | {"sum": "€20.00"}),
    ("event_reminder", "Reminder of an event", "A day before an event begins", HOLDER, PASS | PLACED),
    (
        "refund_declined",
        "Refund declined",
        "Money back was asked for and declined",
        BUYER,
        ORDER | {"reason": "It is too late."},
    ),
    (
        *("tickets_taken_back", "Tickets taken back", "Tickets are taken back", BUYER),
        ORDER | {"count": 1, "reason": "As you asked.", "sum": "€20.00"},
    ),
    (
        *("event_cancelled", "Event cancelled", "An event is cancelled", BUYER),
        ORDER | {"reason": "The mill burnt down.", "sum": "€20.00"},
    ),
    (
        *("event_moved", "Event moved", "An event is moved", HOLDER),
        PASS | {"before": "Friday", "after": "Saturday", "reason": "Rain.", "refund": True},
    ),
    (
        *("line_called", "Called from the line", "A turn in line has come", "who waits"),
        {"event": "Jazz Night", "until": "Friday, 3 July, 20:00", "link": f"{SITE}/line/x/y"},
    ),
    (
        *("pass_offered", "Ticket offered", "A ticket is passed on", "who is to have it"),
        {"event": "Jazz Night", "who": "Ada", "until": "3 July", "link": f"{SITE}/x"},
    ),
    ("pass_accepted", "Ticket taken", "A ticket that was passed on is taken", "who has it now", PASS | PLACED),
    (
        *("pass_passed_on", "Ticket passed on", "A ticket that was passed on is taken", "who had it"),
        {"name": "Ada", "event": "Jazz Night", "organization": "Acme"},
    ),
    ("pass_sent", "Ticket sent again", "A ticket is sent, or sent again", HOLDER, PASS | {"is_new": True} | PLACED),
    # --- work, and news of any kind
    (
        *("task_given", "Task given", "A task is given to somebody", "them"),
        {"name": "Bob", "by": "Alice", "title": "Call the printer", "due": "2026-07-15", "organization": "Acme"}
        | {"link": f"{SITE}/acme/tasks/7"},
    ),
    (
        *("task_due", "Task due", "A task is due within a day", "whose it is"),
        {"name": "Bob", "title": "Call the printer", "due": "2026-07-15", "overdue": False, "organization": "Acme"}
        | {"link": f"{SITE}/acme/tasks/7"},
    ),
    (
        *("comment", "Comment", "A comment names somebody, or is on what is theirs", "them"),
        {
            "name": "Bob",
            "by": "Alice",
            "verb": "mentioned you",
            "title": "Call the printer",
            "text": "@Bob, is it done?",
        }
        | {"organization": "Acme", "link": f"{SITE}/acme/tasks/7"},
    ),
    (
        *("notice", "Notice", "News that has no letter of its own", "who wants it by letter"),
        {"title": "Overdue", "body": "Call the printer", "link": f"{SITE}/acme/tasks/7"},
    ),
    (
        *("digest", "Digest", "Each day or week, at the reader’s hour", "who wants news together"),
        {"name": "Bob", "period": "daily", "count": 1, "more": 0, "link": f"{SITE}/notifications"}
        | {
            "groups": [
                {
                    "name": "Acme",
                    "entries": [{"title": "Overdue", "body": "", "at": "today", "link": f"{SITE}/acme/tasks/7"}],
                }
            ]
        },
    ),
    # --- the site
    (
        *("report_decided", "Report decided", "Somebody looked at what was reported", "who reported it"),
        {"title": "Jazz Night", "decision": "taken down"},
    ),
    (
        *("flyer_ending", "Flyer ends soon", "Three days before a flyer ends", "who left their address with it"),
        {"name": "Jazz Night", "until": "14 June 2027", "may_extend": True, "link": f"{SITE}/f/k7tq/mine#secret"},
    ),
    (
        *("feedback_reply", "Answer to feedback", "Staff answers what somebody wrote", "who wrote it"),
        {"title": "The list is slow", "reply": "It was, and is mended.", "status": "resolved"},
    ),
    (
        *(
            "verification_result",
            "Verification decided",
            "Staff has looked at an organization’s name",
            "who asked for it",
        ),
        {"name": "Bob", "organization": "Acme", "is_approved": False, "reason": "The site you named is another’s."}
        | {"link": f"{SITE}/acme/verification"},
    ),
    ("test_letter", "Test letter", "An admin asks for one", "them", {"name": "Stella"}),
    (
        *("backup_failed", "Copy failed", "A copy couldn’t be proven", ADMINS),
        {"name": "Ada", "findings": "Opens: its end is missing.", "link": f"{SITE}/admin/backups"},
    ),
    (
        *("file_damaged", "Database file damaged", "The database’s file is damaged", ADMINS),
        {"name": "Ada", "findings": "Page 7 is gone.", "link": f"{SITE}/admin/jobs"},
    ),
    (
        *("audit_broken", "Audit log broken", "The audit log isn’t whole", ADMINS),
        {"name": "Ada", "findings": "Event 7 is gone.", "link": f"{SITE}/admin/audit"},
    ),
    # --- automations
    (
        *("automation", "By an automation", "An automation of an organization writes one", "whom it says"),
        {"subject": "Your repair is done", "text": "Your toaster can be fetched.", "organization": "Acme"},
    ),
)


@dataclass(frozen=True)
class Template:
    """A letter as the catalogue has it; `sample` are values that show all of it."""

    name: str
    title: str
    when: str
    to: str
    sample: dict = field(default_factory=dict)

    @property
    def kind(self):
        """The kind of news it is of, as people read it; "" for those of any kind."""
        kind = preferences.BY_NAME.get(log.kind_of(self.name))
        return kind.label if kind else ""

    @property
    def may_be_stopped(self):
        return self.name not in preferences.NECESSARY_LETTERS or "leave" in self.sample


TEMPLATES = {row[0]: Template(*row) for row in _TABLE}
TITLES = tuple((one.name, one.title) for one in TEMPLATES.values())


def one(name):
    """The Template of this name. Refuses with NotFound."""
    if name not in TEMPLATES:
        raise NotFound("There is no such letter.")
    return TEMPLATES[name]


def shown(name, to):
    """The message that a template makes of its sample, addressed to somebody."""
    template = one(name)
    stop = ("sample", log.kind_of(name)) if name not in preferences.NECESSARY_LETTERS else None
    return mail.compose(name, to, template.sample, stop=stop)


def parts(name, to):
    """(subject, plain text, HTML) of a template as its sample shows it. Refuses with NotFound."""
    message = shown(name, to)
    return str(message["Subject"]), *(message.get_body((kind,)).get_content() for kind in ("plain", "html"))


@writes
def send_sample(name, *, by):
    """Leave a template's sample as a letter to who asks. Refuses with NotFound."""
    outgoing.post_sample(one(name).name, by, f"sample:{name}:{by.id}:{now().timestamp()}", one(name).sample)


def _rows(_by):
    return [
        {"id": one.name, "name": one.title, "when": one.when, "to": one.to, "kind": one.kind or "Any kind"}
        for one in TEMPLATES.values()
    ]


listing = Listing(
    "templates",
    "letter",
    "letters",
    None,
    (
        Field("name", "Letter", Text(60)),
        Field("when", "When", Text(120)),
        Field("to", "To", Text(80)),
        Field("kind", "Kind of news", Text(80)),
    ),
    (Sort("catalogue", "As grouped"), *both("name", "A to Z", "Z to A")),
    source=Given(_rows),
    search=("name", "when", "to", "kind"),
    link=True,
    reads="mail.read",
    title="Templates",
    icon="template",
    about="Every letter that this site writes, shown with values that are made up.",
)

"""What somebody wants to hear of, and how: kinds of news, in the bell or not, by letter at once, by digest, or not.

A kind is a row of KINDS, with its defaults; the database has only what somebody chose otherwise. The next kind, or the
next letter, is a word in that table. Where it is necessary (money, safety, what happens to an organization) there is
nothing to choose, and `why` says so.
"""

import hmac
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from database.transactions import writes
from domain import NotFound
from domain.base import configuration, keys
from domain.fields.choice import Choice
from domain.fields.forms import read_form
from domain.fields.kinds import Field
from domain.fields.number import Number
from domain.fields.switch import Switch
from models import Preference, User

NOW, DAILY, WEEKLY, OFF = "now", "daily", "weekly", "off"
LETTERS = Choice(
    (
        (NOW, "At once", "info"),
        (DAILY, "In a daily digest", "info"),
        (WEEKLY, "In a weekly digest", "info"),
        (OFF, "Not by letter", "quiet"),
    )
)
DIGESTS = {DAILY: "Daily digests", WEEKLY: "Weekly digests"}
MONEY, SAFETY = "Always comes: it is about your money.", "Always comes: it keeps your account safe."


@dataclass(frozen=True)
class Kind:
    """One kind of news: `types` are how its notices' types begin, `templates` the letters (templates/mail) it may have,
    `letter` what holds until somebody chooses. One with a `why` is necessary."""

    name: str
    label: str
    help: str
    types: tuple
    templates: tuple = ()
    letter: str = OFF
    in_bell: bool = True
    why: str = ""


KINDS = (
    Kind(
        *("assigned", "Given to you", "Somebody gives you a task.", ("task_assigned",)),
        templates=("task_given",),
        letter=NOW,
    ),
    Kind(
        *("mentions", "Mentions", "Somebody names you in a comment.", ("comment_mention",)),
        templates=("comment",),
        letter=NOW,
    ),
    Kind(
        *("comments", "Comments", "On what is yours, and where you commented.", ("comment",)),
        templates=("comment",),
        letter=NOW,
    ),
    Kind(
        *("answers", "Answers to public forms", "Somebody answers a form of yours, or an answer waits for a look."),
        ("records.answer",),
        letter=DAILY,
    ),
    Kind("sales", "Sales", "What an event of yours sold, a day at a time.", ("order.",), letter=DAILY),
    Kind(
        *("ticket_accounts", "Accounts for tickets", "Nobody can pay, because a provider doesn’t take your key."),
        ("payments.key_refused",),
        letter=NOW,
    ),
    Kind("due", "Due soon", "A task of yours is due within a day.", ("task_due",), ("task_due",), letter=DAILY),
    Kind("batches", "Batches of flyers", "One of yours is drawn.", ("flyer.batch",)),
    Kind("completed", "Completed", "Somebody completes a task of yours.", ("task_completed",)),
    Kind("people", "People", "Who is invited, joins and leaves, and whose role changes.", ("member.",)),
    Kind(
        *("invited", "Your invitations", "Somebody takes or declines an invitation of yours."),
        ("member.accepted", "member.declined"),
        templates=("invitation_accepted",),
        letter=NOW,
    ),
    Kind("automations", "Automations", "What they tell you, and when one of yours stops.", ("automation.",)),
    Kind(
        *("automation_letters", "Letters of automations", "What an organization has written to you by itself."),
        ("automation.letter",),
        templates=("automation",),
        letter=NOW,
        in_bell=False,
    ),
    Kind("plan", "Plan and credits", "Changes, refunds, low credits.", ("billing.", "plan.", "credits.")),
    Kind(
        *("payments", "Payments", "What was bought, payments that fail, and plans that end."),
        (
            *("billing.subscription_created", "billing.subscription_canceled", "billing.payment_failed"),
            *("billing.payment_action", "billing.grace", "billing.trial"),
        ),
        templates=(
            *("subscription_success", "subscription_canceled", "payment_failed", "payment_action"),
            "subscription_error",
            *("grace_ending", "grace_over", "trial_ending"),
        ),
        letter=NOW,
        why=MONEY,
    ),
    Kind(
        *("tickets", "Tickets", "What you bought, and what happens to it.", ("tickets.",)),
        templates=(
            *("order_failed", "refund_confirmed", "event_reminder"),
            *("tickets", "order_transfer", "event_cancelled", "event_moved", "refund_declined", "tickets_taken_back"),
            *("pass_offered", "pass_accepted", "pass_passed_on", "pass_sent", "line_called", "tickets_code"),
        ),
        letter=NOW,
        why="Always comes: it is what you bought.",
    ),
    Kind(
        *("flyers", "Flyers", "One that you left your address with ends in three days.", ()),
        templates=("flyer_ending",),
        letter=NOW,
        why="Comes once: you asked for it.",
    ),
    Kind(
        *(
            "organization",
            "Your organizations",
            "You are invited to one, or one is suspended, deleted or handed over to you.",
            ("organization.",),
        ),
        templates=(
            *("organization_suspended", "organization_reactivated", "ownership_transfer", "ownership_transferred"),
            *("ownership_offered", "member_removed", "invitation", "key_ending"),
        ),
        letter=NOW,
        why="Always comes: it decides what you can reach.",
    ),
    Kind(
        *("reports", "Reports", "Something your organization shows was reported, hidden, or decided."),
        ("moderation.",),
        templates=("report_decided",),
        letter=NOW,
        why="Always comes: it decides what others see.",
    ),
    Kind(
        *("support", "What you asked the site", "An answer to what you wrote, or what was decided."),
        ("support.",),
        templates=("feedback_reply", "verification_result"),
        letter=NOW,
        why="Always comes: you asked.",
    ),
    Kind(
        *("security", "Your account", "Sign-ins, codes, and changes to how you sign in.", ("security.",)),
        templates=(
            *("verify_email", "already_registered", "reset_password", "password_changed", "otp_sign_in", "magic_link"),
            *("stepup_code", "new_sign_in", "new_sign_in_replaced_session", "second_factor_changed", "passkey_added"),
            *("confirm_address", "email_changed", "account_deleted", "account_suspended", "account_reactivated"),
            *("identity_code", "identity_connected", "looked_on"),
        ),
        letter=NOW,
        why=SAFETY,
    ),
    Kind(
        *("newsletter", "Newsletter", "For who subscribed to it and confirmed that; each has a link that ends it.", ()),
        templates=("newsletter_confirm", "newsletter"),
        letter=NOW,
        why="Comes only to who asked for it.",
    ),
    Kind(
        *("site", "The site", "What whoever runs this site must know.", ("admin.", "system.")),
        templates=("audit_broken", "file_damaged", "backup_failed", "test_letter"),
        letter=NOW,
        why="Always comes to who runs this site.",
    ),
)
BY_NAME = {kind.name: kind for kind in KINDS}
CHOOSABLE = tuple(kind for kind in KINDS if not kind.why)
FOR_ANY = ("notice", "digest")  # letters for what has none of its own, and for several together
NECESSARY_LETTERS = {template for kind in KINDS if kind.why for template in kind.templates}


@cache
def kind_of(type):
    """The kind that a notice of this type is of: whose beginning fits longest."""
    fitting = [(len(start), kind) for kind in KINDS for start in kind.types if type.startswith(start)]
    if not fitting:
        raise LookupError(f"no kind of news begins like {type!r}: say in preferences.KINDS what it is")
    return max(fitting, key=lambda one: one[0])[1]


def _chosen(user_id):
    return {row.kind: row for row in Preference.select().where(Preference.user == user_id)}


def of(user):
    """All kinds as this person has them, in the order of KINDS: what they chose, else the defaults."""
    chosen = _chosen(user.id)
    return tuple(_as(kind, chosen.get(kind.name)) for kind in KINDS)


def wanted(user_id, type):
    """The Kind of a notice's type as this person has it."""
    kind = kind_of(type)
    row = None if kind.why else Preference.one(Preference.user == user_id, Preference.kind == kind.name)
    return _as(kind, row)


def _as(kind, row):
    return kind if row is None or kind.why else replace(kind, in_bell=row.in_bell, letter=row.letter)


# --- choosing -----------------------------------------------------------------------------------------------

FIELDS = (Field("in_bell", "In the bell", Switch(), True), Field("letter", "By letter", LETTERS, True))


@writes
def choose(user, name, form):
    """Keep what somebody wants of one kind; returns the Kind as they have it then. A field that isn't sent stays.

    Refuses with NotFound for a kind that there isn't or that is necessary, and with Invalid.
    """
    kind = BY_NAME.get(name)
    if kind is None or kind.why:
        raise NotFound("There is nothing to choose about that.")
    stands = _as(kind, Preference.one(Preference.user == user, Preference.kind == name))
    after = {"in_bell": stands.in_bell, "letter": stands.letter} | read_form(FIELDS, form)
    _keep(user.id, name, **after)
    return replace(kind, **after)


def _keep(user_id, name, in_bell, letter):
    Preference.insert(user=user_id, kind=name, in_bell=in_bell, letter=letter).on_conflict(
        conflict_target=[Preference.user, Preference.kind],
        update={Preference.in_bell: in_bell, Preference.letter: letter},
    ).execute()


# --- when digests come ----------------------------------------------------------------------------------------

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKDAY = Choice(tuple((str(number), day, "") for number, day in enumerate(DAYS)))
TIMES = (
    Field("hour", "At what hour", Number(0, 23, "o’clock"), True),
    Field("weekday", "The weekly one on", WEEKDAY, True),
)


def times(user):
    """(hour, number of the weekday) at which this person's digests come."""
    held = User.get_by_id(user.id)
    return held.digest_hour, held.digest_weekday


@writes
def choose_times(user, form):
    """Keep when digests come, on the person's own clock. A field that isn't sent stays. Refuses with Invalid."""
    hour, weekday = times(user)
    after = {"hour": hour, "weekday": str(weekday)} | read_form(TIMES, form)
    hour, weekday = after["hour"], int(after["weekday"])
    User.update(digest_hour=hour, digest_weekday=weekday).where(User.id == user.id).execute()


def latest_turn(user, period, moment):
    """When this person's latest digest of the period was due: a moment on their clock, at or before `moment`.

    Counted in days of their calendar, so a day of 23 or 25 hours has one like any other.
    """
    zone = ZoneInfo(user.timezone or "UTC")
    day = moment.astimezone(zone).date()
    if period == WEEKLY:
        day -= timedelta(days=(day.weekday() - user.digest_weekday) % 7)
    turn = datetime.combine(day, time(user.digest_hour), zone)
    if turn > moment:
        turn = datetime.combine(day - timedelta(days=7 if period == WEEKLY else 1), time(user.digest_hour), zone)
    return turn


# --- stopping them by a link ----------------------------------------------------------------------------------


def stop_link(public_id, name):
    """The address that ends letters of a kind (or a digest, by its period) for one person, without signing in."""
    about = f"{public_id}.{name}"
    return f"{configuration.active.site_url}/unsubscribe/{about}.{keys.keyed('unsubscribe', about)}"


def behind(token):
    """(the person, the name of the kind or period) of such an address. Refuses with NotFound."""
    about, _, given = token.rpartition(".")
    public_id, _, name = about.partition(".")
    good = any(hmac.compare_digest(given.encode(), one.encode()) for one in keys.keyed_by_each("unsubscribe", about))
    user = User.one(User.public_id == public_id, User.status != "deleted") if good else None
    if user is None or not (name in DIGESTS or name in {kind.name for kind in CHOOSABLE}):
        raise NotFound("This link isn't whole. Copy it from the letter once more.")
    return user, name


def label(name):
    """What letters of a kind, or a digest, are called on a page."""
    return DIGESTS.get(name) or f"Letters about “{BY_NAME[name].label}”"


def stopped(user, name):
    """Whether nothing comes by this way any more."""
    return not any(
        kind.letter == name if name in DIGESTS else kind.name == name and kind.letter != OFF for kind in of(user)
    )


@writes
def stop(user, name):
    """No letters of this kind any more, or nothing by this digest; as often as it is asked."""
    for kind in of(user):
        if not kind.why and (kind.letter == name if name in DIGESTS else kind.name == name):
            _keep(user.id, kind.name, kind.in_bell, OFF)

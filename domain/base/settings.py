"""Run-time settings: a typed registry that admins edit in place. Each change is audited and can be undone.

The next setting is a row here and a line about it. Values are cached in the process; another
process sees a change within a second.
"""

from database.transactions import wake, writes
from database.waking.table_caches import TableCache
from domain import Invalid, NotFound, Refused
from domain.base import audit
from domain.base.flags.rollouts import FLAGS, HELP, Rollout, setting_of
from domain.fields.choice import Choice
from domain.fields.days import Days
from domain.fields.forms import check_fresh
from domain.fields.kinds import Field, Unfit
from domain.fields.number import Number
from domain.fields.origins import Origins
from domain.fields.switch import Switch
from domain.fields.text import Text
from models import AuditEvent, Setting

DAYS = Number(1, 3650, "days")
CREDITS = Number(0, 1_000_000, "credits a month")
SWITCH = Switch()
MODES = Choice((("team", "Teams", "info"), ("personal", "Personal only", "quiet")))
SWITCHER = Choice((("when_multiple", "When there are several", "quiet"), ("always", "Always", "info")))
DISPUTED = Choice((("keep", "Stay valid", "info"), ("suspend", "Let nobody in", "warn")))
LOOKED_AT = Choice((("warn", "Shown, and looked at when reported", "info"), ("block", "Held until looked at", "warn")))
TWICE = Choice((("end", "End and refund it", "info"), ("ask", "Only tell the admins", "quiet")))

# A row (name, label, kind, default; last False where it may be empty), and below it what it is.
_TABLE = {
    "General": (
        ("site_name", "Name", Text(60), "Guildhall"),
        "Shown in the header, in titles and letters.",
        ("site_description", "Description", Text(200, long=True), "Your team’s back office in one place.", False),
        "One sentence for search engines and the front page.",
        ("sign_up_open", "Open sign-up", SWITCH, True),
        "Whether strangers may make an account. Whoever is invited by their address may in any case.",
        ("status_page", "Status page", SWITCH, False),
        "Whether /status tells everybody how the site does: its parts as they are measured, and outages.",
        ("auth_neutral_messages", "Neutral sign-in messages", SWITCH, False),
        "Never tell whether an address has an account, also on the pages for codes and links.",
    ),
    "Crowdfunding": (
        ("crowdfunding_active", "Backers only", SWITCH, False),
        "While the campaign runs, a new account needs a backer's code and nothing can be bought.",
        ("crowdfunding_invite_bypass", "Invitations stand in", SWITCH, False),
        "Whether an open invitation to an organization is enough for a new account then.",
    ),
    "Organizations": (
        ("organization_mode", "Mode", MODES, "team"),
        "In personal mode nobody can found a team, invite, or manage members.",
        ("organization_switcher", "Switcher", SWITCHER, "when_multiple"),
        "When the switch between organizations is shown in the sidebar.",
        ("allow_invitations", "Invitations", SWITCH, True),
        "Whether members can be invited.",
        ("allow_member_management", "Managing members", SWITCH, True),
        "Whether roles can be changed and members removed.",
        ("invitation_ttl_hours", "Invitations hold", Number(1, 720, "hours"), 48),
        "Then they are sent anew.",
        ("files_mb", "Files", Number(0, 1_000_000, "MB"), 5000),
        "How much the files on an organization's rows may take.",
        ("max_upload_mb", "A file", Number(1, 25, "MB"), 25),
        "How large one file on a row may be.",
        ("records_demo", "Demo records", SWITCH, True),
        "Whether organizations without a table are offered one of demo records, which goes with one click.",
    ),
    "Programs": (
        ("automation_runs", "Runs of an automation", Number(1, 100_000, "an hour"), 1000),
        "Beyond that it pauses itself and tells whose it is.",
        ("api_origins", "Sites whose pages may ask", Origins(), None, False),
        "For apps that run in a browser: origins such as https://app.example.org, one a line. Never with cookies.",
    ),
    "Tickets": (
        ("tickets_disputed", "Passes whose payment is disputed", DISPUTED, "keep"),
        "While a bank looks into it. Once it takes the money back, they are void.",
    ),
    "Moderation": (
        ("moderation_mode", "New flyers that nothing has screened", LOOKED_AT, "warn"),
        "Whether their pages wait until somebody has looked. What the device makes never does.",
        ("flyer_screening", "Screen new flyers", SWITCH, False),
        "Have each looked at by the endpoint of AI_URL: the picture and its words are sent there. What it finds "
        "stands in line, and is held where that is set. While it doesn't answer, new ones are shown and stand in line.",
    ),
    "Mail": (
        ("mail_sender_name", "Sender's name", Text(60), "Guildhall"),
        "Who letters come from.",
        ("newsletter_open", "Newsletter", SWITCH, True),
        "Whether strangers may subscribe to it. Who has subscribed stays so, and can end it at any time.",
        ("newsletter_pace", "Pace of the newsletter", Number(1, 500, "letters a second"), 10),
        "How fast its letters are handed over. Ask who runs your mail server how many it takes.",
    ),
    "Sessions": (
        ("single_active_session", "One session for each account", SWITCH, False),
        "A new sign-in ends the one before, for everybody, from the next request on.",
        ("one_tab_per_session", "One tab for each session", SWITCH, False),
        "A second tab shows a notice instead of the pages.",
        ("session_idle_days", "Idle sign-out", DAYS, 14),
        "Signed out after so long without use.",
        ("session_absolute_days", "Longest session", DAYS, 90),
        "Signed out after so long in any case.",
    ),
    "Billing": (
        ("billing_grace_days", "Grace", Number(0, 60, "days"), 7),
        "How long a plan goes on while its payment is open.",
        ("billing_dunning_days", "Reminders", Days(), "3, 6"),
        "On which days after a payment fell due owners and admins are reminded, while the grace lasts.",
        ("billing_trial_days", "Trial", Number(0, 90, "days"), 0),
        "How long a first subscription is free. An organization has one trial.",
        ("billing_second_subscription", "A second subscription", TWICE, "end"),
        "What happens when an organization paid for two at once.",
        ("billing_heals", "Reconcile mends", SWITCH, True),
        "Whether the nightly comparison mends what differs, or only tells.",
        ("billing_silence_hours", "Silence", Number(1, 720, "hours"), 72),
        "Admins are warned when no webhook came for so long while subscriptions run.",
    ),
    "Credits": (
        ("credits_free", "Free plan", CREDITS, 0),
        "Credits a month without a paid plan.",
        ("credits_pro", "Pro plan", CREDITS, 1000),
        "Credits a month on Pro.",
    ),
    "Retention": (
        ("notification_retention_days", "Read notifications", DAYS, 90),
        "Removed so long after they were read. Unread ones always stay.",
        ("flyer_expiry_days", "Flyers", DAYS, 30),
        "Kept so long after they were made, and once as long again. What is made already keeps its day.",
        ("audit_retention_days", "Audit log", DAYS, 365),
        "Removed after so long.",
        ("change_retention_days", "History and undo", DAYS, 365),
        "Removed after so long.",
    ),
}


def _fields(rows):
    for (name, label, kind, default, *optional), help in zip(rows[::2], rows[1::2], strict=True):
        yield Field(name, label, kind, not optional, default, help)


GROUPS = {group: tuple(_fields(rows)) for group, rows in _TABLE.items()}
GROUPS["Feature flags"] = tuple(
    Field(setting_of(flag.name), flag.label, Rollout(), True, flag.default, f"{flag.help} {HELP}") for flag in FLAGS
)
STATES = {field.name for field in GROUPS["Crowdfunding"]}  # they change every page: not more than ten times a minute
REGISTRY = {field.name: field for group in GROUPS.values() for field in group}

_cache = TableCache("settings", lambda: dict(Setting.select(Setting.key, Setting.value).tuples()))
forget = _cache.forget


def get(name):
    """The present value of a registered setting: what an admin chose, or the default."""
    return _cache.rows().get(name, REGISTRY[name].default)


def rows():
    """Setting rows by key, for who changed them and when."""
    return {row.key: row for row in Setting.select()}


def history(name, limit=10):
    """The changes of one setting, newest first, from the audit log."""
    return (
        AuditEvent.select()
        .where(
            AuditEvent.action == "settings.changed",
            AuditEvent.target_type == "setting",
            AuditEvent.target_id == name,
        )
        .order_by(AuditEvent.id.desc())
        .limit(limit)
    )


@writes
def change(name, text, *, by, was=None):
    """Set one setting from form text; returns its value. `was` is the text that the form was filled with.
    Refuses with Invalid or NotFound, and with Stale when somebody else set it meanwhile."""
    field = _registered(name)
    try:
        value = field.read(text)
    except Unfit as unfit:
        raise Invalid({name: str(unfit)}) from None
    if was is not None:
        check_fresh("setting", (field,), {name: _stored(field)}, {name: value}, {name: was})
    return _set(field, value, by)


@writes
def put_back(name, event_id, *, by):
    """Undo: set what stood before the audited change `event_id`. Refuses when something newer stands."""
    field = _registered(name)
    event = history(name, 1).first()
    if event is None or event.id != event_id:
        raise Refused(f"{field.label} was changed again since; look at it before you put anything back.")
    return _set(field, field.kind.restored(event.metadata["before"]), by)


def _registered(name):
    if name not in REGISTRY:
        raise NotFound("There is no such setting.")
    return REGISTRY[name]


def _stored(field):
    row = Setting.one(Setting.key == field.name)
    return row.value if row else field.default


def _set(field, value, by):
    before = _stored(field)
    if value == before:
        return value
    Setting.insert(key=field.name, value=value, updated_by=by).on_conflict(
        conflict_target=[Setting.key], update={Setting.value: value, Setting.updated_by: by}
    ).execute()
    audit.record(
        "settings.changed",
        f"{field.label}: {field.kind.plain(before) or 'empty'} → {field.kind.plain(value) or 'empty'}",
        by=by,
        category="admin",
        target=("setting", field.name),
        before=before,
        after=value,
    )
    wake("settings")
    return value

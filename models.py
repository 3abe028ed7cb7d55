"""All tables, in dependency order: what exists. What may happen is domain/'s business.

Times are UTC, money is integer minor units, secrets are stored only as hashes.
"""

import json
from typing import Any

from peewee import BigIntegerField, BlobField, BooleanField, CharField, Check, CompositeKey, IntegerField, TextField, fn
from peewee import JSONField as Json

from database.clock import is_past, next_month, now, written
from database.columns import DayOrMoment, Ids, Moment, State, money, partial, public_id, short, spelled, spoken_id, to
from database.compiled import CompiledRows
from database.parameters import parameter
from database.tables import Owned, Table

# --- people ---------------------------------------------------------------------------------------


class User(Table):
    public_id = CharField(max_length=40, default=public_id, unique=True)
    email = short()
    email_norm = short(unique=True)
    password_hash = TextField(null=True)
    email_verified_at = Moment(null=True)
    status = State("active", "suspended", "deleted", default="active", index=True)
    suspended_reason = TextField(null=True)
    timezone = CharField(max_length=60, default="UTC")
    country = CharField(max_length=2, null=True)
    currency = CharField(max_length=3, null=True)  # in which organizations that they found begin
    digest_hour = IntegerField(default=8)  # on their own clock
    digest_weekday = IntegerField(default=0)  # Monday is 0
    active_organization_id = IntegerField(null=True)
    active_session_id = IntegerField(null=True)  # the newest sign-in: the only one while that is the rule
    last_seen_alert_at = Moment(null=True)
    second_factor_at = Moment(null=True)
    totp_secret = TextField(null=True)  # encrypted: domain/people/factors.py
    totp_step = BigIntegerField(null=True)  # the last one used, so that no code is taken twice
    deleted_at = Moment(null=True)
    backer_id = IntegerField(null=True)  # the Backer whose code made this account
    backer_access_granted_at = Moment(null=True)
    backer_access_until = Moment(null=True)  # None with a grant: for life

    @property
    def name(self):
        return self.profile.full_name or self.email

    @property
    def profile(self):
        if not hasattr(self, "_profile"):
            self._profile = Profile.get(Profile.user == self)
        return self._profile


partial(User, "user_backer_id", User.backer_id, where="backer_id IS NOT NULL", unique=True)


class Profile(Table):
    user = to(User, unique=True, backref="+")
    full_name = short(null=True)
    avatar_url = TextField(null=True)
    bio = TextField(null=True)


class AuthToken(Table):
    """A secret that was mailed or printed. One live row a purpose and address: a new one voids the old."""

    purpose = State(
        "verify_email", "reset", "setup", "sign_in", "magic_link", "change_email", "second_factor", "identity"
    )
    email_norm = short()
    user = to(User, null=True)
    public_id = CharField(max_length=40, default=public_id, unique=True)
    secret_hash = CharField(max_length=128)
    salt = CharField(max_length=64)
    attempts = IntegerField(default=0)
    expires_at = Moment(index=True)
    consumed_at = Moment(null=True)
    payload = Json(default=dict)
    next_url = TextField(null=True)

    class Meta:
        indexes = ((("purpose", "email_norm"), False),)


class Session(Table):
    """A signed-in browser. `created_at` is the step-up clock and is written only at sign-in."""

    user = to(User, index=False)
    token_hash = CharField(max_length=64, unique=True)
    last_seen_at = Moment(default=now)
    expires_at = Moment()
    ip = CharField(max_length=64, null=True)
    user_agent = TextField(null=True)
    device = CharField(max_length=120, default="Unknown device")
    ended_at = Moment(null=True)
    end_reason = State("signed_out", "replaced", "revoked", "suspended", "password_changed", "expired", null=True)
    way = CharField(max_length=30, null=True)  # how they came in: password, passkey, google …
    device_hash = CharField(max_length=64, null=True)
    active_organization_id = IntegerField(null=True)
    staff_id = IntegerField(null=True)  # somebody of the platform who looks on as this user, and only reads
    staff_reason = TextField(null=True)

    class Meta:
        table_name = "user_session"
        indexes = ((("user", "ended_at"), False), (("user", "device_hash"), False))


class Identity(Table):
    """An account elsewhere that signs this one in; `subject` is what its provider calls the person."""

    user = to(User)
    provider = CharField(max_length=30)
    subject = short()
    email = short()  # as it was when the two were connected
    last_used_at = Moment(null=True)

    class Meta:
        table_name = "oauth_account"
        indexes = ((("provider", "subject"), True),)


class Passkey(Table):
    user = to(User)
    credential_id = CharField(max_length=1400, unique=True)  # base64url, WebAuthn's limit is 1023 bytes
    public_key = BlobField()
    sign_count = BigIntegerField(default=0)
    name = short()
    transports = Json(default=list)
    last_used_at = Moment(null=True)


class BackupCode(Table):
    user = to(User, index=False)
    code_hash = CharField(max_length=64)
    used_at = Moment(null=True)

    class Meta:
        indexes = ((("user", "code_hash"), True),)


class Admin(Table):
    """The allow-list. Who is admin is computed from it at every request, never stored on the user."""

    email = short()
    email_norm = short(unique=True)
    note = TextField(null=True)
    added_by = to(User, on_delete="SET NULL", null=True)


class StaffRole(Table):
    """Narrows somebody on the allow-list to what their roles have; without a row they have nearly all."""

    user = to(User, index=False)
    role = State("super_admin", "support", "finance", "moderator", "release_manager", "content")
    granted_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        table_name = "user_platform_role"
        indexes = ((("user", "role"), True),)


class Challenge(Table):
    """Somebody is asked to prove who they are before a sensitive act: a mailed code, or counted tries."""

    user = to(User, index=False)
    action = CharField(max_length=60)
    target = CharField(max_length=80, default="")
    method = State("email", "password", "totp", "passkey")
    secret_hash = CharField(max_length=128, null=True)
    salt = CharField(max_length=64, null=True)
    attempts = IntegerField(default=0)
    expires_at = Moment(index=True)
    consumed_at = Moment(null=True)

    class Meta:
        table_name = "stepup_challenge"
        indexes = ((("user", "action"), False),)


class Proof(Table):
    """They have proven it, on this session, for this action and target; at level 4 for one time only."""

    user = to(User, index=False)
    session = to(Session)
    action = CharField(max_length=60)
    target = CharField(max_length=80, default="")
    level = IntegerField()
    single_use = BooleanField()
    expires_at = Moment(index=True)
    consumed_at = Moment(null=True)

    class Meta:
        table_name = "stepup_grant"
        indexes = ((("user", "action", "target"), False),)


# --- organizations --------------------------------------------------------------------------------


class Organization(Table):
    public_id = CharField(max_length=40, default=public_id, unique=True)
    name = short()
    slug = CharField(max_length=80, unique=True)
    is_personal = BooleanField(default=False)
    owner = to(User, on_delete="RESTRICT", index=False)
    status = State("active", "suspended", "deleted", default="active", index=True)
    suspended_at = Moment(null=True)
    suspended_reason = TextField(null=True)
    deleted_at = Moment(null=True)
    default_currency = CharField(max_length=3, default="USD")
    timezone = CharField(max_length=60, default="UTC")
    own_tasks_only = BooleanField(default=False)  # members see only their own tasks
    trash_days = IntegerField(default=30)  # how long removed rows are kept; 0 for ever
    second_factor_from = Moment(null=True)  # from then on it is closed to members who have no second factor
    verified_as = CharField(max_length=120, null=True)  # the name that staff has looked at
    logo = CharField(max_length=64, null=True)  # the hash of its StoredFile: domain/organizations/logos.py

    class Meta:
        indexes = ((("owner", "is_personal"), False),)

    @classmethod
    def arriving(cls):
        """The ids of those whose rows are being brought in, or removed again: nothing of theirs is due. Nobody
        suspended them."""
        return cls.select(cls.id).where(cls.status == "suspended", cls.suspended_at.is_null())

    @property
    def is_verified(self):
        """Whether it still has the name that was looked at."""
        return self.verified_as is not None and self.verified_as == self.name

    @property
    def asks_for_factor(self):
        """Whether it is closed by now to members without a second factor."""
        return self.second_factor_from is not None and self.second_factor_from <= now()


partial(Organization, "organization_one_personal", Organization.owner, where="is_personal = true", unique=True)


class Membership(Table):
    organization = to(Organization, index=False)
    user = to(User)
    role = State("owner", "admin", "member", "viewer")
    joined_at = Moment(default=now)

    class Meta:
        table_name = "organization_member"
        indexes = ((("organization", "user"), True),)

    @staticmethod
    def keepers(organization):
        """Owners and admins: who is told about money and people. Nobody, once it is deleted."""
        return _keepers(organization=organization.id)


# For each purchase and renewal: `events_worked_per_second`.
_keepers = CompiledRows(
    User,
    lambda: (
        User.select()
        .join(Membership, on=(Membership.user == User.id))
        .join(Organization, on=(Membership.organization == Organization.id))
        .where(
            Membership.organization == parameter("organization"),
            Organization.status != "deleted",
            Membership.role.in_(("owner", "admin")),
            User.status == "active",
        )
        .order_by(User.id)
    ),
)


class Workspace(Owned):
    """An area inside an organization, with narrower people of its own. The first is the default one."""

    organization = to(Organization, index=False)
    name = short()
    slug = CharField(max_length=80)
    is_default = BooleanField(default=False)
    archived_at = Moment(null=True)

    class Meta:
        indexes = ((("organization", "slug"), True),)


partial(Workspace, "workspace_one_default", Workspace.organization, where="is_default = true", unique=True)


class InvitationLink(Owned):
    """Several people may join by it, each once, until it is used up, expires or is ended."""

    organization = to(Organization)
    role = State("member", "viewer")
    secret_hash = CharField(max_length=64, unique=True)
    most = IntegerField()
    joined = IntegerField(default=0, constraints=[Check("joined >= 0 AND joined <= most")])
    expires_at = Moment()
    ended_at = Moment(null=True)
    made_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        table_name = "invitation_link"


class ApiKey(Owned):
    """What a program asks with: some of what its maker may do here, until it ends or is revoked."""

    organization = to(Organization)
    name = CharField(max_length=60)
    prefix = CharField(max_length=8, unique=True)  # it is found by
    secret_hash = CharField(max_length=64)  # of the whole key
    scopes = TextField(default="")  # names of permissions, by spaces
    paths = TextField(default="")  # the same; none: all
    networks = TextField(default="")  # the same
    tables = Json(default=dict)  # id of a table → what it may there: domain/organizations/key_bounds.py; none: all
    lists = Json(default=dict)  # name of a list of the house → conditions of the rows that it is good for; none: all
    rate = IntegerField(null=True)  # what it may ask a minute, where that isn't what all may
    needs_version = BooleanField(default=False)  # changes have to name the version that they read
    expires_at = Moment(null=True)
    used_at = Moment(null=True)
    revoked_at = Moment(null=True)
    told_at = Moment(null=True)  # its maker was told that it ends
    made_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        table_name = "api_key"

    def includes(self, permission):
        return permission in self.scopes.split()


class ApiAnswer(Owned):
    """What a program was answered under a word of its own, so that its repeat does nothing twice."""

    organization = to(Organization)
    key = to(ApiKey, index=False)
    word_hash = CharField(max_length=64)
    asked_hash = CharField(max_length=64)  # of what was asked
    status = IntegerField()
    headers = Json(default=dict)
    body = TextField()

    class Meta:
        table_name = "api_answer"
        indexes = ((("key", "word_hash"), True), (("created_at",), False))


class Transfer(Owned):
    """An organization is offered to another of its members, who must take it."""

    organization = to(Organization)
    from_user = to(User)
    to_user = to(User)
    status = State("pending", "accepted", "cancelled", "expired", default="pending")
    expires_at = Moment(index=True)

    class Meta:
        table_name = "ownership_transfer"


partial(Transfer, "transfer_one_pending", Transfer.organization, where="status = 'pending'", unique=True)


# --- what changed: live pages, history and undo read the same rows --------------------------------


class Change(Owned):
    """One row of an organization was made, changed or removed. `fields` holds name → [before, after]."""

    organization = to(Organization, index=False)
    table = CharField(max_length=40, column_name="table_name")
    row_id = IntegerField(null=True)
    verb = State("created", "updated", "deleted")
    fields = Json(default=dict)
    batch = CharField(max_length=40, default=public_id)
    by = to(User, on_delete="SET NULL", null=True)
    at = Moment(default=now, index=True)

    class Meta:
        indexes = (
            (("organization", "table", "row_id", "id"), False),
            (("organization", "id"), False),
            (("organization", "batch"), False),
        )


class Comment(Owned):
    """What somebody said about a row of a list, in Markdown; who is mentioned stands in it as @{their id}."""

    organization = to(Organization, index=False)
    table = CharField(max_length=40, column_name="table_name")
    row_id = IntegerField()
    by = to(User, on_delete="SET NULL", null=True)
    text = TextField()
    mentions = Json(default=list)  # ids of who is mentioned: no other @{…} is one
    edited_at = Moment(null=True)

    class Meta:
        table_name = "row_comment"
        indexes = ((("organization", "table", "row_id", "id"), False),)


class SavedView(Owned):
    """A list as somebody saved it: what its address asks, by a name, for themselves or for all."""

    organization = to(Organization, index=False)
    table = CharField(max_length=40, column_name="table_name")
    name = CharField(max_length=60)
    query = TextField()
    is_shared = BooleanField(default=False)
    by = to(User)

    class Meta:
        indexes = ((("organization", "table", "by"), False),)


class CalendarFeed(Table):
    """A secret link by which a calendar program reads a list as its person may see it."""

    user = to(User)
    membership = to(Membership)  # with which it ends
    table = CharField(max_length=40, column_name="table_name")
    path = CharField(max_length=200)
    query = TextField()
    title = CharField(max_length=120)
    secret_hash = CharField(max_length=64, unique=True)
    used_at = Moment(null=True)

    class Meta:
        table_name = "calendar_feed"


class SavedChart(Owned):
    """A chart of a list under a name, for oneself or for all: on the dashboard, and perhaps on the home page."""

    organization = to(Organization)
    listing = CharField(max_length=60, column_name="listing_name")
    name = CharField(max_length=80)
    query = TextField()
    is_shared = BooleanField(default=False)
    is_home = BooleanField(default=False)
    place = IntegerField(default=0)
    by = to(User)
    archived_at = Moment(null=True)


class StoredFile(Owned):
    """A file on a row. Its bytes lie elsewhere, once for an organization, by their hash: domain/files/stores.py"""

    organization = to(Organization, index=False)
    sha256 = CharField(max_length=64)
    size = IntegerField()  # bytes
    type = CharField(max_length=120)  # as its bytes say
    name = CharField(max_length=255)
    table = CharField(max_length=40, column_name="table_name")
    row_id = IntegerField()
    slot = IntegerField(null=True)  # the cell it is in, where it is in one
    place = IntegerField(default=0)
    by = to(User, on_delete="SET NULL", null=True)
    thumbnail = State("waiting", "made", "none", default="none")
    archived_at = Moment(null=True)
    archived_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = (
            (("organization", "table", "row_id", "id"), False),
            (("organization", "sha256"), False),
        )


partial(StoredFile, "stored_file_waiting", StoredFile.id, where="thumbnail = 'waiting'")
partial(StoredFile, "stored_file_archived", StoredFile.archived_at, where="archived_at IS NOT NULL")


# --- work -----------------------------------------------------------------------------------------


class Label(Owned):
    """A word that an organization puts on its tasks. They hold its id, so that renaming it touches none."""

    organization = to(Organization, index=False)
    label = CharField(max_length=60)
    tone = State("quiet", "info", "good", "warn", "bad", default="quiet")
    merged_into_id = IntegerField(null=True)
    archived_at = Moment(null=True)

    class Meta:
        indexes = ((("organization", "label"), False),)


class Task(Owned):
    """An organization's task. Status is stored exactly as system 1 spells it."""

    organization = to(Organization, index=False)
    user = to(User, index=False)
    assigned_to = to(User, on_delete="SET NULL", null=True, index=False)
    title = TextField()
    description = TextField(null=True)
    status = State("pending", "in progress", "completed", "cancelled", default="pending")
    priority = State("low", "medium", "high", default="medium")
    category = CharField(max_length=60, default="general")
    due_at = DayOrMoment(null=True)
    completed_at = Moment(null=True)
    reminded_at = Moment(null=True)
    labels = Ids(null=True)
    repeats = CharField(max_length=160, null=True)
    series = CharField(max_length=40, null=True)  # what the tasks of one repeated task have in common
    occurrence = IntegerField(null=True)  # which of them it is, from 1

    class Meta:
        indexes = (
            (("organization", "id"), False),
            (("organization", "status", "id"), False),
            (("organization", "priority", "id"), False),
            (("organization", "category", "id"), False),
            (("organization", "due_at", "id"), False),
            (("organization", "user", "id"), False),
            (("organization", "user", "status", "id"), False),
            (("organization", "user", "due_at", "id"), False),
            (("organization", "assigned_to", "id"), False),
            (("user",), False),
            (("assigned_to",), False),
        )

    OPEN = ("pending", "in progress")
    holder: Any  # whose it is to do: the assignee's, or its maker's while it has none

    @property
    def is_open(self):
        return self.status in self.OPEN

    @property
    def is_overdue(self):
        return self.is_open and is_past(self.due_at)

    @classmethod
    def due_soon(cls, until):
        """Open, not yet reminded, due before `until`."""
        return cls.select().where(
            cls.status.in_(cls.OPEN),
            cls.reminded_at.is_null(),
            cls.due_at.is_null(False),
            cls.due_at <= until,  # a day is soon due on the day before
        )


Task.holder = fn.coalesce(Task.assigned_to, Task.user)
for _name, _columns in (("", ()), ("_status", (Task.status,)), ("_due", (Task.due_at,))):
    Task.add_index(Task.index(Task.organization, Task.holder, *_columns, Task.id, name="task_held" + _name))
for _name in ("title", "category"):
    _letters = fn.LOWER(getattr(Task, _name))  # as domain/lists/columns.py orders a text
    Task.add_index(Task.index(Task.organization, _letters, Task.id, name=f"task_by_{_name}"))
partial(Task, "task_open", Task.organization, Task.holder, Task.due_at, where="status IN ('pending', 'in progress')")
partial(Task, "task_open_due", Task.organization, Task.due_at, where="status IN ('pending', 'in progress')")
partial(Task, "task_done", Task.organization, Task.completed_at, Task.holder, where="completed_at IS NOT NULL")
partial(Task, "task_labelled", Task.organization, Task.id, Task.labels, where="labels IS NOT NULL")
partial(Task, "task_series", Task.series, Task.occurrence, where="series IS NOT NULL")
partial(Task, "task_to_remind", Task.due_at, where="reminded_at IS NULL AND due_at IS NOT NULL")


# --- notices --------------------------------------------------------------------------------------


class Notification(Table):
    recipient = to(User, index=False)
    organization = to(Organization, null=True)
    type = CharField(max_length=60)
    title = TextField()
    body = TextField(null=True)
    link = TextField(null=True)
    read_at = Moment(null=True)
    dedupe_key = CharField(max_length=160, unique=True, null=True)
    in_bell = BooleanField(default=True)  # one that isn't is read from the start, and only waits for its digest
    digest = State("daily", "weekly", null=True)  # which one it waits for

    class Meta:
        indexes = ((("recipient", "read_at", "id"), False), (("recipient", "id"), False))

    @classmethod
    def unread(cls, user):
        return cls.select().where(cls.recipient == user, cls.read_at.is_null())


partial(Notification, "notification_read", Notification.read_at, where="read_at IS NOT NULL")
partial(Notification, "notification_digest", Notification.recipient, Notification.digest, where="digest IS NOT NULL")


class Preference(Table):
    """What somebody wants of one kind of news, where it isn't the default (domain/base/preferences.py)."""

    user = to(User, index=False)
    kind = CharField(max_length=40)
    in_bell = BooleanField()
    letter = State("now", "daily", "weekly", "off")

    class Meta:
        indexes = ((("user", "kind"), True),)


class Digest(Table):
    """One digest that was sent. A person has one of a kind a day of their calendar, however often it is tried."""

    user = to(User, index=False)
    period = State("daily", "weekly")
    day = CharField(max_length=10)
    entries = IntegerField()

    class Meta:
        indexes = ((("user", "period", "day"), True),)


class Alert(Table):
    """A broadcast. It is shown for a day; the row stays."""

    message = CharField(max_length=500)
    created_by = to(User, on_delete="SET NULL", null=True)
    retracted_at = Moment(null=True)


Alert.add_index(Alert.created_at)


# --- settings and the log -------------------------------------------------------------------------


class Setting(Table):
    key = CharField(max_length=60, unique=True)
    value = Json(null=True)
    updated_by = to(User, on_delete="SET NULL", null=True)


class AuditEvent(Table):
    """Write-once: a trigger refuses every change but the actor's anonymisation.

    `hash` is keyed and covers the row and the row before it in its chain (`previous`): see domain/base/audit.py.
    """

    at = Moment(default=now, index=True)
    category = CharField(max_length=30)
    action = CharField(max_length=80)
    result = State("success", "failure", "denied", default="success")
    actor = to(User, on_delete="SET NULL", null=True)
    actor_email = short(null=True)
    organization = to(Organization, on_delete="SET NULL", null=True, index=False)
    target_type = CharField(max_length=40, null=True)
    target_id = CharField(max_length=80, null=True)
    summary = TextField()
    metadata = Json(default=dict)
    ip = CharField(max_length=64, null=True)
    request_id = CharField(max_length=40, null=True)
    previous = CharField(max_length=64, null=True)
    hash = CharField(max_length=64, null=True)
    chain = IntegerField(default=0)

    class Meta:
        indexes = (
            (("chain", "id"), False),
            (("organization", "at"), False),
            (("actor_email", "at"), False),
            (("action", "at"), False),
            (("category", "at"), False),
            (("target_type", "target_id", "at"), False),
        )


# --- money in: facts from a provider, access from grants ------------------------------------------


class Customer(Owned):
    organization = to(Organization, index=False)
    provider = CharField(max_length=30)
    provider_customer_id = CharField(max_length=120)
    email = short()
    deleted_at = Moment(null=True)  # at the provider; what was paid stays written here

    class Meta:
        table_name = "billing_customer"
        indexes = ((("organization", "provider"), False), (("provider", "provider_customer_id"), True))


class PlanPrice(Table):
    """Which plan a price of the provider is, or once was: subscribers of an old price keep theirs."""

    provider = CharField(max_length=30)
    price_id = CharField(max_length=120)
    plan_key = CharField(max_length=40)
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("provider", "price_id"), True),)


class Checkout(Owned):
    """A checkout somebody began; an organization has one open at a time, so that it is charged once."""

    organization = to(Organization)
    public_id = CharField(max_length=40, default=public_id, unique=True)
    by = to(User, on_delete="SET NULL", null=True)
    provider = CharField(max_length=30)
    provider_checkout_id = CharField(max_length=160, null=True)
    plan_key = CharField(max_length=40)
    quantity = IntegerField(default=1)
    trial_days = IntegerField(default=0)
    url = TextField(null=True)
    status = State("open", "completed", "expired", default="open")
    expires_at = Moment()
    settled_at = Moment(null=True)  # when it was known whether what it was for is paid

    class Meta:
        table_name = "billing_checkout"


partial(Checkout, "billing_checkout_one_open", Checkout.organization, where="status = 'open'", unique=True)


class Subscription(Owned):
    organization = to(Organization)
    purchaser = to(User, on_delete="SET NULL", null=True)
    provider = CharField(max_length=30)
    provider_subscription_id = CharField(max_length=120)
    provider_customer_id = CharField(max_length=120, index=True)
    plan_key = CharField(max_length=40)
    status = State("incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused")
    current_period_end_at = Moment(null=True)
    cancel_at_period_end = BooleanField(default=False)
    last_event_at = Moment()
    provider_price_id = CharField(max_length=120, default="")
    quantity = IntegerField(default=1)
    started_at = Moment(null=True)
    current_period_start_at = Moment(null=True)
    trial_ends_at = Moment(null=True)  # stays when it is over: an organization has one trial
    cancel_at = Moment(null=True)
    unpaid_since_at = Moment(null=True)  # when the payment that is open fell due
    unpaid_url = TextField(null=True)  # the provider's page where it can be paid, or confirmed
    collection_paused = BooleanField(default=False)  # nothing is charged; the status says nothing of it
    resumes_at = Moment(null=True)
    ended_at = Moment(null=True)
    pending_plan_key = CharField(max_length=40, null=True)  # a change that waits for its payment

    class Meta:
        indexes = ((("provider", "provider_subscription_id"), True),)

    LIVE = ("trialing", "active", "past_due")
    STANDING = (*LIVE, "unpaid", "paused")  # not over: it is changed, never doubled by another checkout
    TERMINAL = ("canceled", "incomplete_expired")

    @classmethod
    def running(cls, provider):
        """The conditions that one runs, by our rows, at this provider."""
        return cls.provider == provider, cls.status.not_in(cls.TERMINAL)

    @property
    def is_live(self):
        return self.status in self.LIVE

    @property
    def is_standing(self):
        return self.status in self.STANDING


class Payment(Owned):
    """One invoice of a subscription, or one purchase. `amount_refunded` is the provider's running total."""

    organization = to(Organization)
    provider = CharField(max_length=30)
    provider_payment_id = CharField(max_length=120)
    subscription = to(Subscription, on_delete="SET NULL", null=True, index=False)
    plan_key = CharField(max_length=40, null=True)
    reason = State("create", "cycle", "update", "once", "other")
    status = State("open", "failed", "paid", "void")
    amount = money()
    amount_refunded = money(default=0)
    currency = CharField(max_length=3)
    period_start_at = Moment(null=True)
    period_end_at = Moment(null=True)
    paid_at = Moment(null=True)
    dispute = State("none", "open", "won", "lost", default="none")
    url = TextField(null=True)  # the provider's page of it: invoice, receipt, or where to confirm it

    class Meta:
        table_name = "billing_payment"
        indexes = ((("provider", "provider_payment_id"), True), (("subscription", "period_start_at"), False))

    @property
    def is_refunded(self):
        """In full; a refund of a part takes nothing away."""
        return self.amount > 0 and self.amount_refunded >= self.amount

    @property
    def stands(self):
        """Whether it was paid and nothing took that back."""
        return self.status == "paid" and not self.is_refunded and self.dispute in ("none", "won")


class Dispute(Owned):
    """What a bank asked about a payment; of several, one that is lost counts first, then one that is open."""

    organization = to(Organization)
    provider = CharField(max_length=30)
    provider_dispute_id = CharField(max_length=120)
    payment = to(Payment)
    state = State("open", "won", "lost")

    class Meta:
        table_name = "billing_dispute"
        indexes = ((("provider", "provider_dispute_id"), True),)


class Licence(Owned):
    """A right bought once, for good. Bought again it is another row, which is harmless."""

    organization = to(Organization)
    purchaser = to(User, on_delete="SET NULL", null=True)
    payment = to(Payment, unique=True)
    plan_key = CharField(max_length=40)
    tier = State("personal", "commercial", default="personal")
    ended_at = Moment(null=True)
    end_reason = CharField(max_length=40, null=True)


class Grant(Owned):
    """One capability, from one source. Access is the union of grants that are neither revoked nor past."""

    organization = to(Organization, index=False)
    plan_key = CharField(max_length=40)
    capability = CharField(max_length=60)
    source = CharField(max_length=160)
    source_type = State("subscription", "one_time", "manual")
    provider = CharField(max_length=30, null=True)
    expires_at = Moment(null=True)
    revoked_at = Moment(null=True)
    revoke_reason = TextField(null=True)
    reason = TextField(null=True)  # why it was given by hand

    class Meta:
        table_name = "billing_grant"
        indexes = (
            (("organization", "capability", "source"), True),
            (("organization", "revoked_at", "expires_at"), False),
        )

    @classmethod
    def active(cls):
        return cls.select().where(cls.revoked_at.is_null(), cls.expires_at.is_null() | (cls.expires_at > now()))


class GrantSource(Table):
    """The newest word about one side of one thing (a subscription, a payment's refund): what is older is ignored."""

    source = CharField(max_length=160, unique=True)
    last_event_id = CharField(max_length=160)
    last_event_at = Moment()
    asked_at = Moment(null=True)  # when we last asked the provider itself; an older answer is ignored

    class Meta:
        table_name = "billing_source"


class PricingCatalog(Table):
    """The provider's products and prices as they were at the last sync: one row, and the only one that pages read."""

    key = CharField(max_length=20, default="catalog", unique=True, constraints=[Check("key = 'catalog'")])
    products = Json(default=list)
    prices = Json(default=list)
    last_synced_at = Moment(null=True)
    last_sync_error = TextField(null=True)
    last_sync_failed_at = Moment(null=True)


class PlanOverride(Table):
    """What an admin changed of a plan; what is empty stays as domain/entitlements/plans.py says."""

    key = CharField(max_length=40, unique=True)
    name = CharField(max_length=60, null=True)
    gives = Json(null=True)
    capabilities = Json(null=True)
    position = IntegerField(null=True)
    updated_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        table_name = "plan"


class CreditAccount(Owned):
    """`balance` is what lies in the open buckets plus `held`, which is promised to open holds."""

    organization = to(Organization, unique=True)
    balance = IntegerField(default=0, constraints=[Check("balance >= 0")])
    held = IntegerField(default=0, constraints=[Check("held >= 0 AND held <= balance")])
    monthly_allowance = IntegerField(default=0)
    last_reset_at = Moment(default=now)
    resets_at = Moment(default=lambda: next_month(now()))  # when time next changes the monthly credits
    lapses_at = Moment(null=True)  # when the next bucket or hold is over; too early does no harm

    class Meta:
        indexes = ((("resets_at",), False),)


partial(CreditAccount, "credit_account_lapses", CreditAccount.lapses_at, where="lapses_at IS NOT NULL")


class CreditBucket(Owned):
    """Credits that came together and are over together: `amount - remaining` was used, or is held.

    The monthly one is replaced by the next, and moved by the difference when the plan changes.
    """

    organization = to(Organization)
    account = to(CreditAccount)
    kind = State("monthly", "purchased", "gift")
    amount = IntegerField()
    remaining = IntegerField(constraints=[Check("remaining >= 0 AND remaining <= amount")])
    expires_at = Moment(null=True)
    closed_at = Moment(null=True)
    note = TextField(null=True)


partial(CreditBucket, "credit_bucket_open", CreditBucket.account, where="closed_at IS NULL")
partial(
    CreditBucket,
    "credit_bucket_one_monthly",
    CreditBucket.organization,
    where="kind = 'monthly' AND closed_at IS NULL",
    unique=True,
)


class CreditHold(Owned):
    """Credits set aside for work that is under way: taken out of their buckets, not yet spent."""

    organization = to(Organization)
    account = to(CreditAccount, index=False)
    key = CharField(max_length=160)
    amount = IntegerField(constraints=[Check("amount > 0")])
    drawn = Json(default=list)  # [[bucket, amount], …]
    feature = CharField(max_length=60)
    status = State("open", "settled", "released", "lapsed", default="open")
    expires_at = Moment()
    actor = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("account", "key"), True),)


partial(CreditHold, "credit_hold_open", CreditHold.account, where="status = 'open'")


class CreditEntry(Owned):
    """The ledger. A trigger refuses to change a figure of it; the balance is the sum of its deltas."""

    organization = to(Organization, index=False)
    account = to(CreditAccount, on_delete="RESTRICT", index=False)
    delta = IntegerField()
    balance_after = IntegerField(constraints=[Check("balance_after >= 0")])
    reason = State("grant", "reset", "spend", "refund", "adjust", "expire")
    feature = CharField(max_length=60, null=True)
    note = TextField(null=True)
    drawn = Json(default=list)  # of a spend: [[bucket, amount], …], the way back for a refund
    actor = to(User, on_delete="SET NULL", null=True)
    idempotency_key = CharField(max_length=160)

    class Meta:
        indexes = (
            (("account", "idempotency_key"), True),
            (("organization", "id"), False),
            (("organization", "created_at"), False),
        )


# --- crowdfunding: who backed us, and what each code is good for -------------------------------------


class BackerTier(Table):
    """What a claimed code gives: a plan for so many months (empty: for life), credits, or only the dates."""

    key = CharField(max_length=40, unique=True)
    name = CharField(max_length=80)
    plan_key = CharField(max_length=40, null=True)
    months = IntegerField(null=True, constraints=[Check("months > 0")])
    credits = IntegerField(default=0, constraints=[Check("credits >= 0")])

    @property
    def choice(self):
        return self.id, self.name


class Backer(Table):
    """One code for one account. The code is kept as a keyed hash; `username_lower` is empty on legacy rows.

    The dates here are the trail of what was given; those on User say what holds.
    """

    username = CharField(max_length=80)
    username_lower = CharField(max_length=80, null=True)
    code_hash = CharField(max_length=64)
    tier = to(BackerTier, on_delete="RESTRICT")
    used_by = to(User, on_delete="SET NULL", null=True, index=False)
    used_at = Moment(null=True)
    claim_hash = CharField(max_length=64, null=True)
    claim_expires_at = Moment(null=True)
    access_granted_at = Moment(null=True)
    access_until = Moment(null=True)

    class Meta:
        table_name = "crowdfunding_backer"
        indexes = ((("username_lower", "code_hash"), True), (("username", "code_hash"), False))

    @property
    def status(self):
        if self.used_at is not None:
            return "used"
        pending = self.claim_expires_at is not None and self.claim_expires_at > now()
        return "pending" if pending else "unused"


partial(Backer, "crowdfunding_backer_used_by", Backer.used_by, where="used_by_id IS NOT NULL", unique=True)
partial(Backer, "crowdfunding_backer_legacy", Backer.code_hash, where="username_lower IS NULL")


class BackerImport(Table):
    """A CSV file as it was understood: rows of [line, username, tier, code's hash, verdict, why]."""

    public_id = CharField(max_length=40, default=public_id, unique=True)
    name = CharField(max_length=120)
    status = State("checked", "confirmed", "done", default="checked")
    rows = Json(default=list)
    new = IntegerField(default=0)
    known = IntegerField(default=0)
    wrong = IntegerField(default=0)
    made = IntegerField(default=0)  # of the new ones, those whose code is made here
    added = IntegerField(null=True)
    codes_shown_at = Moment(null=True)
    by = to(User, on_delete="SET NULL", null=True)


# --- in and out: nothing is lost between the outside and us ---------------------------------------


class WebhookEvent(Table):
    """The inbox. `payload` is the raw body as it came; effects and `processed` commit together."""

    channel = CharField(max_length=30)
    event_id = CharField(max_length=160)
    type = CharField(max_length=120)
    subject = CharField(max_length=160, default="")
    payload = BlobField()
    happened_at = Moment()
    status = State("received", "processed", "ignored", "failed", "buried", default="received")
    attempts = IntegerField(default=0)
    next_attempt_at = Moment(null=True)
    error = TextField(null=True)
    headers = Json(default=dict)
    facts = Json(null=True)  # as they were read last
    history = Json(default=list)  # its attempts: when, how it ended, how long it took, the traceback

    class Meta:
        indexes = ((("channel", "event_id"), True), (("status", "created_at"), False))

    UNSETTLED = ("received", "failed")


partial(
    WebhookEvent,
    "webhook_event_unsettled",
    WebhookEvent.channel,
    WebhookEvent.subject,
    WebhookEvent.id,
    where="status IN ('received', 'failed')",
)


class Outgoing(Table):
    """Something to be sent once its cause has committed: a letter, a notification, a posted event.

    The payload is emptied when it has been sent: a code in a letter must not stay in the database.
    """

    kind = CharField(max_length=30)
    key = CharField(max_length=160, unique=True)
    recipient = short(null=True)
    subject = TextField(null=True)
    payload = Json(default=dict)
    status = State("queued", "sent", "buried", default="queued")
    attempts = IntegerField(default=0)
    next_attempt_at = Moment(default=now)
    sent_at = Moment(null=True)
    error = TextField(null=True)
    good_until_at = Moment(null=True)  # what it says is void then, so it isn't sent any more

    class Meta:
        indexes = ((("status", "sent_at"), False),)

    @classmethod
    def due(cls):
        return cls.select().where(cls.status == "queued", cls.next_attempt_at <= now())


partial(Outgoing, "outgoing_due", Outgoing.next_attempt_at, Outgoing.id, where="status = 'queued'")


class Letter(Table):
    """The log of letters: one recipient each and what became of it, but no word of what it says.

    `rank` only rises (domain/base/letters/log.py), so that what is told of it late or twice changes nothing.
    """

    public_id = CharField(max_length=40, default=public_id, unique=True)  # given along: what is told of it names it
    queued_as = IntegerField(unique=True)  # the number of its Outgoing row, which goes sooner
    template = CharField(max_length=60)
    kind = CharField(max_length=40)  # of preferences.KINDS, or the digest
    recipient = short()
    email_norm = short()
    status = State(
        *("queued", "uncertain", "sent", "delayed", "delivered", "withheld", "failed", "suppressed", "bounced"),
        "complained",
        default="queued",
    )
    rank = IntegerField(default=0)
    reason = TextField(null=True)
    bounce = CharField(max_length=30, null=True)  # which kind of bounce the provider calls it
    provider = CharField(max_length=20, null=True)
    provider_id = CharField(max_length=160, null=True)
    sent_at = Moment(null=True)
    changed_at = Moment(default=now)  # when its status came to be

    class Meta:
        indexes = ((("status", "id"), False), (("email_norm", "id"), False), (("provider", "sent_at"), False))


partial(Letter, "letter_provider_id", Letter.provider_id, where="provider_id IS NOT NULL", unique=True)


class Suppression(Table):
    """An address that isn't written to, or has no news: which of both, and why."""

    email_norm = short(index=False)
    scope = State("all", "news")
    reason = State("bounced", "complained", "manual", "unsubscribed")
    note = TextField(null=True)
    state = State("active", "lifted", "blocked_there", default="active")  # the last two: the provider's own list
    since_at = Moment(default=now)
    letter = to(Letter, on_delete="SET NULL", null=True)  # that caused it
    added_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("email_norm", "scope"), True),)


class MailPause(Table):
    """Until when a provider takes no letters that can wait, and why."""

    provider = CharField(max_length=20, unique=True)
    until_at = Moment()
    reason = TextField()


class Subscriber(Table):
    """An address that the newsletter goes to once its owner confirmed; who left stays, so that nobody adds them."""

    public_id = CharField(max_length=40, default=public_id, unique=True)
    email = short()
    email_norm = short(unique=True)
    status = State("unconfirmed", "confirmed", "unsubscribed", default="unconfirmed")
    source = State("form", "import", default="form")
    round = IntegerField(default=1)  # how often they began: a link to confirm is good for its own round
    asked_at = Moment(null=True)  # when the last letter to confirm was left
    reminded_at = Moment(null=True)
    confirmed_at = Moment(null=True)
    unsubscribed_at = Moment(null=True)

    class Meta:
        indexes = ((("status", "id"), False),)


class Campaign(Table):
    """One issue of the newsletter. What is due of it is asked of these columns, so a restart goes on from them."""

    subject = CharField(max_length=200)
    body = TextField()  # Markdown
    status = State("draft", "scheduled", "preparing", "sending", "paused", "done", "stopped", default="draft")
    why = TextField(null=True)  # it was paused or stopped
    scheduled_at = Moment(null=True)
    prepared_to = IntegerField(default=0)  # the last Subscriber that was looked at
    prepared_at = Moment(null=True)  # all were: only then letters go
    began_at = Moment(null=True)
    finished_at = Moment(null=True)
    figures = Json(default=dict)  # as they were last counted: letters are kept for a while only
    made_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("status", "scheduled_at"), False),)


class Consent(Table):
    """What somebody said about the newsletter, when, under which words, and from where (only as a keyed hash)."""

    subscriber = to(Subscriber)
    act = State("asked", "reminded", "confirmed", "imported", "unsubscribed")
    text_version = CharField(max_length=20, default="")
    place_hash = CharField(max_length=64, null=True)
    note = TextField(null=True)
    campaign = to(Campaign, on_delete="SET NULL", null=True)  # by whose letter they left
    by = to(User, on_delete="SET NULL", null=True)


class CampaignRecipient(Table):
    """Somebody whom an issue is for, once. Once its letter is left, `letter` tells how it stands."""

    campaign = to(Campaign, index=False)
    subscriber = to(Subscriber, on_delete="SET NULL", null=True)
    email_norm = short(index=False)
    state = State("waiting", "handed", "skipped", default="waiting")
    why = TextField(null=True)
    letter = to(Letter, on_delete="SET NULL", null=True)
    unsubscribed_at = Moment(null=True)

    class Meta:
        indexes = ((("campaign", "email_norm"), True), (("campaign", "state", "id"), False))


class JobRun(Table):
    """One run of a job, written as it starts. One that is open while its lease is over has died."""

    job = CharField(max_length=60)
    trigger = State("calendar", "woken", "cron", "admin", default="calendar")
    number = IntegerField(null=True)  # of its lease
    started_at = Moment(default=now)
    finished_at = Moment(null=True)
    ok = BooleanField(null=True)
    affected = IntegerField(default=0)
    error = TextField(null=True)
    asked_by = to(User, on_delete="SET NULL", null=True)
    asked_key = CharField(max_length=120, null=True)  # who asks from outside with the same one gets the same run
    stop_at = Moment(null=True)  # when somebody asked it to end after its batch
    release = CharField(max_length=80, null=True)  # of the program that ran it

    class Meta:
        indexes = ((("job", "started_at"), False), (("job", "asked_key"), True))


partial(JobRun, "job_run_open", JobRun.job, where="finished_at IS NULL")


class JobAlarm(Table):
    """Something about a job that isn't as usual, told once; it is gone when a good run ends."""

    job = CharField(max_length=60)
    kind = State("late", "long", "little")
    about = CharField(max_length=80)  # the run, or the moment it was due
    words = TextField()
    gone_at = Moment(null=True)

    class Meta:
        indexes = ((("job", "kind", "about"), True),)


class LongJob(Table):
    """Long work somebody asked for, and how far it is. Of one kind and subject one at a time is open."""

    kind = CharField(max_length=40)
    subject = CharField(max_length=80, default="")
    status = State("waiting", "running", "done", "failed", "replaced", default="waiting")
    done = IntegerField(default=0)
    total = IntegerField(null=True)
    facts = Json(default=dict)
    error = TextField(null=True)
    attempts = IntegerField(default=0)  # since it last got further
    taker = CharField(max_length=40, null=True)
    held_until_at = Moment(null=True)
    asked_by = to(User, on_delete="SET NULL", null=True)
    finished_at = Moment(null=True)

    class Meta:
        table_name = "long_work"
        indexes = ((("kind", "subject", "id"), False),)

    @property
    def is_open(self):
        return self.status in ("waiting", "running")


partial(
    LongJob, "long_work_one_open", LongJob.kind, LongJob.subject, where="status IN ('waiting', 'running')", unique=True
)


class Lease(Table):
    """Whoever holds a job's lease runs it; a holder that died lets go when the time is over."""

    job = CharField(max_length=60, unique=True)
    owner = CharField(max_length=80)
    until_at = Moment()
    number = IntegerField(default=0)  # one more with each taking: what an earlier holder still writes is refused
    taken_at = Moment(null=True)

    class Meta:
        table_name = "job_lock"


class Release(Table):
    """A deployment of the program, as whoever deploys it tells. How far it came is a rank that never goes back."""

    deployment_id = CharField(max_length=120, unique=True)
    service = CharField(max_length=120, default="")
    environment = CharField(max_length=120, default="")
    is_ephemeral = BooleanField(default=False)  # of an environment that goes again
    status = State(
        *("unknown", "queued", "initializing", "building", "deploying", "success", "failed", "crashed", "removed"),
        default="unknown",
    )
    rank = IntegerField(default=-1)
    said = CharField(max_length=60, default="")  # the state in their word
    branch = CharField(max_length=200, default="")
    commit_sha = CharField(max_length=80, default="")
    commit_message = TextField(default="")
    commit_author = CharField(max_length=200, default="")
    url = CharField(max_length=500, default="")
    began_at = Moment(index=True)
    happened_at = Moment()  # that it came to its state
    succeeded_at = Moment(null=True)
    events = Json(default=list)  # what was told: [{at, said, type, severity}]
    verdict = State("unknown", "well", "worse", default="unknown")  # on the half hour after it came up
    notes = TextField(default="")
    rolled_back_at = Moment(null=True)
    rolled_back_by = to(User, on_delete="SET NULL", null=True)
    rolled_back_why = TextField(default="")

    class Meta:
        indexes = ((("environment", "began_at"), False),)


class ReleaseHealth(Table):
    """How the requests of a minute went, of one process; its release where it knows it."""

    release = CharField(max_length=80, default="")
    process = CharField(max_length=60)
    minute = Moment()
    requests = IntegerField(default=0)
    errors = IntegerField(default=0)
    buckets = Json(default=list)  # how many took how long: domain/operations/releases/pulses.py

    class Meta:
        indexes = ((("minute", "release", "process"), True),)


class Attention(Table):
    """What needs an admin, as it was looked at last: one row."""

    key = CharField(max_length=30, unique=True)
    lines = Json(default=list)
    looked_at = Moment()


class Outage(Table):
    """Something that was not well, as the status page tells it."""

    title = CharField(max_length=120)
    words = TextField(default="")
    state = State("looking", "known", "watching", "over", default="looking")
    component = State("all", "pages", "letters", "payments", "jobs", default="all")
    began_at = Moment(default=now, index=True)
    ended_at = Moment(null=True)


class StatusHour(Table):
    """How many minutes of an hour a part of the site was good, slow or bad; the others nobody measured."""

    component = CharField(max_length=30)
    hour = Moment()
    last_minute = Moment()
    state = State("good", "slow", "bad", default="good")  # in that minute
    good = IntegerField(default=0)
    slow = IntegerField(default=0)
    bad = IntegerField(default=0)

    class Meta:
        indexes = ((("component", "hour"), True),)


class Backup(Table):
    """A copy of the database and how far it came; only a proven one counts."""

    name = CharField(max_length=120, unique=True)
    state = State("waiting", "making", "sending", "proving", "proven", "failed", default="waiting")
    made_at = Moment()  # when it was asked for: it holds at least what was there then
    size = BigIntegerField(null=True)  # bytes of the database
    packed = BigIntegerField(null=True)  # bytes of the copy
    sent_at = Moment(null=True)  # brought away from this machine
    proven_at = Moment(null=True)
    proof = Json(default=list)  # what the drill looked at: [{check, ok, words, seconds}]
    error = TextField(null=True)
    attempts = IntegerField(default=0)
    asked_by = to(User, on_delete="SET NULL", null=True)
    removed_at = Moment(null=True)

    class Meta:
        indexes = ((("state", "made_at"), False),)


class Erasure(Table):
    """An account that was closed for good, by its number: what must stay closed when an older copy comes back."""

    user_id = IntegerField(unique=True)
    at = Moment(default=now)
    counts = Json(default=dict)  # table → how many of its rows were removed, or rid of who they were about


class SandboxObject(Table):
    """What the built-in payment provider knows: its side of the wire, never read by our billing."""

    object_id = CharField(max_length=120, unique=True)
    kind = CharField(max_length=40)
    owner = CharField(max_length=120, default="")  # the object it belongs to: a customer, a subscription
    body = Json()

    class Meta:
        indexes = ((("kind", "owner", "id"), False),)


# --- tables that people make ------------------------------------------------------------------------
# Why so: docs/decisions/records.md. Only domain/records reads and writes these.


class Collection(Owned):
    """A table that people made. `shape` counts its changes of shape: what is kept of it is kept by that number."""

    organization = to(Organization, index=False)
    name = CharField(max_length=80)
    slug = CharField(max_length=60)
    about = TextField(null=True)
    icon = CharField(max_length=40, default="table")
    shape = IntegerField(default=1)
    settings = Json(default=dict)
    made_by = to(User, on_delete="SET NULL", null=True)
    archived_at = Moment(null=True)

    class Meta:
        indexes = ((("organization", "slug"), True),)


class RecordField(Owned):
    """A field of such a table. Its cells lie under its slot; another kind of it is another slot."""

    organization = to(Organization)
    collection = to(Collection, index=False)
    label = CharField(max_length=80)
    api_name = CharField(max_length=60)
    aliases = Json(default=list)  # [name it had, until when]
    place = IntegerField(default=0)
    kind = CharField(max_length=30)
    options = Json(default=dict)
    is_required = BooleanField(default=False)
    is_unique = BooleanField(default=False)
    is_keyed = BooleanField(default=False)
    slot_id = IntegerField(null=True)  # the live one
    help = TextField(null=True)
    begins = Json(null=True)  # what a new row has in it
    archived_at = Moment(null=True)

    class Meta:
        indexes = ((("collection", "place"), False),)


class ApiNameUse(Owned):
    """How often a program used a name that a field had, and when last."""

    organization = to(Organization)
    key = to(ApiKey)
    field = to(RecordField, index=False)
    name = CharField(max_length=60)
    calls = IntegerField(default=0)
    used_at = Moment(default=now)

    class Meta:
        table_name = "api_name_use"
        indexes = ((("field", "name", "key"), True),)


class RecordSlot(Owned):
    """Where cells of one field and one kind lie in the document."""

    organization = to(Organization)
    field = to(RecordField)
    kind = CharField(max_length=30)
    options = Json(default=dict)
    state = State("filling", "live", "kept", "gone", default="live")
    kept_until_at = Moment(null=True)
    left_over = IntegerField(default=0)
    counted = IntegerField(default=0)  # the last number it gave


class RecordOption(Owned):
    """A word of a choice. Cells hold its id, so that renaming it touches no cell."""

    organization = to(Organization)
    field = to(RecordField, index=False)
    label = CharField(max_length=80)
    api_name = CharField(max_length=60)
    tone = CharField(max_length=20, default="quiet")
    place = IntegerField(default=0)
    merged_into_id = IntegerField(null=True)
    archived_at = Moment(null=True)

    class Meta:
        indexes = ((("field", "place"), False),)


class ShapeChange(Owned):
    """A change of a table's shape, with what takes it back."""

    organization = to(Organization)
    collection = to(Collection, index=False)
    number = IntegerField()
    what = Json(default=dict)
    by = to(User, on_delete="SET NULL", null=True)
    undone_by_id = IntegerField(null=True)  # the ShapeChange that took it back

    class Meta:
        indexes = ((("collection", "number"), True),)


class Record(Owned):
    """A row of such a table: its cells are a document by their slots, «s12» a value and «~s12» words left over."""

    organization = to(Organization)
    collection = to(Collection, index=False)
    cells = TextField(default="{}")  # JSON, read by Python alone
    words = TextField(default="")  # what a search finds, of the fields that all see who see the row
    words_more = TextField(default="")  # and of those that only some see
    created_by = to(User, on_delete="SET NULL", null=True)
    changed_at = Moment(default=now)
    changed_by = to(User, on_delete="SET NULL", null=True)
    version = IntegerField(default=1)
    import_id = IntegerField(null=True)
    archived_at = Moment(null=True)
    archived_by = to(User, on_delete="SET NULL", null=True)


partial(Record, "record_live", Record.collection, Record.id, where="archived_at IS NULL")
partial(Record, "record_made_by", Record.collection, Record.created_by, Record.id, where="archived_at IS NULL")
partial(Record, "record_archived", Record.collection, Record.id, where="archived_at IS NOT NULL")


class RecordRule(Owned):
    """What somebody may with one such table, instead of what their role may: «role:member», «user:12»."""

    organization = to(Organization)
    collection = to(Collection, index=False)
    who = CharField(max_length=40)
    sees = State("all", "some", "none", default="all")
    where = Json(default=list)  # of «some»: conditions, as domain/records/rows/row_conditions.py keeps them
    changes = State("all", "mine", "none", default="none")
    adds = BooleanField(default=False)
    archives = BooleanField(default=False)
    builds = BooleanField(default=False)
    shares = BooleanField(default=True)
    fields = Json(default=dict)  # field's id → «change», «see» or «nothing»
    others = State("change", "see", "nothing", default="change")  # all that aren't named: those that come later

    class Meta:
        indexes = ((("collection", "who"), True),)


class Pivot(Owned):
    """What stands beside the documents so that they are found: without ids or times of its own."""

    id = None
    created_at = None
    updated_at = None
    organization = IntegerField(column_name="organization_id")  # goes with its slot or field


class RecordKey(Pivot):
    """A cell's place in the order of its kind: domain/fields."""

    slot = to(RecordSlot, index=False)
    key = TextField()
    record = IntegerField(column_name="record_id")

    class Meta:
        primary_key = CompositeKey("slot", "key", "record")
        without_rowid = True


class RecordUnique(Pivot):
    """What must not occur twice among the cells of a slot."""

    slot = to(RecordSlot, index=False)
    key = TextField()
    record = IntegerField(column_name="record_id")

    class Meta:
        primary_key = CompositeKey("slot", "key")
        without_rowid = True


class RecordLink(Pivot):
    """A link from a cell of one row to another row, found from its other side."""

    slot = to(RecordSlot, index=False)
    from_record = IntegerField(column_name="from_id")
    to_record = IntegerField(column_name="to_id")

    class Meta:
        primary_key = CompositeKey("slot", "to_record", "from_record")
        without_rowid = True


class RecordStale(Owned):
    """A row that changed, and with the `slot` of a link all that link to it by that: rows of a table whose formulas
    have to be worked out anew, after one that was already. Without a slot it is the row itself."""

    organization = to(Organization, index=False)
    collection = to(Collection, index=False)
    slot = IntegerField(default=0, column_name="slot_id")
    record = IntegerField(column_name="record_id")
    after = IntegerField(default=0, column_name="after_id")
    asked = IntegerField(default=1)  # how often it was marked: who works it off ends only what they began

    class Meta:
        indexes = ((("collection", "slot", "record"), True),)


# --- what of people's tables the public sees: docs/decisions/public-links.md ------------------------------


class PublicLink(Owned):
    """A secret address by which strangers reach one table of people's, for one purpose and no further."""

    organization = to(Organization)
    collection = to(Collection)
    purpose = CharField(max_length=30)  # a declared one: domain/records/public/links.py
    public_id = CharField(max_length=40, unique=True, default=public_id)
    name = CharField(max_length=120)
    token_hash = CharField(max_length=64, unique=True)
    turn = IntegerField(default=1)  # how many addresses it has had
    settings = Json(default=dict)
    made_by = to(User, on_delete="SET NULL", null=True)
    opens_at = Moment(null=True)
    ends_at = Moment(null=True)
    stopped_at = Moment(null=True)
    password_hash = CharField(max_length=200, null=True)
    most = IntegerField(null=True)  # answers
    taken = IntegerField(default=0)  # of them
    used_at = Moment(null=True)

    class Meta:
        table_name = "public_link"


class PublicAnswer(Owned):
    """What somebody answered by such a link: a row of its table, or words that wait until somebody has looked."""

    organization = to(Organization)
    link = to(PublicLink, index=False)
    form_key = CharField(max_length=64)  # of the form that was sent: once, however often it comes
    secret_hash = CharField(max_length=64, unique=True)  # by which whoever sent it sees it again
    state = State("in", "held", "thrown", default="held")
    reasons = TextField(default="")  # why it was held: words, by spaces
    words = TextField(default="{}")  # JSON of what was sent, while no row has it
    record = to(Record, on_delete="SET NULL", null=True)
    decided_by = to(User, on_delete="SET NULL", null=True)
    decided_at = Moment(null=True)

    class Meta:
        table_name = "public_answer"
        indexes = (
            (("link", "form_key"), True),
            (("link", "state", "id"), False),
        )


partial(PublicAnswer, "public_answer_thrown", PublicAnswer.decided_at, where="state = 'thrown'")


class PublicFile(Owned):
    """A file that came with such an answer, and that nobody has looked at yet. What was let in is a StoredFile."""

    organization = to(Organization)
    answer = to(PublicAnswer)
    field_id = IntegerField()
    public_id = CharField(max_length=40, unique=True)  # its bytes lie under it
    name = CharField(max_length=255)
    type = CharField(max_length=120)
    size = IntegerField()  # bytes
    sha256 = CharField(max_length=64)
    state = State("coming", "waiting", "gone", default="coming")

    class Meta:
        table_name = "public_file"


partial(PublicFile, "public_file_passing", PublicFile.created_at, where="state <> 'waiting'")


# --- files that are brought into a list -------------------------------------------------------------


class ImportFile(Owned):
    """A file that is brought into a list, how it is read, and how far it is: domain/imports."""

    IDLE = ("taken", "rehearsed", "stopped", "done", "undone", "dropped")

    organization = to(Organization, index=False)
    table = CharField(max_length=80, column_name="table_name")  # the name of its listing
    sha256 = CharField(max_length=64, index=True)
    name = CharField(max_length=120)
    size = IntegerField()
    layout = Json(default=dict)
    columns = Json(default=list)
    mapping = Json(default=dict)
    headers = CharField(max_length=64, default="")  # what its columns are called, as a hash: mappings are remembered
    state = State("rehearsing", "running", "undoing", *IDLE, default="taken")
    rows = IntegerField(null=True)
    new = IntegerField(default=0)
    changed = IntegerField(default=0)
    same = IntegerField(default=0)
    left_out = IntegerField(default=0)
    refused = IntegerField(default=0)
    kept = IntegerField(default=0)  # of those that an undo left, because somebody changed them since
    left_over = IntegerField(default=0)  # cells
    batch = CharField(max_length=40, default=public_id)
    error = TextField(null=True)
    by = to(User, on_delete="SET NULL", null=True)
    done_at = Moment(null=True)

    class Meta:
        indexes = ((("organization", "table", "id"), False),)


class ImportRow(Pivot):
    """A line of such a file: what becomes of it, and once it is done, what it was before."""

    file = to(ImportFile, index=False, column_name="import_id")
    line = IntegerField()
    verdict = CharField(max_length=12)
    record = IntegerField(null=True, column_name="record_id")
    is_done = BooleanField(default=False)
    name = TextField(default="")
    cells = TextField(null=True)  # JSON: name → [before, after]
    note = TextField(null=True)  # why; of a new row that is there, the mark of how it was made

    class Meta:
        primary_key = CompositeKey("file", "line")
        indexes = ((("file", "verdict", "line"), False),)
        without_rowid = True

    @property
    def changes(self):
        return json.loads(self.cells) if self.cells else {}


class OrganizationKey(Owned):
    """A pair of Ed25519 keys that signs the codes of passes; those before the present one are kept to read with, until
    they are ended."""

    organization = to(Organization)
    public = CharField(max_length=44)  # base64url of the raw key
    sealed = TextField()  # the private half, under SECRET_KEY
    retired_at = Moment(null=True)
    ended_at = Moment(null=True)  # from when on what it signed isn't good any more

    class Meta:
        table_name = "organization_key"


partial(
    OrganizationKey,
    "organization_key_one",
    OrganizationKey.organization,
    where="retired_at IS NULL",
    unique=True,
)


# --- events and their tickets: docs/decisions/tickets.md -----------------------------------------------


class EventType(Owned):
    """What kind of event something is, in an organization's own words."""

    organization = to(Organization, index=False)
    name = CharField(max_length=60)
    tone = State("quiet", "info", "good", "warn", "bad", default="quiet")
    is_offered = BooleanField(default=True)  # to events that haven't got it
    place = IntegerField(default=0)

    class Meta:
        indexes = ((("organization", "name"), False),)


class Event(Owned):
    """Something people come to. Whether it runs or is over is the clock's business, not a state."""

    organization = to(Organization, index=False)
    public_id = CharField(max_length=40, default=public_id, unique=True)
    title = TextField()
    slug = CharField(max_length=80)  # the present one of its EventSlugs
    about = TextField(null=True)
    state = State("draft", "published", "cancelled", "archived", default="draft")
    visibility = State("public", "unlisted", "private", default="public")
    starts_at = Moment()
    ends_at = Moment()
    timezone = CharField(max_length=60, default="UTC")
    venue = TextField(null=True)
    address = TextField(null=True)
    online_url = TextField(null=True)
    capacity = IntegerField(null=True)  # as its stock has it; empty: as many as its tickets
    currency = CharField(max_length=3, default="EUR")
    tax_bps = IntegerField(default=0)  # hundredths of a percent
    prices_include_tax = BooleanField(default=True)
    hold_minutes = IntegerField(default=15)
    most_each = IntegerField(null=True)  # tickets that one buyer gets, over all their orders
    opening = State("first", "draw", default="first")  # who is first in the line
    arrivals = IntegerField(default=0)  # the last number in the line
    opens_at = Moment(null=True)  # the sale: before it nobody has a number
    draw_seed = CharField(max_length=64, null=True)  # its hash is shown before the draw, itself after
    waits = BooleanField(default=True)  # who finds nothing free may wait
    small_pass = BooleanField(default=True)  # smaller groups may be called before larger ones
    most_block = IntegerField(null=True, default=20)  # places in line of one network
    line_behind = BooleanField(default=False)  # somebody waits who hasn't been tried for what is free
    door_minutes = IntegerField(default=60)  # the door opens so long before
    refund_policy = TextField(null=True)
    age_policy = TextField(null=True)
    entry_policy = TextField(null=True)
    transfer_about = TextField(null=True)  # where to transfer money to; without it nobody can
    transfer_days = IntegerField(default=5)  # that tickets are held for who transfers
    published_at = Moment(null=True)
    cancelled_at = Moment(null=True)
    cancel_reason = TextField(null=True)
    made_by = to(User, on_delete="SET NULL", null=True)
    workspace = to(Workspace, on_delete="SET NULL", null=True)  # whose people work its door
    pass_on_hours = IntegerField(null=True, default=0)  # before it begins, up to which passes are passed on; empty: not
    refund_hours = IntegerField(null=True)  # the same of asking for money back; empty: nobody can
    proves_free = BooleanField(default=False)  # free tickets are given once a mailed code was typed
    refund_when_moved = BooleanField(default=True)  # whoever bought before it was moved may ask all the same
    moved_at = Moment(null=True)
    moved_from = TextField(null=True)  # when and where it was before, in words
    moved_why = TextField(null=True)
    reminds = BooleanField(default=True)  # who has tickets hears of it a day before
    cover_alt = TextField(null=True)  # what its picture shows, in words
    event_type = to(EventType, on_delete="SET NULL", null=True)
    search_title = TextField(null=True)  # what search engines and shared links say, where it isn't its title
    search_about = TextField(null=True)

    class Meta:
        indexes = (
            (("organization", "id"), False),
            (("organization", "state", "id"), False),
            (("organization", "starts_at", "id"), False),
        )

    @property
    def is_known(self):
        """Whether it was published: a draft that is put away stays one to strangers."""
        return self.state in ("published", "cancelled") or (self.state == "archived" and self.published_at is not None)

    @classmethod
    def awaited(cls):
        """Those that are still to come or run, and that somebody has tickets for."""
        good = Pass.select().where(Pass.event == cls.id, Pass.state != "void")
        return cls.select().where(cls.state == "published", cls.ends_at > now(), fn.EXISTS(good))

    @property
    def when(self):
        """When it begins, in words, on the clock of its place."""
        return written(self.starts_at, self.timezone)

    @property
    def where(self):
        """Where it is, in words."""
        return ", ".join(text for text in (self.venue, self.address) if text) or "Online"


Event.add_index(Event.index(Event.organization, fn.LOWER(Event.title), Event.id, name="event_by_title"))
partial(Event, "event_moved", Event.moved_at, where="moved_at IS NOT NULL")


class Assignment(Owned):
    """Somebody works in one workspace only, outside the paid seats: as manager, staff or scanner; or at one event's
    door, as scanner."""

    organization = to(Organization)
    workspace = to(Workspace, index=False)
    user = to(User)
    role = State("manager", "staff", "scanner")
    event = to(Event, null=True)  # whose door alone it is about

    class Meta:
        table_name = "workspace_member"


Assignment.add_index(
    Assignment.index(
        *(Assignment.workspace, Assignment.user, spelled("COALESCE(event_id, 0)")),
        name="workspace_member_workspace_id_user_id_event",
        unique=True,
    )
)


class Invitation(Owned):
    """Into the organization with a role there, into one workspace with a role in that, or to one event's door."""

    public_id = CharField(max_length=40, default=public_id, unique=True)
    organization = to(Organization)
    workspace = to(Workspace, null=True)
    event = to(Event, null=True)
    email = short()
    email_norm = short()
    role = State("admin", "member", "viewer", "manager", "staff", "scanner")
    status = State("pending", "accepted", "cancelled", "expired", default="pending")
    invited_by = to(User, on_delete="SET NULL", null=True)
    expires_at = Moment(index=True)
    accepted_by = to(User, on_delete="SET NULL", null=True)
    accepted_at = Moment(null=True)

    @property
    def is_open(self):
        return self.status == "pending" and self.expires_at > now()


partial(
    Invitation,
    "invitation_one_pending",
    Invitation.organization,
    Invitation.email_norm,
    where="status = 'pending'",
    unique=True,
)


class EventSlug(Owned):
    """Every address that an event ever had: the old ones lead to the present one."""

    organization = to(Organization)
    event = to(Event)
    slug = CharField(max_length=80, unique=True)


class Stock(Owned):
    """So many of a thing: tickets of a tier, people at an event, uses of a voucher, the minor units that one takes off.
    Only stock.py writes it."""

    organization = to(Organization)
    event = to(Event, index=False)
    kind = State("event", "tier", "session", "voucher", "budget")
    thing = IntegerField()  # the id of what it is the stock of
    size = money(null=True, constraints=[Check("size >= 0")])  # empty: without end
    over = money(default=0, constraints=[Check('"over" >= 0')])  # let in beyond the size, by name
    held = money(default=0, constraints=[Check("held >= 0")])
    sold = money(default=0, constraints=[Check("sold >= 0"), Check('size IS NULL OR held + sold <= size + "over"')])

    class Meta:
        indexes = ((("event", "kind", "thing"), True),)

    @property
    def left(self):
        """How many are free, or None for without end."""
        return None if self.size is None else max(0, self.size + self.over - self.held - self.sold)


class Tier(Owned):
    """A kind of ticket that lets people in, or an add-on that doesn't."""

    organization = to(Organization)
    event = to(Event, index=False)
    name = TextField()
    kind = State("admission", "addon", default="admission")
    about = TextField(null=True)
    price_cents = money(default=0)
    size = IntegerField(null=True)  # as its stock has it
    sale_from_at = Moment(null=True)
    sale_until_at = Moment(null=True)
    least = IntegerField(default=1)  # in an order that has any
    most = IntegerField(default=10)
    state = State("on", "paused", "archived", default="on")
    code_hash = CharField(max_length=64, null=True)  # of the code that shows it; without one all see it
    place = IntegerField(default=0)

    class Meta:
        indexes = ((("event", "id"), False), (("event", "place", "id"), False))


class PricePhase(Owned):
    """Another price of a tier for as long as a day or a number sold isn't reached: the first that runs counts."""

    organization = to(Organization)
    event = to(Event, index=False)
    tier = to(Tier)
    name = TextField()
    price_cents = money()
    until_at = Moment(null=True)
    until_sold = IntegerField(null=True)

    class Meta:
        indexes = ((("event", "id"), False),)


class EventSession(Owned):
    """A part of an event's programme."""

    organization = to(Organization)
    event = to(Event, index=False)
    title = TextField()
    about = TextField(null=True)
    room = CharField(max_length=120, null=True)
    starts_at = Moment()
    ends_at = Moment()
    seats = IntegerField(null=True)  # as its stock has it

    class Meta:
        indexes = ((("event", "id"), False), (("event", "starts_at", "id"), False))


class Speaker(Owned):
    organization = to(Organization)
    event = to(Event, index=False)
    name = TextField()
    role = TextField(null=True)  # what they are introduced as
    about = TextField(null=True)

    class Meta:
        indexes = ((("event", "id"), False),)


class SessionSpeaker(Owned):
    """Who speaks in which part."""

    organization = to(Organization)
    session = to(EventSession, index=False)
    speaker = to(Speaker)

    class Meta:
        indexes = ((("session", "speaker"), True),)


class Voucher(Owned):
    """A code that makes tickets cheaper or shows hidden ones. Its uses are a stock: they count tickets or orders."""

    organization = to(Organization)
    event = to(Event, index=False)
    code = CharField(max_length=40)
    code_norm = CharField(max_length=40)
    note = TextField(null=True)
    tier = to(Tier, null=True)  # of this kind alone
    discount = State("none", "percent", "amount", "price", default="none")
    value = IntegerField(default=0)  # the percent with as many places as the currency has, or minor units each
    uses = IntegerField(null=True)  # as its stock has it
    counts = State("tickets", "orders", default="tickets")
    budget_cents = IntegerField(null=True)  # all that it takes off together, as its stock has it
    most = IntegerField(null=True)  # tickets in an order with it, instead of the tier's limit
    shows_hidden = BooleanField(default=False)
    from_at = Moment(null=True)
    until_at = Moment(null=True)
    state = State("on", "paused", "archived", default="on")

    class Meta:
        indexes = ((("event", "code_norm"), True), (("event", "id"), False))


class Buyer(Owned):
    """How many tickets somebody has of an event, so that the limit holds over all their orders."""

    organization = to(Organization)
    event = to(Event, index=False)
    key = CharField(max_length=64)
    taken = IntegerField(default=0, constraints=[Check("taken >= 0")])

    class Meta:
        indexes = ((("event", "key"), True),)


class TicketOrder(Owned):
    """What somebody holds, pays and has. Words such as «part refunded» are computed of its sums."""

    LIVE = ("held", "paying")

    organization = to(Organization)
    event = to(Event, index=False)
    public_id = CharField(max_length=40, default=spoken_id, unique=True)
    form_key = CharField(max_length=64, null=True)  # a form that is sent twice makes one order
    state = State("held", "paying", "paid", "expired", "cancelled", default="held")
    hold_until_at = Moment()
    name = TextField(null=True)
    email = short(null=True)
    buyer = to(Buyer, on_delete="SET NULL", null=True)
    user = to(User, on_delete="SET NULL", null=True)
    voucher = to(Voucher, on_delete="SET NULL", null=True)
    currency = CharField(max_length=3)
    discount_cents = money(default=0)
    tax_cents = money(default=0)
    total_cents = money(default=0)  # what is to be paid
    paid_cents = money(default=0)
    refunded_cents = money(default=0)
    fee_cents = money(default=0)  # what was kept of the price of tickets that were taken back
    trouble = TextField(null=True)  # what somebody must look at: money that doesn't fit
    note = TextField(null=True)
    paid_at = Moment(null=True)
    ended_at = Moment(null=True)
    told_at = Moment(null=True)  # that its event was moved
    code_at = Moment(null=True)  # when the code that proves its address was mailed
    code_tries = IntegerField(default=0)  # at it
    generation = IntegerField(default=1)  # of its link: who had an address that was wrong has the one before

    class Meta:
        indexes = (
            (("event", "id"), False),
            (("event", "state", "id"), False),
            (("event", "updated_at", "id"), False),  # what programs follow: lists/programs/moments.py
            (("event", "form_key"), True),
        )

    @property
    def number(self):
        """What people call it."""
        return self.public_id[:8].upper()

    @property
    def link(self):
        """What the key of its link is made of."""
        return self.public_id if self.generation == 1 else f"{self.public_id}:{self.generation}"

    @property
    def is_live(self):
        """Whether what it holds is still its own."""
        return self.state in self.LIVE and self.hold_until_at > now()

    @property
    def due_cents(self):
        """What is to be paid of it yet: a part may have come."""
        return self.total_cents - self.paid_cents + self.refunded_cents


partial(
    TicketOrder, "ticket_order_live", TicketOrder.event, TicketOrder.hold_until_at, where="state IN ('held', 'paying')"
)


class Place(Owned):
    """Somebody's place in the line for an event. Numbers are given as requests come, and never change."""

    LIVE = ("drawn", "waiting", "called")

    organization = to(Organization)
    event = to(Event, index=False)
    public_id = CharField(max_length=40, default=spoken_id, unique=True)
    form_key = CharField(max_length=64, null=True)  # a form that is sent twice makes one place
    number = IntegerField(null=True)  # none before the draw
    state = State("drawn", "waiting", "called", "taken", "lapsed", "left", default="waiting")
    wishes = Json()  # tier's id, as text → how many
    tiers = Ids()
    needs = IntegerField()  # tickets that it must get at least
    is_less_fine = BooleanField(default=False)
    code = CharField(max_length=40, null=True)
    via = CharField(max_length=8, null=True)  # through whose flyer: a FlyerVia's code
    block = CharField(max_length=64, null=True)  # a hash of the network it came from
    email = short(null=True)  # where it is called when it isn't looking
    buyer = to(Buyer, on_delete="SET NULL", null=True)
    user = to(User, on_delete="SET NULL", null=True)
    order = to(TicketOrder, on_delete="SET NULL", null=True)  # what it was called with
    addon_of = to(TicketOrder, null=True)  # the paid order that it wants add-ons for, and nothing else
    called_at = Moment(null=True)
    seen_at = Moment()

    class Meta:
        indexes = ((("event", "number"), True), (("event", "form_key"), True), (("event", "id"), False))

    @property
    def counts(self):
        """Tier's id → how many of it are wished for."""
        return {int(id): count for id, count in self.wishes.items()}

    def stands_for(self, wishes, code):
        """Whether this choice is still waited for or held by it."""
        is_same = self.counts == {id: count for id, count in wishes.items() if count} and (self.code or "") == code
        return is_same and self.state in self.LIVE and (self.order is None or self.order.is_live)


partial(Place, "place_waiting", Place.event, Place.number, where="state = 'waiting'")
partial(Place, "place_drawn", Place.event, where="state = 'drawn'")
partial(Place, "place_block", Place.event, Place.block, where="state IN ('drawn', 'waiting', 'called')")
partial(
    Place,
    "place_one_live",
    Place.event,
    Place.buyer,
    where="state IN ('drawn', 'waiting', 'called') AND buyer_id IS NOT NULL",
    unique=True,
)


class OrderItem(Owned):
    """Some tickets of one kind in an order; `standing` of them haven't been given back."""

    organization = to(Organization)
    order = to(TicketOrder)
    tier = to(Tier, on_delete="RESTRICT")
    quantity = IntegerField(constraints=[Check("quantity > 0")])
    standing = IntegerField(constraints=[Check("standing >= 0 AND standing <= quantity")])
    unit_cents = money()
    discount_cents = money(default=0)
    tax_cents = money(default=0)
    total_cents = money()  # with the tax, where prices include it
    is_vouched = BooleanField(default=False)  # the order's voucher counts them

    def off(self, count):
        """What the order's voucher takes off so many of them, in minor units; None where it doesn't count them."""
        return self.discount_cents // self.quantity * count if self.is_vouched else None


class StockMove(Owned):
    """The ledger of a stock: its figures are the sums of these."""

    organization = to(Organization)
    event = to(Event, index=False)
    stock = to(Stock)
    order = to(TicketOrder, on_delete="SET NULL", null=True)
    kind = State("hold", "sell", "release", "expire", "refund", "retake", "resize", "override")
    d_held = money(default=0)
    d_sold = money(default=0)
    d_size = money(default=0)
    d_over = money(default=0)
    why = TextField(null=True)
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("event", "id"), False),)


class PaymentAccount(Owned):
    """An organization's own account at a provider of payments; the site's own is configured in the environment."""

    organization = to(Organization)
    public_id = CharField(max_length=40, default=public_id, unique=True)
    provider = CharField(max_length=30)
    label = TextField()
    key = TextField(default="")  # under SECRET_KEY, and never shown; "" until it is typed
    secret = TextField(null=True)  # its webhooks', likewise
    state = State("on", "off", default="on")
    paid_out_at = Moment(null=True)  # when its payouts were last asked for
    refused_at = Moment(null=True)  # since when the provider doesn't take its key


class PaymentAttempt(Owned):
    """A try at paying an order; one is open at a time, so that nobody is charged twice by impatience."""

    organization = to(Organization)
    order = to(TicketOrder)
    public_id = CharField(max_length=40, default=public_id, unique=True)
    provider = CharField(max_length=30)
    account = CharField(max_length=40, default="")  # a PaymentAccount's public id; "" is this site's own
    reference = CharField(max_length=160, null=True)  # what the provider calls it
    state = State("open", "succeeded", "failed", "expired", "abandoned", default="open")
    amount_cents = money()
    currency = CharField(max_length=3)
    url = TextField(null=True)
    expires_at = Moment()
    looked_at = Moment(null=True)  # as of when its provider last told of it
    put_off_at = Moment(null=True)  # when it was asked since, and didn't answer

    class Meta:
        indexes = ((("provider", "reference"), True),)


partial(PaymentAttempt, "payment_attempt_one_open", PaymentAttempt.order, where="state = 'open'", unique=True)


class TicketPayment(Owned):
    """Money that came for an order, as its provider tells it; without an order it is nobody's yet."""

    ELSEWHERE = "elsewhere"  # the account of what came at another site: no key here reaches it

    organization = to(Organization)
    order = to(TicketOrder, on_delete="SET NULL", null=True)
    attempt = to(PaymentAttempt, on_delete="SET NULL", null=True)
    provider = CharField(max_length=30)
    account = CharField(max_length=40, default="")  # as its attempt's
    provider_payment_id = CharField(max_length=160)
    state = State("pending", "paid", "failed")
    amount_cents = money()
    refunded_cents = money(default=0, constraints=[Check("refunded_cents >= 0 AND refunded_cents <= amount_cents")])
    currency = CharField(max_length=3)
    dispute = State("open", "won", "lost", null=True)
    paid_at = Moment(null=True)
    note = TextField(null=True)  # what it says, where nobody knew its order
    trouble = TextField(null=True)  # why it didn't go back, while it was nobody's
    sent_back_at = Moment(null=True)  # since when it goes back, likewise

    class Meta:
        indexes = ((("provider", "account", "provider_payment_id"), True),)


# What this site itself took, which it owes whoever sold: /admin/payouts adds up these alone.
partial(
    TicketPayment,
    "ticket_payment_here",
    *(TicketPayment.organization, TicketPayment.currency, TicketPayment.dispute),
    *(TicketPayment.amount_cents, TicketPayment.refunded_cents),
    *(TicketPayment.account, TicketPayment.state, TicketPayment.provider),  # SQLite reads them again
    where="account = '' AND state = 'paid' AND provider <> 'transfer'",
)


class TicketRefund(Owned):
    """Money that goes back. Its key is fixed, so that the same reason never sends it twice."""

    organization = to(Organization)
    order = to(TicketOrder)
    payment = to(TicketPayment)
    key = CharField(max_length=160, unique=True)
    amount_cents = money(constraints=[Check("amount_cents > 0")])
    reason = TextField()
    state = State("requested", "approved", "declined", "sent", "succeeded", "failed", default="approved")
    provider_refund_id = CharField(max_length=160, null=True)
    asked_at = Moment(null=True)  # when the provider was last to be asked
    tries = IntegerField(default=0)  # that the provider refused or took back: each has a key of its own there
    error = TextField(null=True)
    by = to(User, on_delete="SET NULL", null=True)


class Payout(Owned):
    """Money of tickets that went to an organization's bank: from its own account at a provider, as that tells it, or
    from this site, which took it for the organization and sent it on by hand."""

    organization = to(Organization)
    provider = CharField(max_length=30, default="")  # "" is this site
    account = CharField(max_length=40, default="")  # a PaymentAccount's public id
    state = State("pending", "paid", "failed", default="paid")
    amount_cents = money(constraints=[Check("amount_cents > 0")])
    currency = CharField(max_length=3)
    reference = TextField()  # what the provider calls it
    note = TextField(null=True)
    sent_at = Moment()
    by = to(User, on_delete="SET NULL", null=True)


partial(
    Payout,
    "payout_of_provider",
    *(Payout.provider, Payout.account, Payout.reference),
    where="provider <> ''",
    unique=True,
)


class PayoutPart(Owned):
    """What of one event is in a payout; without an event, what no order of tickets explains."""

    organization = to(Organization)
    payout = to(Payout)
    event = to(Event, on_delete="SET NULL", null=True)
    amount_cents = money()  # that came
    refunded_cents = money()  # that went back
    fee_cents = money()  # that the provider kept
    net_cents = money()  # that is in the payout


class Pass(Owned):
    """One person's right to come in. Whether they are in is told by scans."""

    organization = to(Organization)
    event = to(Event, index=False)
    item = to(OrderItem, index=False)
    tier = to(Tier, on_delete="RESTRICT")
    seq = IntegerField()  # of its item, from 1
    generation = IntegerField(default=1)
    serial = CharField(max_length=40, unique=True)
    holder = TextField(null=True)
    email = short(null=True)
    state = State("active", "suspended", "void", default="active")
    void_reason = State("refunded", "transferred", "cancelled", "dispute", "organizer", null=True)
    refund = to(TicketRefund, on_delete="SET NULL", null=True)  # it goes back with this money
    voided_at = Moment(null=True)
    is_passed_on = BooleanField(default=False)  # its holder isn't who bought it

    class Meta:
        indexes = (
            (("item", "seq", "generation"), True),
            (("event", "id"), False),
            (("event", "updated_at", "id"), False),
        )


class PassTransfer(Owned):
    """A pass that its holder offers to somebody else; accepted, it is void and a new one is theirs."""

    organization = to(Organization)
    ticket = to(Pass, column_name="pass_id", object_id_name="ticket_id")
    public_id = CharField(max_length=40, default=public_id, unique=True)
    email = short()  # to whom it is offered
    state = State("open", "accepted", "withdrawn", "lapsed", default="open")
    until_at = Moment()
    by = to(User, on_delete="SET NULL", null=True)  # the organizer who did it for the holder


partial(PassTransfer, "pass_transfer_one_open", PassTransfer.ticket, where="state = 'open'", unique=True)
partial(PassTransfer, "pass_transfer_due", PassTransfer.until_at, where="state = 'open'")


class SessionSeat(Owned):
    """A pass has a seat in a part of the programme."""

    organization = to(Organization)
    session = to(EventSession)
    ticket = to(Pass, index=False, column_name="pass_id", object_id_name="ticket_id")

    class Meta:
        indexes = ((("ticket", "session"), True),)


class Incident(Owned):
    """Something that went wrong at an event, and what was done about it."""

    organization = to(Organization)
    event = to(Event, index=False)
    title = TextField()
    state = State("open", "settled", default="open")
    severity = State("minor", "major", "grave", default="minor")
    happened_at = Moment(null=True)
    place = CharField(max_length=120, null=True)
    about = TextField(null=True)
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("event", "id"), False), (("event", "state", "id"), False))


class SaleRehearsal(Owned):
    """The whole sale of an event as it was practised once, with buyers who were made up."""

    organization = to(Organization)
    event = to(Event, index=False)
    title = TextField()
    state = State("waiting", "running", "done", "failed", "cancelled", default="waiting")
    buyers = IntegerField()
    minutes = IntegerField()  # over which they come
    arrival = State("rush", "steady", default="rush")
    vanish = IntegerField()  # percent of them, as the next two
    late = IntegerField()
    twice = IntegerField()
    seed = IntegerField()  # of its dice: cut off, it is played the same again
    sold = IntegerField(null=True)
    gone_after = IntegerField(null=True)  # seconds from the opening until nothing was free
    report = Json(null=True)
    error = TextField(null=True)
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("event", "id"), False), (("event", "state", "id"), False))


class Checkpoint(Owned):
    """Where passes are looked at: a gate, a hall, a session's door."""

    organization = to(Organization)
    event = to(Event, index=False)
    name = TextField()
    rule = State("once", "daily", "in_out", "free", default="once")
    tier = to(Tier, null=True)  # for this kind of ticket alone
    session = to(EventSession, null=True)  # and only while this runs
    is_closed = BooleanField(default=False)

    class Meta:
        indexes = ((("event", "id"), False),)

    @property
    def pair(self):
        """As a choice in a form."""
        return self.id, self.name


class Device(Owned):
    """A phone at a door. Who has its token sends what it scanned; a revoked one has nothing more to say."""

    organization = to(Organization)
    event = to(Event, index=False)
    checkpoint = to(Checkpoint, null=True)
    user = to(User)
    name = TextField()
    token_hash = CharField(max_length=64, unique=True)
    seen_at = Moment(null=True)
    waiting = IntegerField(default=0)  # scans that it had yet to send
    revoked_at = Moment(null=True)

    class Meta:
        indexes = ((("event", "id"), False),)


class Scan(Owned):
    """A code that was looked at, and what came of it. Rows are only ever added."""

    organization = to(Organization)
    event = to(Event, index=False)
    device = to(Device, index=False)
    nonce = CharField(max_length=40)
    checkpoint = to(Checkpoint)
    kind = State("entry", "exit", "undo", default="entry")
    ticket = to(Pass, null=True, column_name="pass_id", object_id_name="ticket_id")
    first = to("self", on_delete="SET NULL", null=True)  # that was here before
    scanned_at = Moment()  # by the server's clock, however wrong the phone's was
    drift_ms = IntegerField(default=0)  # that was taken off the phone's clock
    is_late = BooleanField(default=False)  # the phone decided, without a network
    result = CharField(max_length=20)
    note = TextField(null=True)

    class Meta:
        indexes = (
            (("device", "nonce"), True),
            (("event", "id"), False),
            (("event", "result", "id"), False),
        )


class Presence(Owned):
    """Whether a pass is in, at a checkpoint and, where it counts by days, on a day: what decides a second scan."""

    organization = to(Organization)
    ticket = to(Pass, index=False, column_name="pass_id", object_id_name="ticket_id")
    checkpoint = to(Checkpoint)
    day = CharField(max_length=10, default="")
    is_inside = BooleanField(default=True)
    entries = IntegerField(default=1)
    first = to(Scan, null=True, on_delete="SET NULL")
    last = to(Scan, null=True, on_delete="SET NULL")

    class Meta:
        indexes = ((("ticket", "checkpoint", "day"), True),)


# --- flyers: docs/decisions/flyers.md ------------------------------------------------------------------


class FlyerPicture(Owned):
    """A picture that an organization put into its templates, by the hash of its bytes."""

    organization = to(Organization, index=False)
    sha256 = CharField(max_length=64)
    type = CharField(max_length=40)
    width = IntegerField()
    height = IntegerField()
    size = IntegerField()  # bytes
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("organization", "sha256"), True),)


class FlyerTemplate(Owned):
    """A picture that visitors are put into, as it is being made; what they get is its live FlyerVersion."""

    organization = to(Organization, index=False)
    public_id = CharField(max_length=40, default=public_id, unique=True)
    event = to(Event, on_delete="SET NULL", null=True)
    name = TextField()
    state = State("draft", "published", "archived", default="draft")
    draft = Json()  # a design: domain/flyers/designs.py
    live_version = IntegerField(null=True)  # the number of its newest version
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("organization", "id"), False), (("organization", "state", "id"), False))


class FlyerVersion(Owned):
    """A template as it was published once. Write-once: flyers keep theirs whatever becomes of the template."""

    organization = to(Organization)
    template = to(FlyerTemplate, index=False)
    number = IntegerField()
    spec = Json()  # the design, with the words that it takes from its event in `bound`
    files = Json(default=list)  # the FlyerPictures in it, by their hashes
    renderer = IntegerField()  # composing.RENDERER, as it was
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("template", "number"), True),)


class FlyerCampaign(Owned):
    """An address at which people make flyers for a while; which template they get there is its phases' business."""

    organization = to(Organization, index=False)
    event = to(Event, on_delete="SET NULL", null=True)
    template = to(FlyerTemplate, on_delete="SET NULL", null=True)  # while no phase runs
    name = TextField()
    slug = CharField(max_length=80, unique=True)
    zone = CharField(max_length=60, default="UTC")
    starts_at = Moment()
    ends_at = Moment(constraints=[Check("ends_at > starts_at")])
    state = State("draft", "scheduled", "active", "paused", "ended", default="draft")
    paused_why = TextField(null=True)
    visibility = State("public", "link", default="public")
    hub_ok = BooleanField(default=True)  # people's pictures may be shown in the hub, where they say so
    popularity = IntegerField(default=0)  # this week, and how many were made: domain/flyers/trending.py
    made = IntegerField(default=0)
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = (
            (("organization", "id"), False),
            (("organization", "state", "id"), False),
            (("state", "starts_at"), False),
            (("state", "visibility", "id"), False),
        )


partial(FlyerCampaign, "flyer_campaign_popular", FlyerCampaign.popularity, FlyerCampaign.id, where="popularity > 0")


class FlyerPhase(Owned):
    """A part of a campaign's time with a template of its own. No two of a campaign overlap: campaigns.py."""

    organization = to(Organization)
    campaign = to(FlyerCampaign, index=False)
    key = State("teaser", "main", "last_call", "thank_you")
    starts_at = Moment()
    ends_at = Moment(constraints=[Check("ends_at > starts_at")])
    template = to(FlyerTemplate)

    class Meta:
        indexes = ((("campaign", "key"), True),)


class FlyerVia(Owned):
    """Eight letters by which people come to an event through somebody's flyer: one a person, as far as one is known."""

    organization = to(Organization)
    event = to(Event)
    code = CharField(max_length=8, unique=True)
    user = to(User, on_delete="SET NULL", null=True)
    email_norm = short(null=True)
    parent = to("self", on_delete="SET NULL", null=True)  # through whom they came themselves


partial(FlyerVia, "flyer_via_user", FlyerVia.event, FlyerVia.user, where="user_id IS NOT NULL", unique=True)
partial(
    FlyerVia,
    "flyer_via_email",
    *(FlyerVia.event, FlyerVia.email_norm),
    where="user_id IS NULL AND email_norm IS NOT NULL",
    unique=True,
)


class Flyer(Owned):
    """Somebody's picture. Its bytes lie in the file store under its public id: domain/flyers/keeping.py."""

    KEPT = ("pending", "ready", "flagged")  # the states with files

    organization = to(Organization)
    public_id = CharField(max_length=40, default=spoken_id, unique=True)
    version = to(FlyerVersion, index=False)
    campaign = to(FlyerCampaign, on_delete="SET NULL", null=True, index=False)
    user = to(User, on_delete="SET NULL", null=True)
    ticket = to(Pass, on_delete="SET NULL", null=True, column_name="pass_id", object_id_name="ticket_id")
    via = to(FlyerVia, on_delete="SET NULL", null=True)
    fields = Json(default=dict)  # slot's key → what they wrote
    crop = Json(default=dict)
    # Hashes of what is kept: of the photo only until the picture is drawn.
    photo = CharField(max_length=64, null=True, constraints=[Check("photo IS NULL OR state = 'pending'")])
    file = CharField(
        max_length=64, null=True, constraints=[Check("file IS NULL OR state IN ('pending', 'ready', 'flagged')")]
    )
    og = CharField(
        max_length=64, null=True, constraints=[Check("og IS NULL OR state IN ('pending', 'ready', 'flagged')")]
    )
    thumb = CharField(
        max_length=64, null=True, constraints=[Check("thumb IS NULL OR state IN ('pending', 'ready', 'flagged')")]
    )
    content_hash = CharField(max_length=64)
    address_hash = CharField(max_length=64, default="")  # with the day's salt
    state = State("pending", "ready", "flagged", "removed", "expired", default="pending")
    why = State("owner", "failed", "moderation", "organizer", "template", "account", null=True)  # it was removed
    is_sending = BooleanField(default=False)  # its photo doesn't lie in the store yet: it isn't drawn before
    tries = IntegerField(default=0)
    ready_at = Moment(null=True)
    secret_hash = CharField(max_length=64)  # of its manage link's
    attempt = CharField(max_length=40, null=True)  # as its page told it
    in_hub = BooleanField(default=False)
    is_unscreened = BooleanField(default=False)
    email = short(null=True)  # where they hear three days before it expires
    told_at = Moment(null=True)
    extended_at = Moment(null=True)
    expires_at = Moment()
    forgotten_at = Moment(null=True)  # nothing of it lies in the store any more

    class Meta:
        indexes = (
            (("version", "content_hash", "address_hash"), True),
            (("campaign", "created_at"), False),
        )


partial(Flyer, "flyer_expires", Flyer.expires_at, where="file IS NOT NULL")
partial(Flyer, "flyer_pending", Flyer.id, where="state = 'pending'")
partial(Flyer, "flyer_unforgotten", Flyer.id, where="state IN ('removed', 'expired') AND forgotten_at IS NULL")
partial(Flyer, "flyer_hub", Flyer.campaign, Flyer.id, where="state = 'ready' AND in_hub")


class Referral(Owned):
    """An order that came through somebody's flyer. Whether it counts is asked of the order: domain/flyers."""

    organization = to(Organization)
    order = to(TicketOrder, unique=True)
    via = to(FlyerVia)
    kind = State("counted", "self", default="counted")
    shows_name = BooleanField(default=False)  # the buyer's first name, to whom they came through


class FlyerSalt(Table):
    """What addresses are hashed with on a day, or in a month; destroyed when it is over."""

    day = CharField(max_length=10, unique=True)
    salt = BlobField()


class FlyerEvent(Table):
    """Something people did with a flyer, as their browser claims. Rows are only ever added, many at once for all."""

    organization = to(Organization)
    campaign = to(FlyerCampaign, on_delete="SET NULL", null=True)
    template = to(FlyerTemplate, index=False)
    version = IntegerField(null=True)
    kind = State("view", "open", "upload", "generate", "download", "share", "arrive")
    at = Moment(default=now, index=True)
    day = CharField(max_length=10)
    source = CharField(max_length=30, default="beacon")
    key = BlobField(unique=True)  # 16 bytes: the same act is one row

    class Meta:
        indexes = ((("template", "kind", "at"), False),)


class FlyerCount(Table):
    """How many FlyerEvents of a kind there were in an hour: raised in the transaction that adds them."""

    scope = State("campaign", "template")
    scope_id = IntegerField()
    kind = State("view", "open", "upload", "generate", "download", "share", "arrive")
    hour = Moment()
    n = IntegerField(default=0)

    class Meta:
        indexes = ((("scope", "scope_id", "kind", "hour"), True), (("kind", "hour"), False))


class FlyerGap(Table):
    """A time from which events are known to be missing."""

    from_at = Moment()
    until_at = Moment(index=True)
    lost = IntegerField()


class FlyerBatch(Owned):
    """Flyers of many people at once, from a file that an organizer brings; they end in a ZIP."""

    organization = to(Organization, index=False)
    public_id = CharField(max_length=40, default=public_id, unique=True)
    version = to(FlyerVersion)
    name = TextField(default="")
    total = IntegerField(default=0)
    hold_key = CharField(max_length=64, null=True)  # of its credits
    state = State("queued", "running", "stopping", "done", "failed", default="queued")
    error = TextField(null=True)
    by = to(User, on_delete="SET NULL", null=True)
    done_at = Moment(null=True)

    class Meta:
        indexes = ((("organization", "id"), False), (("organization", "state", "id"), False))


partial(FlyerBatch, "flyer_batch_open", FlyerBatch.id, where="state IN ('queued', 'running', 'stopping')")


class FlyerBatchRow(Owned):
    organization = to(Organization)
    batch = to(FlyerBatch, index=False)
    n = IntegerField()
    fields = Json(default=dict)
    photo = CharField(max_length=64, null=True)  # its hash
    file = CharField(max_length=64, null=True)  # the flyer's
    state = State("waiting", "done", "failed", default="waiting")
    error = TextField(null=True)

    class Meta:
        indexes = ((("batch", "n"), True), (("batch", "state", "n"), False))


# --- what the public shows us: reports and what came of them --------------------------------------------


class ModerationItem(Owned):
    """Something public that somebody should look at; one is open for a subject. An approved subject is immune."""

    organization = to(Organization, index=False)
    subject = State("flyer", "template", "campaign", "event", "organization", "record")
    subject_id = IntegerField()
    title = TextField(default="")  # what it was called then
    path = TextField(null=True)  # where it stands
    content_hash = CharField(max_length=64, null=True)  # of its words as they were approved: what is new isn't immune
    source = State("report", "auto", "appeal", default="report")
    reason = CharField(max_length=30)  # the gravest of its reports
    state = State("open", "approved", "removed", default="open")
    is_urgent = BooleanField(default=False)
    is_for_platform = BooleanField(default=False)  # its organization doesn't decide this itself
    is_hidden = BooleanField(default=False)  # nobody sees the subject until it is decided
    appeal = TextField(null=True)
    reviewer = to(User, on_delete="SET NULL", null=True)
    decided_at = Moment(null=True)
    note = TextField(null=True)

    class Meta:
        indexes = (
            (("organization", "id"), False),
            (("organization", "state", "id"), False),
            (("state", "is_for_platform", "id"), False),
            (("subject", "subject_id", "id"), False),
        )


partial(
    ModerationItem,
    "moderation_item_open",
    *(ModerationItem.subject, ModerationItem.subject_id),
    where="state = 'open'",
    unique=True,
)
partial(
    ModerationItem,
    "moderation_item_hidden",
    *(ModerationItem.subject, ModerationItem.subject_id),
    where="is_hidden",
)


class ModerationReport(Owned):
    """What one person said against a subject: an account, or else a browser at an address, hashed."""

    organization = to(Organization)
    item = to(ModerationItem, index=False)
    reporter = CharField(max_length=64)
    reason = CharField(max_length=30)
    note = TextField(null=True)
    reply_to = short(null=True)  # where they hear what came of it
    replied_at = Moment(null=True)
    withdrawn_at = Moment(null=True)

    class Meta:
        indexes = ((("item", "reporter"), True),)


# --- automations: what is done by itself ------------------------------------------------------------------


class Automation(Owned):
    """What is done by itself when something happens in a list. What that is stands in its newest version."""

    organization = to(Organization, index=False)
    name = CharField(max_length=80)
    source = CharField(max_length=40)  # the table whose changes set it off, as Change calls it; empty for a clock alone
    trigger = State("made", "changed", "entered", "form", "date", "schedule", "button")
    number = IntegerField(default=1)  # of its newest version
    state = State("on", "off", "paused", default="off")
    acts_as = to(User, on_delete="SET NULL", null=True)  # it may what they may at that moment, and never more
    paused_reason = TextField(null=True)
    due_at = Moment(null=True)  # when its clock is looked at
    removed_at = Moment(null=True)

    class Meta:
        indexes = ((("organization", "id"), False),)


partial(Automation, "automation_listens", Automation.organization, Automation.source, where="state = 'on'")
partial(Automation, "automation_due", Automation.due_at, where="state = 'on' AND due_at IS NOT NULL")


class AutomationVersion(Owned):
    """What an automation did from one saving to the next: a run keeps the version that it began with."""

    organization = to(Organization)
    automation = to(Automation, index=False)
    number = IntegerField()
    body = Json(default=dict)
    by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("automation", "number"), True),)

    @property
    def source(self):
        """The list that it was saved for, which another version may not be; the first versions didn't note it."""
        return self.body.get("source", self.automation.source)


class AutomationRun(Owned):
    """One time that it was set off, in the transaction of what did. `chain` is shared by all that one act led to."""

    organization = to(Organization, index=False)
    automation = to(Automation, index=False)
    version = to(AutomationVersion)
    cause = CharField(max_length=120)  # the same cause sets it off once
    chain = CharField(max_length=40)
    depth = IntegerField(default=0)
    row_id = IntegerField(null=True)
    fields = Json(default=dict)  # what changed: name → [before, after]
    by = to(User, on_delete="SET NULL", null=True)
    state = State("waiting", "done", "failed", "stopped", default="waiting")
    step = IntegerField(default=0)  # the next one
    results = Json(default=list)
    attempts = IntegerField(default=0)
    next_at = Moment(default=now)
    error = TextField(null=True)
    finished_at = Moment(null=True)

    class Meta:
        indexes = (
            (("automation", "cause"), True),
            (("automation", "chain", "row_id"), True),
            (("automation", "created_at"), False),
            (("organization", "id"), False),
        )


partial(AutomationRun, "automation_run_due", AutomationRun.next_at, AutomationRun.id, where="state = 'waiting'")
partial(
    AutomationRun, "automation_run_waits", AutomationRun.automation, AutomationRun.row_id, where="state = 'waiting'"
)


class WebhookEndpoint(Owned):
    """An address outside that is told; its secret is sealed, and for a while the one before signs too."""

    organization = to(Organization, index=False)
    name = CharField(max_length=80)
    url = TextField()
    secret = TextField()  # sealed: domain/base/keys.py
    old_secret = TextField(null=True)
    old_until_at = Moment(null=True)
    failing_since_at = Moment(null=True)
    disabled_at = Moment(null=True)
    removed_at = Moment(null=True)
    made_by = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("organization", "id"), False),)


class WebhookDelivery(Owned):
    """One message to an endpoint, tried until it is taken; `message_id` is the same in every try."""

    organization = to(Organization, index=False)
    endpoint = to(WebhookEndpoint, index=False)
    run = to(AutomationRun, on_delete="SET NULL", null=True)
    message_id = CharField(max_length=40, unique=True)
    cause = CharField(max_length=80, unique=True)  # the same cause leaves one
    body = TextField()
    state = State("queued", "taken", "failed", default="queued")
    attempts = IntegerField(default=0)
    next_at = Moment(default=now)
    status_code = IntegerField(null=True)
    answer = TextField(null=True)
    error = TextField(null=True)
    taken_at = Moment(null=True)

    class Meta:
        indexes = ((("organization", "id"), False), (("endpoint", "id"), False))


partial(WebhookDelivery, "webhook_delivery_due", WebhookDelivery.next_at, WebhookDelivery.id, where="state = 'queued'")
# --- what the site says, and what people say to it ---------------------------------------------------------


class Article(Table):
    """A post of the blog, or a legal page."""

    kind = State("post", "legal")
    slug = CharField(max_length=80)
    title = CharField(max_length=120)
    summary = CharField(max_length=300, default="")
    body = TextField(default="")
    state = State("draft", "published", default="draft")
    published_at = Moment(null=True)
    author = to(User, on_delete="SET NULL", null=True)

    class Meta:
        indexes = ((("kind", "slug"), True), (("kind", "published_at"), False))


class Feedback(Table):
    """What somebody wrote to whoever runs the site, and the answer."""

    user = to(User, on_delete="SET NULL", null=True)
    email = CharField(max_length=200, null=True)  # of who has no account and wants an answer
    kind = State("feedback", "complaint")
    category = CharField(max_length=30)
    title = CharField(max_length=120)
    body = TextField()
    status = State("open", "in_review", "resolved", "dismissed", default="open", index=True)
    reply = TextField(null=True)
    decided_at = Moment(null=True)
    decided_by = to(User, on_delete="SET NULL", null=True)
    form_key = CharField(max_length=40, null=True, unique=True)


class Verification(Table):
    """An organization asks for the mark that its name was looked at."""

    organization = to(Organization)
    asked_by = to(User, on_delete="SET NULL", null=True)
    name = CharField(max_length=120)  # as it was when they asked
    words = TextField()
    links = TextField(default="")
    state = State("pending", "approved", "rejected", "withdrawn", default="pending", index=True)
    reason = TextField(null=True)
    decided_at = Moment(null=True)
    decided_by = to(User, on_delete="SET NULL", null=True)


partial(Verification, "verification_one_pending", Verification.organization, where="state = 'pending'", unique=True)


# --- what came from another site ---------------------------------------------------------------------------


class Arrival(Owned):
    """A row that came from another site: what it was there, and is here. What came once doesn't come again."""

    organization = to(Organization)
    source = CharField(max_length=40)  # the install, as it calls itself
    table = CharField(max_length=40, column_name="table_name")
    source_id = IntegerField()
    row_id = IntegerField()

    class Meta:
        indexes = ((("source", "table", "source_id"), True),)


# Whatever class is made here is a table, in the order of the file.
TABLES = [
    one for one in list(vars().values()) if isinstance(one, type) and one.__module__ == __name__ and one is not Pivot
]
OWNED = [table for table in TABLES if issubclass(table, Owned)]

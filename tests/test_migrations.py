import contextlib
import multiprocessing
import re
import sqlite3
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import peewee
import pytest
from playhouse.migrations import Runner

import models
from database import migrations
from database.clock import now
from database.columns import State
from database.compiled import Compiled
from database.connections import database, open_database
from database.scope import everywhere, inside
from domain.base import audit, configuration
from domain.base.configuration import Configuration
from domain.events import holds, stock
from domain.lists import rows as list_rows
from domain.records import collections, listings
from models import AuditEvent, Organization
from tests.fixtures.events import make_event, make_voucher
from tests.fixtures.threads import write

NAMES = sorted(path.stem for path in migrations.HERE.glob("[0-9]*.py"))
FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture
def dialect(house):
    return database.dialect


@pytest.fixture
def empty(houses, tmp_path):
    """An open database without any table. On PostgreSQL the shared one is emptied, and filled again."""
    url = houses.url(tmp_path)
    open_database(url)
    if houses.dialect == "postgres":
        database.execute_sql("DROP OWNED BY guildhall")
    yield url
    if houses.dialect == "postgres":
        database.close_all()
        open_database(url)
        database.execute_sql("DROP OWNED BY guildhall")
        migrations.migrate(tmp_path)
    database.close_all()


def applied():
    return list(Runner(database.obj, str(migrations.HERE)).applied())


# --- parity: what models.py says is what migrations make ----------------------------------------------


class Described(NamedTuple):
    """A table; `types` is what models.py leaves to the migrations: column → type and default."""

    columns: dict
    indexes: set
    keys: set
    checks: set
    triggers: set
    secured: bool
    types: dict = {}


WRITE_ONCE = {"audit_event", "credit_entry", "flyer_version"}
SEARCHED = {"task", "record"}


def described():
    """table → Described, as models.py says."""
    said = {}
    for table in models.TABLES:
        meta, name = table._meta, table._meta.table_name
        indexes = set()
        for index in meta.fields_to_index():
            # An expression has no name.
            names = tuple(e.column_name if isinstance(e, peewee.Field) else "" for e in index._expressions)
            where = index._where.sql if index._where is not None else ""
            indexes.add((names, bool(index._unique), _plain(where)))
        triggers = {f"{name}_write_once"} if name in WRITE_ONCE else set()
        triggers |= {f"{name}_updated"} if name != "audit_event" and not issubclass(table, models.Pivot) else set()
        if name in SEARCHED and database.dialect == "sqlite":
            triggers |= {f"{name}_search_{event}" for event in ("add", "remove", "change")}
        triggers |= PARTS[database.dialect].get(name, set())
        said[name] = Described(
            {f.column_name: f.null for f in meta.sorted_fields},
            indexes,
            {(f.column_name, f.rel_model._meta.table_name, f.on_delete) for f in meta.refs},
            {_plain(check.sql.removeprefix("CHECK ")) for f in meta.sorted_fields for check in f.constraints or ()},
            triggers,
            issubclass(table, models.Owned) and database.dialect == "postgres",
        )
    return said


# Parts of names and of what happened are kept by triggers beside the tables.
PARTS = {
    "sqlite": {
        "user": {"user_parts_user_add", "user_parts_user_change", "user_parts_remove"},
        "profile": {"user_parts_profile_add", "user_parts_profile_change"},
        "audit_event": {f"audit_event_parts_{event}" for event in ("add", "remove", "change")},
    },
    "postgres": {"user": {"user_parts"}, "profile": {"user_parts"}},
}


def _plain(text):
    text = re.sub(r"::\w+( varying)?(\[\])?", "", text or "")
    text = re.sub(r"= ANY \(\(?ARRAY\[(.*?)\]\)?\)", r"IN (\1)", text)
    text = re.sub(r"\bis_personal = true\b", "is_personal", text)
    return re.sub(r"[()\"\s]", "", text).lower()


def rows(sql, *params):
    return database.execute_sql(sql, params).fetchall()


def _on_sqlite():
    made = {}
    for table, text in rows("SELECT name, sql FROM sqlite_master WHERE type = 'table'"):
        if table.startswith(("sqlite_", "task_search", "record_search", "user_parts", "audit_event_parts", "schema_")):
            continue
        info = rows(f'PRAGMA table_info("{table}")')
        indexes = set()
        for _, name, unique, origin, _ in rows(f'PRAGMA index_list("{table}")'):
            if origin == "pk":
                continue
            assert origin == "c", f"{name}: an index of {table} that models.py can't name"
            names = tuple(row[2] or "" for row in rows(f'PRAGMA index_info("{name}")'))
            ((made_by,),) = rows("SELECT sql FROM sqlite_master WHERE name = ?", name)
            where = made_by.split(" WHERE ", 1)[1] if " WHERE " in made_by else ""
            indexes.add((names, bool(unique), _plain(where)))
        made[table] = Described(
            {row[1]: not row[3] for row in info},
            indexes,
            {(row[3], row[2], row[6]) for row in rows(f'PRAGMA foreign_key_list("{table}")')},
            {_plain(check) for check in re.findall(r"CHECK (\((?:[^()]|\([^()]*\))*\))", text)},
            {name for (name,) in rows("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?", table)},
            False,
            {row[1]: (row[2].replace("BIGINT", "INTEGER"), row[4]) for row in info},
        )
    return made


def _on_postgres():
    made = {}
    actions = {"c": "CASCADE", "n": "SET NULL", "r": "RESTRICT", "a": "NO ACTION"}
    for (table,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        if table.startswith("schema_"):
            continue
        info = rows(
            """SELECT column_name, is_nullable, udt_name, character_maximum_length, column_default
               FROM information_schema.columns
               WHERE table_name = %s AND table_schema = 'public' AND column_name NOT IN ('search', 'search_more', 'parts')""",
            table,
        )
        indexes = rows(
            """SELECT (SELECT array_agg(coalesce(a.attname, '') ORDER BY k.place)
                       FROM unnest(i.indkey) WITH ORDINALITY k(number, place)
                       LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number),
                   i.indisunique, pg_get_expr(i.indpred, i.indrelid)
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE i.indrelid = %s::regclass AND NOT i.indisprimary AND c.relname NOT IN ('task_search', 'record_search', 'record_search_more', 'user_parts', 'audit_event_parts', 'user_email_norm_begins')""",
            f'"{table}"',
        )
        keys = rows(
            """SELECT a.attname, k.confrelid::regclass::text, k.confdeltype FROM pg_constraint k
               JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
               WHERE k.contype = 'f' AND k.conrelid = %s::regclass""",
            f'"{table}"',
        )
        checks = rows(
            "SELECT pg_get_expr(conbin, conrelid) FROM pg_constraint WHERE contype = 'c' AND conrelid = %s::regclass",
            f'"{table}"',
        )
        triggers = rows("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgrelid = %s::regclass", f'"{table}"')
        (secured,) = rows(
            """SELECT relrowsecurity AND relforcerowsecurity AND EXISTS
                   (SELECT 1 FROM pg_policies p WHERE p.tablename = relname AND p.qual = p.with_check)
               FROM pg_class WHERE oid = %s::regclass""",
            f'"{table}"',
        )
        made[table] = Described(
            {name: null == "YES" for name, null, *_ in info},
            {(tuple(names), unique, _plain(where)) for names, unique, where in indexes},
            {(column, other.strip('"'), actions[action]) for column, other, action in keys},
            {_plain(check) for (check,) in checks},
            {name for (name,) in triggers},
            secured[0],
            {name: tuple(rest) for name, _, *rest in info},
        )
    return made


def made():
    return _on_sqlite() if database.dialect == "sqlite" else _on_postgres()


def test_no_index_is_the_beginning_of_another(dialect):
    for name, table in made().items():
        whole = {columns: unique for columns, unique, where in table.indexes if not where and "" not in columns}
        for columns in (columns for columns, unique in whole.items() if not unique):
            more = [other for other in whole if other != columns and other[: len(columns)] == columns]
            assert not more, f"{name}: every write pays for an index of {columns}, and {more} begin with it"


@pytest.mark.parametrize("part", [part for part in Described._fields if part != "types"])
def test_what_the_migrations_make_is_what_the_models_say(dialect, part):
    said, found = described(), made()
    assert said.keys() == found.keys()
    for table in said:
        assert getattr(said[table], part) == getattr(found[table], part), f"{part} of {table}"


def rows_of():
    """One valid row of each table that has a State or a CHECK, made in dependency order."""
    user = models.User.create(email="a@example.org", email_norm="a@example.org")
    organization = Organization.create(name="A", slug="a", owner=user)
    mine = {"organization": organization}
    account = models.CreditAccount.create(**mine)
    session = models.Session.create(user=user, token_hash="x", expires_at=now())
    workspace = models.Workspace.create(name="General", slug="general", **mine)
    tier = models.BackerTier.create(key="early", name="Early bird")
    sub = {"provider": "stripe", "provider_customer_id": "cus_1"}
    payment = models.Payment.create(
        provider="stripe", provider_payment_id="in_1", reason="create", status="paid", amount=1, currency="USD", **mine
    )
    dispute = models.Dispute.create(
        provider="stripe", provider_dispute_id="dp_1", payment=payment, state="open", **mine
    )
    collection = models.Collection.create(name="Repairs", slug="repairs", **mine)
    field = models.RecordField.create(collection=collection, label="Name", api_name="name", kind="text", **mine)
    slot = models.RecordSlot.create(field=field, kind="text", **mine)
    record = models.Record.create(collection=collection, **mine)
    event = models.Event.create(title="E", slug="e", starts_at=now(), ends_at=now(), **mine)
    part = {"event": event, **mine}
    kind = models.Tier.create(name="Day", **part)
    order = models.TicketOrder.create(hold_until_at=now(), currency="EUR", **part)
    stock = models.Stock.create(kind="tier", thing=kind.id, **part)
    item = models.OrderItem.create(order=order, tier=kind, quantity=1, standing=1, unit_cents=0, total_cents=0, **mine)
    membership = models.Membership.create(user=user, role="owner", **mine)
    brought = models.ImportFile.create(table="tasks", sha256="x", name="f.csv", size=1, organization=organization)
    return [
        user,
        organization,
        dispute,
        models.Profile.create(user=user),
        models.AuthToken.create(
            purpose="reset", email_norm="a@example.org", secret_hash="x", salt="y", expires_at=now()
        ),
        session,
        models.Identity.create(user=user, provider="google", subject="1", email="a@example.org"),
        models.Passkey.create(user=user, credential_id="x", public_key=b"x", name="Key"),
        models.BackupCode.create(user=user, code_hash="x"),
        models.Admin.create(email="a@example.org", email_norm="a@example.org"),
        models.StaffRole.create(user=user, role="support"),
        models.Challenge.create(user=user, action="a", method="email", expires_at=now()),
        models.Proof.create(user=user, session=session, action="a", level=3, single_use=False, expires_at=now()),
        membership,
        models.CalendarFeed.create(
            user=user, membership=membership, table="task", path="/tasks", query="", title="T", secret_hash="x"
        ),
        workspace,
        models.Assignment.create(user=user, workspace=workspace, role="scanner", **mine),
        models.Invitation.create(
            email="b@example.org", email_norm="b@example.org", role="viewer", expires_at=now(), **mine
        ),
        models.InvitationLink.create(role="member", secret_hash="x", most=1, expires_at=now(), **mine),
        api_key := models.ApiKey.create(name="K", prefix="p", secret_hash="x", **mine),
        models.ApiAnswer.create(key=api_key, word_hash="w", asked_hash="a", status=200, body="", **mine),
        models.Transfer.create(from_user=user, to_user=user, expires_at=now(), **mine),
        models.Change.create(table="task", verb="created", **mine),
        models.StoredFile.create(sha256="0", size=1, type="text/plain", name="a", table="task", row_id=1, **mine),
        models.Comment.create(table="task", row_id=1, by=user, text="T", **mine),
        models.Task.create(user=user, title="T", **mine),
        models.Label.create(label="L", **mine),
        models.SavedView.create(table="task", name="V", query="", by=user, **mine),
        models.SavedChart.create(listing="tasks", name="C", query="", by=user, **mine),
        models.OrganizationKey.create(public="p", sealed="s", **mine),
        collection,
        field,
        slot,
        models.ApiNameUse.create(key=api_key, field=field, name="old", **mine),
        models.RecordOption.create(field=field, label="New", api_name="new", **mine),
        models.ShapeChange.create(collection=collection, number=1, **mine),
        models.RecordRule.create(collection=collection, who="role:member", **mine),
        record,
        models.RecordKey.create(slot=slot, key="1a", record=record.id, organization=organization.id),
        models.RecordUnique.create(slot=slot, key="a", record=record.id, organization=organization.id),
        models.RecordStale.create(organization=organization, collection=collection, record=record.id),
        link := models.PublicLink.create(collection=collection, purpose="form", name="F", token_hash="t", **mine),
        answer := models.PublicAnswer.create(link=link, form_key="k", secret_hash="s", **mine),
        models.PublicFile.create(
            answer=answer, field_id=1, public_id="p", name="f", type="t", size=1, sha256="s", **mine
        ),
        models.RecordLink.create(slot=slot, from_record=record.id, to_record=record.id, organization=organization.id),
        event,
        kind,
        order,
        stock,
        item,
        models.EventSlug.create(slug="e", **part),
        models.PricePhase.create(tier=kind, name="Early", price_cents=1, **part),
        talk := models.EventSession.create(title="Talk", starts_at=now(), ends_at=now(), **part),
        models.EventType.create(name="Concert", **mine),
        speaker := models.Speaker.create(name="Ada", **part),
        models.SessionSpeaker.create(session=talk, speaker=speaker, **mine),
        models.Voucher.create(code="A", code_norm="a", **part),
        models.Buyer.create(key="k", **part),
        models.Place.create(wishes={}, tiers=(kind.id,), needs=1, seen_at=now(), **part),
        models.StockMove.create(stock=stock, kind="hold", **part),
        models.PaymentAttempt.create(
            order=order, provider="stripe", amount_cents=1, currency="EUR", expires_at=now(), **mine
        ),
        paid := models.TicketPayment.create(
            provider="stripe", provider_payment_id="pi_1", state="paid", amount_cents=1, currency="EUR", **mine
        ),
        models.PaymentAccount.create(provider="stripe", label="Ours", key="k", **mine),
        paid_out := models.Payout.create(amount_cents=1, currency="EUR", reference="r", sent_at=now(), **mine),
        models.PayoutPart.create(payout=paid_out, amount_cents=1, refunded_cents=0, fee_cents=0, net_cents=1, **mine),
        models.TicketRefund.create(order=order, payment=paid, key="k", amount_cents=1, reason="r", **mine),
        ticket := models.Pass.create(item=item, tier=kind, seq=1, serial="s", void_reason="refunded", **part),
        models.PassTransfer.create(ticket=ticket, email="b@example.org", until_at=now(), **mine),
        models.SessionSeat.create(session=talk, ticket=ticket, **mine),
        models.Incident.create(title="A spill", **part),
        models.SaleRehearsal.create(title="5 buyers", **dict.fromkeys(NUMBERS, 5), **part),
        gate := models.Checkpoint.create(name="Gate", **part),
        phone := models.Device.create(user=user, name="Phone", token_hash="h", **part),
        models.Scan.create(device=phone, nonce="n", checkpoint=gate, scanned_at=now(), result="ok", **part),
        models.Presence.create(ticket=ticket, checkpoint=gate, **mine),
        brought,
        models.ImportRow.create(file=brought, line=1, verdict="new", organization=organization.id),
        models.Notification.create(recipient=user, type="t", title="T"),
        models.Preference.create(user=user, kind="comments", in_bell=True, letter="daily"),
        models.Digest.create(user=user, period="daily", day="2026-06-15", entries=1),
        models.Alert.create(message="m"),
        models.Backup.create(name="n", made_at=now()),
        models.Letter.create(
            queued_as=1, template="t", kind="k", recipient="a@example.org", email_norm="a@example.org"
        ),
        models.Suppression.create(email_norm="a@example.org", scope="all", reason="bounced"),
        models.MailPause.create(provider="resend", until_at=now(), reason="r"),
        subscriber := models.Subscriber.create(email="a@example.org", email_norm="a@example.org"),
        issue := models.Campaign.create(subject="s", body="b"),
        models.Consent.create(subscriber=subscriber, act="asked"),
        models.CampaignRecipient.create(campaign=issue, email_norm="a@example.org"),
        models.Erasure.create(user_id=1),
        models.Setting.create(key="k", value=1),
        AuditEvent.create(category="auth", action="a.b", summary="s", actor=user, organization=organization),
        models.Customer.create(email="a@example.org", **sub, **mine),
        models.PlanPrice.create(provider="stripe", price_id="price_1", plan_key="pro"),
        models.Checkout.create(provider="stripe", plan_key="pro", expires_at=now(), **mine),
        payment,
        models.Licence.create(payment=payment, plan_key="pro", **mine),
        models.Subscription.create(
            provider_subscription_id="sub_1", plan_key="pro", status="active", last_event_at=now(), **sub, **mine
        ),
        models.Grant.create(plan_key="pro", capability="c", source="s", source_type="manual", **mine),
        models.PricingCatalog.create(),
        models.PlanOverride.create(key="pro_monthly"),
        models.LongJob.create(kind="w"),
        models.GrantSource.create(source="s", last_event_id="e", last_event_at=now()),
        account,
        models.CreditBucket.create(account=account, kind="monthly", amount=1, remaining=1, **mine),
        models.CreditHold.create(account=account, key="k", amount=1, feature="f", expires_at=now(), **mine),
        models.CreditEntry.create(
            account=account, delta=1, balance_after=1, reason="grant", idempotency_key="k", **mine
        ),
        tier,
        models.Backer.create(username="A", username_lower="a", code_hash="x", tier=tier),
        models.BackerImport.create(name="f.csv"),
        models.WebhookEvent.create(channel="c", event_id="e", type="t", payload=b"{}", happened_at=now()),
        models.Outgoing.create(kind="mail", key="k"),
        models.JobRun.create(job="j"),
        models.Release.create(deployment_id="d", began_at=now(), happened_at=now()),
        models.ReleaseHealth.create(process="p", minute=now()),
        models.Attention.create(key="all", looked_at=now()),
        models.Outage.create(title="Slow"),
        models.Article.create(kind="post", slug="a", title="A"),
        models.Feedback.create(kind="feedback", category="idea", title="A", body="B"),
        models.Verification.create(name="A", words="B", **mine),
        models.StatusHour.create(component="pages", hour=now(), last_minute=now()),
        models.JobAlarm.create(job="j", kind="late", about="1", words="Late."),
        models.Lease.create(job="j", owner="o", until_at=now()),
        models.SandboxObject.create(object_id="o", kind="k", body={}),
        *flyer_rows(order, part, mine),
    ]


def automation_rows(mine):
    automation = models.Automation.create(name="A", source="task", trigger="made", **mine)
    version = models.AutomationVersion.create(automation=automation, number=1, **mine)
    run = models.AutomationRun.create(automation=automation, version=version, cause="c", chain="c", **mine)
    endpoint = models.WebhookEndpoint.create(name="W", url="https://example.org", secret="x", **mine)
    message = models.WebhookDelivery.create(endpoint=endpoint, message_id="m", cause="k", body="{}", **mine)
    return [automation, version, run, endpoint, message]


def flyer_rows(order, part, mine):
    runs, kind = {"starts_at": now(), "ends_at": now() + timedelta(days=1), **mine}, "view"
    template = models.FlyerTemplate.create(name="T", draft={}, **mine)
    version = models.FlyerVersion.create(template=template, number=1, spec={}, renderer=1, **mine)
    campaign = models.FlyerCampaign.create(name="C", slug="c", **runs)
    via = models.FlyerVia.create(code="bcdfghjk", **part)
    flyer = {"version": version, "content_hash": "x", "secret_hash": "x", "expires_at": now(), **mine}
    batch = models.FlyerBatch.create(version=version, **mine)
    item = models.ModerationItem.create(subject="flyer", subject_id=1, reason="other", **mine)
    return [
        *(template, version, campaign, via, batch, item),
        models.FlyerPicture.create(sha256="x", type="image/png", width=1, height=1, size=1, **mine),
        models.FlyerPhase.create(campaign=campaign, key="main", template=template, **runs),
        models.Flyer.create(why="owner", state="removed", **flyer),
        models.Referral.create(order=order, via=via, **mine),
        models.FlyerSalt.create(day="2026-06-15", salt=b"x"),
        models.FlyerEvent.create(template=template, kind=kind, day="2026-06-15", key=b"x", **mine),
        models.FlyerCount.create(scope="campaign", scope_id=1, kind=kind, hour=now()),
        models.FlyerGap.create(from_at=now(), until_at=now(), lost=1),
        models.FlyerBatchRow.create(batch=batch, n=1, **mine),
        models.ModerationReport.create(item=item, reporter="r", reason="other", **mine),
        models.Arrival.create(source="s", table="task", source_id=1, row_id=1, **mine),
        *automation_rows(mine),
    ]


NUMBERS = ("buyers", "minutes", "vanish", "late", "twice", "seed")


@pytest.fixture
def one_of_each(house):
    with everywhere("the test makes a row of each table"):
        found = write(rows_of)
        assert {type(row) for row in found} == set(models.TABLES)
        yield found


def refused_by_the_database(row, column, value):
    """Around every model, so that only the database can refuse."""
    sign = "?" if database.dialect == "sqlite" else "%s"
    sql = f'UPDATE "{row._meta.table_name}" SET "{column}" = {sign} WHERE id = {row.id}'
    with pytest.raises(peewee.IntegrityError):
        write(database.execute_sql, sql, (value,))


def test_the_database_itself_refuses_a_state_that_is_none(one_of_each):
    checked = 0
    for row in one_of_each:
        for field in row._meta.sorted_fields:
            if isinstance(field, State) and not isinstance(row, AuditEvent):
                refused_by_the_database(row, field.column_name, "no such state")
                checked += 1
    assert checked >= 12


def test_the_database_itself_refuses_a_negative_balance(one_of_each):
    (account,) = (row for row in one_of_each if isinstance(row, models.CreditAccount))
    refused_by_the_database(account, "balance", -1)


def test_a_person_has_one_personal_organization(one_of_each):
    user = one_of_each[0]
    write(Organization.create, name="P", slug="p", owner=user, is_personal=True)
    write(Organization.create, name="T", slug="t", owner=user)
    with pytest.raises(peewee.IntegrityError):
        write(Organization.create, name="P2", slug="p2", owner=user, is_personal=True)


# --- triggers -----------------------------------------------------------------------------------------


def test_updated_at_moves_with_every_change_also_in_bulk(one_of_each):
    long_ago = now() - timedelta(days=30)
    for row in one_of_each:
        table = type(row)
        if table is AuditEvent or issubclass(table, models.Pivot):
            continue
        write(table.update(updated_at=long_ago).where(table.id == row.id).execute)
        assert table.get_by_id(row.id).updated_at == long_ago, table
        write(table.update(created_at=long_ago).execute)
        moved = table.get_by_id(row.id).updated_at
        assert now() - moved < timedelta(minutes=1), f"{table}: updated_at stands still"


def test_the_audit_log_is_write_once(one_of_each):
    (event,) = (row for row in one_of_each if isinstance(row, AuditEvent))
    before = AuditEvent.select().where(AuditEvent.id == event.id).dicts().get()
    others = {
        "at": now() - timedelta(days=400),
        "created_at": now() - timedelta(days=400),
        "category": "other",
        "action": "x.y",
        "result": "denied",
        "actor_email": "b@example.org",
        "target_type": "x",
        "target_id": "x",
        "summary": "nothing happened",
        "metadata": {"a": 1},
        "ip": "1.2.3.4",
        "request_id": "x",
        "previous": "x",
        "hash": "x",
        "chain": 7,
    }
    untouched = {"id", "updated_at", "actor", "organization"}
    assert others.keys() == AuditEvent._meta.fields.keys() - untouched, "a column no one has thought of"
    for name, value in others.items():
        with pytest.raises(peewee.PeeweeException, match="write-once"):
            write(AuditEvent.update(**{name: value}).where(AuditEvent.id == event.id).execute)
    assert AuditEvent.select().where(AuditEvent.id == event.id).dicts().get() == before


def test_the_audit_log_may_forget_its_actor_and_nobody_may_take_their_place(one_of_each):
    (event,) = (row for row in one_of_each if isinstance(row, AuditEvent))
    another = write(models.User.create, email="b@example.org", email_norm="b@example.org")
    with pytest.raises(peewee.PeeweeException, match="write-once"):
        write(AuditEvent.update(actor=another).execute)
    write(AuditEvent.update(actor=None).execute)
    assert AuditEvent.get_by_id(event.id).actor_id is None
    with pytest.raises(peewee.PeeweeException, match="write-once"):
        write(AuditEvent.update(actor=another).execute)
    assert AuditEvent.get_by_id(event.id).summary == "s"


def test_a_published_version_of_a_template_never_changes_and_may_forget_who_published_it(one_of_each):
    (version,) = (row for row in one_of_each if isinstance(row, models.FlyerVersion))
    for values in ({"spec": {"v": 2}}, {"number": 2}, {"files": ["y"]}, {"renderer": 2}, {"by": one_of_each[0]}):
        with pytest.raises(peewee.PeeweeException, match="write-once"):
            write(models.FlyerVersion.update(**values).where(models.FlyerVersion.id == version.id).execute)
    write(models.FlyerVersion.update(by=None).execute)
    write(models.FlyerVersion.delete().execute)


def test_the_database_itself_keeps_no_file_of_a_flyer_that_is_gone(one_of_each):
    (flyer,) = (row for row in one_of_each if isinstance(row, models.Flyer))
    for column in ("photo", "file", "og", "thumb"):
        refused_by_the_database(flyer, column, "x")


@pytest.mark.usefixtures("sqlite")
def test_a_table_without_a_rowid_begins_with_its_key(dialect):
    """Otherwise SQLite 3.40 tells of a NULL in its first column, whatever is there, when it checks its file."""
    tables = (
        "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE '%WITHOUT ROWID%' AND name LIKE 'record_%'"
    )
    for (table,) in database.execute_sql(tables).fetchall():
        key = [cid for cid, *_, pk in database.execute_sql(f'PRAGMA table_info("{table}")') if pk]
        assert key == list(range(len(key))), table


def test_ids_are_never_used_twice(house):
    first = write(models.Alert.create, message="a").id
    write(models.Alert.delete().execute)
    assert write(models.Alert.create, message="b").id > first


# --- up, down, and again -------------------------------------------------------------------------------


def test_each_has_a_number_of_its_own():
    assert [name[:4] for name in NAMES] == [f"{number:04}" for number in range(1, len(NAMES) + 1)]


def test_up_down_to_the_first_and_up_again(empty, tmp_path):
    assert migrations.migrate(tmp_path) == NAMES
    first = made()
    assert migrations.migrate(tmp_path) == []
    migrations.revert(tmp_path, NAMES[0])
    assert made() == {}
    assert migrations.migrate(tmp_path) == NAMES
    assert made() == first


def test_report_12_a_last_minute_of_a_day_becomes_the_day(of_0_3_0):
    def dues():
        return [due for (due,) in rows("SELECT due_at FROM task WHERE due_at IS NOT NULL ORDER BY id")]

    zone = "2026-06-20 23:59+00" if database.dialect == "postgres" else "2026-06-20T23:59:00.000000Z"
    with everywhere("rows of a test"):
        first = "(SELECT min(id) FROM task)"
        database.execute_sql(f"UPDATE task SET due_at = '{zone}' WHERE id = {first}")
        database.execute_sql(f"UPDATE task SET due_at = '{zone.replace('59', '58', 1)}' WHERE id <> {first}")
        before = dues()
    migrations.migrate(of_0_3_0)
    with everywhere("rows of a test"):
        assert dues()[0] == "2026-06-20"
        assert set(dues()[1:]) <= {"2026-06-20T23:58:00.000000Z"}
    migrations.revert(of_0_3_0, "0005_due_days")
    with everywhere("rows of a test"):
        assert dues() == before


# --- a database of 0.3.0 goes on -----------------------------------------------------------------------


@pytest.fixture
def of_0_3_0(empty, tmp_path):
    """What 0.3.0's own nine migrations did, statement by statement, with a few rows that it wrote."""
    database.execute_sql("PRAGMA query_only = 0" if database.dialect == "sqlite" else "SELECT 1")
    for statement in (FIXTURES / "0.3.0" / f"{database.dialect}.sql").read_text().splitlines():
        database.execute_sql(statement.replace("%", "%%") if database.dialect == "postgres" else statement)
    return tmp_path


def test_a_database_of_0_3_0_is_recognised_and_goes_on(of_0_3_0):
    before = made()
    assert migrations.migrate(of_0_3_0, migrations.FIRST) == []
    assert applied() == NAMES[:1]
    carried = made()
    assert carried == before
    assert migrations.migrate(of_0_3_0) == NAMES[1:]
    assert applied() == NAMES
    carried = made()
    migrations.revert(of_0_3_0, NAMES[0])
    migrations.migrate(of_0_3_0)
    assert made() == carried, "a new database and one that was carried over are not the same"


def test_the_rows_of_0_3_0_are_there_found_and_changed_as_ever(of_0_3_0):
    migrations.migrate(of_0_3_0)
    configuration.use(Configuration(env="test", data=of_0_3_0, database_url="", secret_key="k" * 40, site_url="x"))
    acme = Organization.get(slug="acme")
    with inside(acme):
        task = models.Task.get()
        query, _ = database.search(models.Task.select(models.Task.title))
        compiled = Compiled(lambda: query)
        assert compiled(match=database.match(["bookb"], [f"o{acme.id}"])) == [("Bookbinder",)]
        before = task.updated_at
        database.close()
        with database.connection_context():
            database.may_write()
            models.Task.update(title="Printer").execute()
        assert compiled(match=database.match(["prin"], [f"o{acme.id}"])) == [("Printer",)]
        assert models.Task.get().updated_at > before
    told = audit.verify()
    assert (told.findings, told.rows) == ([], 5)
    with database.connection_context():
        database.may_write()
        with pytest.raises(peewee.PeeweeException, match="write-once"):
            AuditEvent.update(summary="Nothing").execute()


@pytest.mark.usefixtures("sqlite")
def test_a_copy_is_kept_from_which_0_3_0_still_starts(of_0_3_0):
    migrations.migrate(of_0_3_0)
    (backup,) = (of_0_3_0 / "backups").iterdir()
    assert backup.name.endswith("-before-0001_tables.db")
    with contextlib.closing(sqlite3.connect(backup)) as kept:
        assert {name for (name,) in kept.execute("SELECT name FROM schema_migration")} == migrations.OF_0_3_0


def test_a_database_that_is_older_than_0_3_0_is_refused_and_left_alone(of_0_3_0):
    database.execute_sql("DELETE FROM schema_migration WHERE name = '0009_billing'")
    before, names = made(), applied()
    with pytest.raises(migrations.TooOld, match=r"older than 0\.3\.0.*Start Guildhall 0\.3\.0"):
        migrations.migrate(of_0_3_0)
    assert (made(), applied()) == (before, names)


@pytest.mark.usefixtures("sqlite")
def test_a_backup_is_made_before_a_later_migration_and_only_then(empty, tmp_path, monkeypatch):
    monkeypatch.setattr(migrations, "HERE", tmp_path)
    for name in ("0001_first", "0002_second"):
        (tmp_path / f"{name}.py").write_text(f'def up(migrator, db):\n    db.execute_sql("CREATE TABLE t{name} (a)")\n')
    backups = tmp_path / "backups"
    migrations.migrate(tmp_path, "0001_first")
    assert not backups.exists()  # there was nothing to lose
    for _ in range(2):
        migrations.migrate(tmp_path)
        (backup,) = backups.iterdir()
    assert backup.name.endswith("-before-0002_second.db")
    with contextlib.closing(sqlite3.connect(backup)) as kept:
        names = {name for (name,) in kept.execute("SELECT name FROM sqlite_master WHERE name LIKE 't0%'")}
    assert names == {"t0001_first"}


def _migrate(url, folder, answers):
    try:
        open_database(url)
        answers.put(migrations.migrate(folder))
        database.close_all()
    except BaseException as error:
        answers.put(repr(error))


def test_two_processes_at_once_both_succeed_and_each_migration_runs_once(empty, tmp_path):
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [context.Process(target=_migrate, args=(empty, tmp_path, answers)) for _ in range(2)]
    for process in processes:
        process.start()
    found = [answers.get(timeout=120) for _ in processes]
    for process in processes:
        process.join(120)
    assert sorted(found, key=len) == [[], NAMES]
    assert applied() == NAMES


def test_after_migrating_no_lock_is_held_and_readers_may_only_read(empty, tmp_path):
    migrations.migrate(tmp_path)
    if database.dialect == "postgres":
        held = database.execute_sql("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone()
        assert held == (0,)
    else:
        with pytest.raises(peewee.OperationalError, match="readonly"):
            database.execute_sql("DELETE FROM user")
        began = time.monotonic()
        assert migrations.migrate(tmp_path) == []
        assert time.monotonic() - began < 20


# --- one form of text ------------------------------------------------------------------------------------


def test_report_07_stored_text_gets_one_form_and_two_accounts_with_one_address_stay_two(empty, tmp_path):
    migrations.migrate(tmp_path, NAMES[NAMES.index("0006_normal_forms") - 1])
    stamp = now().isoformat()
    user = (
        'INSERT INTO "user" (created_at, updated_at, public_id, email, email_norm, status, timezone, email_verified_at)'
    )
    people = (
        ("rene\u0301@example.org", "rene\u0301@example.org", "NULL"),
        ("ren\u00e9@example.org", "ren\u00e9@example.org", f"'{stamp}'"),
        ("ada@b\u00fccher.example", "ada@b\u00fccher.example", f"'{stamp}'"),
    )
    database.may_write()
    for number, (email, norm, proven) in enumerate(people, 1):
        database.execute_sql(
            f"{user} VALUES ('{stamp}', '{stamp}', 'p{number}', '{email}', '{norm}', 'active', 'UTC', {proven})"
        )
        database.execute_sql(
            "INSERT INTO profile (created_at, updated_at, user_id, full_name) "
            f"VALUES ('{stamp}', '{stamp}', {number}, 'Rene\u0301')"
        )
    migrations.migrate(tmp_path)
    found = dict(models.User.select(models.User.id, models.User.email_norm).tuples())
    assert found == {1: "ren\u00e9@example.org#1", 2: "ren\u00e9@example.org", 3: "ada@xn--bcher-kva.example"}
    assert {name for (name,) in models.Profile.select(models.Profile.full_name).tuples()} == {"Ren\u00e9"}


def test_a_migration_reaches_the_rows_of_every_organization(clock, cast, at, house):
    def value():
        with everywhere("rows of a test"):
            return models.Voucher.select(models.Voucher.value).scalar()

    with inside(cast.acme):
        event, _ = make_event(at("alice"), currency="JPY", tickets=({"price_cents": "1000"},))
        make_voucher(event, at("alice"), value="15")
    migrations.revert(house, "0041_voucher_percents")
    assert value() == 1500  # hundredths of a percent, as it was before
    migrations.migrate(house)
    assert value() == 15


def test_what_codes_took_off_before_counts_for_their_budgets(clock, cast, at, house):
    with inside(cast.acme):
        event, (tier,) = make_event(at("alice"), tickets=({"price_cents": "10"},))
        make_voucher(event, at("alice"), value="15")
        order = holds.hold(event.id, {tier.id: 3}, code="SUMMER")
    migrations.revert(house, "0049_voucher_budgets")
    migrations.migrate(house)
    with inside(cast.acme):
        budget = models.Stock.one(models.Stock.kind == "budget")
        assert (budget.held, stock.check(event.id)) == (450, [])
        holds.give_up(order.id)
        assert stock.check(event.id) == []


def test_rows_from_before_a_field_get_their_place_in_its_order(clock, cast, at, house):
    with inside(cast.acme):
        by = at("alice")
        offers = listings.of(collections.make("Offers", by=by, fields=(("Name", "text"), ("More", "number"))), by)
        ids = [list_rows.create(offers, {"f1": f"Offer {number}"}, by=by).id for number in range(2)]
        keys = models.RecordKey.select(models.RecordKey.slot, models.RecordKey.key, models.RecordKey.record)
        whole = set(keys.tuples())
        migrations.revert(house, "0052_keys_of_empty_cells")
        write(models.RecordKey.delete().where(models.RecordKey.key == "2", models.RecordKey.record == ids[0]).execute)
        assert set(keys.tuples()) < whole
    migrations.migrate(house)
    with inside(cast.acme):
        assert set(keys.tuples()) == whole


def test_what_was_called_like_a_page_of_ours_gets_an_address_of_its_own(clock, cast, at, house):
    with inside(cast.acme):
        first, second = (collections.make(name, by=at("alice")) for name in ("Archives", "Repairs"))
        path = {"path": "/records/archives", "query": "", "title": "T", "secret_hash": "x"}
        mine = {"user": cast.alice, "membership": models.Membership.one(models.Membership.user == cast.alice)}
        write(models.CalendarFeed.create, table=f"record:{second.id}", **mine, **path)
        times = {"starts_at": now(), "ends_at": now() + timedelta(days=1)}
        for slug in ("spec", "spec-2"):
            write(models.FlyerCampaign.create, name="S", slug=slug, **times)
        write(models.Workspace.create, name="Condition", slug="condition")
        migrations.revert(house, "0077_free_addresses")
        write(models.Collection.update(slug="archives").where(models.Collection.id == second.id).execute)
    migrations.migrate(house)
    with inside(cast.acme):
        assert {row.id: row.slug for row in models.Collection.select()} == {
            first.id: "archives-2",
            second.id: "archives-3",
        }
        assert {row.slug for row in models.FlyerCampaign.select()} == {"spec-2", "spec-3"}
        assert models.Workspace.one(models.Workspace.name == "Condition").slug == "condition-2"
        assert models.CalendarFeed.get().path == "/records/archives-3"

import multiprocessing
import re
import sqlite3
import time
from datetime import timedelta

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
from models import AuditEvent, Organization
from tests.fixtures.threads import write

NAMES = sorted(path.stem for path in migrations.HERE.glob("[0-9]*.py"))


@pytest.fixture
def dialect(house):
    return database.dialect


@pytest.fixture
def empty(request, migrated, tmp_path):
    """An open database without any table. On PostgreSQL the shared one is emptied, and filled again."""
    if isinstance(migrated, str):
        open_database(migrated)
        migrations.revert(tmp_path, NAMES[0])
        database.execute_sql("DROP TABLE schema_migration")
        yield migrated
        database.close_all()
        open_database(migrated)
        migrations.migrate(tmp_path)
    else:
        open_database(f"sqlite:///{tmp_path}/empty.db")
        yield f"sqlite:///{tmp_path}/empty.db"
    database.close_all()


def applied():
    return list(Runner(database.obj, str(migrations.HERE)).applied())


# --- parity: what models.py says is what migrations make ----------------------------------------------


def described():
    """table → (columns, indexes, foreign keys) as models.py says."""
    said = {}
    for table in models.TABLES:
        meta = table._meta
        columns = {f.column_name: f.null for f in meta.sorted_fields}
        indexes = set()
        for index in meta.fields_to_index():
            names = tuple(e.column_name if isinstance(e, peewee.Field) else str(e) for e in index._expressions)
            where = index._where.sql if index._where is not None else ""
            indexes.add((names, bool(index._unique), _plain(where)))
        keys = {(f.column_name, f.rel_model._meta.table_name, f.on_delete) for f in meta.refs}
        said[meta.table_name] = (columns, indexes, keys)
    return said


def _plain(text):
    text = re.sub(r"::\w+( varying)?(\[\])?", "", text or "")
    text = re.sub(r"= ANY \(\(?ARRAY\[(.*?)\]\)?\)", r"IN (\1)", text)
    text = re.sub(r"\bis_personal = true\b", "is_personal", text)
    return re.sub(r"[()\"\s]", "", text).lower()


def _on_sqlite():
    db, made = database, {}
    for (table,) in db.execute_sql("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        if table.startswith(("sqlite_", "task_search", "schema_")):
            continue
        columns = {row[1]: not row[3] for row in db.execute_sql(f'PRAGMA table_info("{table}")').fetchall()}
        indexes = set()
        for _, name, unique, origin, _ in db.execute_sql(f'PRAGMA index_list("{table}")').fetchall():
            assert origin == "c", f"{name}: an index of {table} that models.py can't name"
            names = tuple(row[2] for row in db.execute_sql(f'PRAGMA index_info("{name}")').fetchall())
            (text,) = db.execute_sql("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
            where = text.split(" WHERE ", 1)[1] if " WHERE " in text else ""
            indexes.add((names, bool(unique), _plain(where)))
        keys = {(row[3], row[2], row[6]) for row in db.execute_sql(f'PRAGMA foreign_key_list("{table}")').fetchall()}
        made[table] = (columns, indexes, keys)
    return made


def _on_postgres():
    db, made = database, {}
    actions = {"c": "CASCADE", "n": "SET NULL", "r": "RESTRICT", "a": "NO ACTION"}
    for (table,) in db.execute_sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
        if table.startswith("schema_"):
            continue
        columns = {
            name: null == "YES"
            for name, null in db.execute_sql(
                "SELECT column_name, is_nullable FROM information_schema.columns "
                "WHERE table_name = %s AND table_schema = 'public' AND column_name <> 'search'",
                (table,),
            ).fetchall()
        }
        indexes = set()
        for name, unique, primary, where, names in db.execute_sql(
            """SELECT c.relname, i.indisunique, i.indisprimary, pg_get_expr(i.indpred, i.indrelid),
               (SELECT array_agg(a.attname ORDER BY k.place) FROM unnest(i.indkey) WITH ORDINALITY k(number, place)
                JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number)
               FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
               WHERE i.indrelid = %s::regclass""",
            (f'"{table}"',),
        ).fetchall():
            if not primary and name != "task_search":
                indexes.add((tuple(names), unique, _plain(where)))
        keys = {
            (column, other.strip('"'), actions[action])
            for column, other, action in db.execute_sql(
                """SELECT a.attname, k.confrelid::regclass::text, k.confdeltype FROM pg_constraint k
                   JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
                   WHERE k.contype = 'f' AND k.conrelid = %s::regclass""",
                (f'"{table}"',),
            ).fetchall()
        }
        made[table] = (columns, indexes, keys)
    return made


def made():
    return _on_sqlite() if database.dialect == "sqlite" else _on_postgres()


def test_the_migrated_tables_are_those_of_the_models(dialect):
    said, found = described(), made()
    assert said.keys() == found.keys()
    for table in said:
        assert said[table][0] == found[table][0], f"columns (and which may be empty) of {table}"


def test_the_migrated_indexes_are_those_of_the_models(dialect):
    said, found = described(), made()
    for table in said:
        assert said[table][1] == found[table][1], f"indexes of {table}"
    partial = {index for _, indexes, _ in found.values() for index in indexes if index[2]}
    assert len(partial) >= 5


def test_the_migrated_foreign_keys_are_those_of_the_models(dialect):
    said, found = described(), made()
    for table in said:
        assert said[table][2] == found[table][2], f"foreign keys of {table}"


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
    return [
        user,
        organization,
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
        models.Membership.create(user=user, role="owner", **mine),
        workspace,
        models.Assignment.create(user=user, workspace=workspace, role="scanner", **mine),
        models.Invitation.create(
            email="b@example.org", email_norm="b@example.org", role="viewer", expires_at=now(), **mine
        ),
        models.Transfer.create(from_user=user, to_user=user, expires_at=now(), **mine),
        models.Change.create(table="task", verb="created", **mine),
        models.Task.create(user=user, title="T", **mine),
        models.Notification.create(recipient=user, type="t", title="T"),
        models.Alert.create(message="m"),
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
        models.Lease.create(job="j", owner="o", until_at=now()),
        models.SandboxObject.create(object_id="o", kind="k", body={}),
    ]


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
        if table is AuditEvent:
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


def test_ids_are_never_used_twice(house):
    first = write(models.Alert.create, message="a").id
    write(models.Alert.delete().execute)
    assert write(models.Alert.create, message="b").id > first


# --- up, down, and again -------------------------------------------------------------------------------


def test_up_down_to_the_first_and_up_again(empty, tmp_path):
    assert migrations.migrate(tmp_path) == NAMES
    first = made()
    assert migrations.migrate(tmp_path) == []
    migrations.revert(tmp_path, NAMES[0])
    assert made() == {}
    assert migrations.migrate(tmp_path) == NAMES
    assert made() == first


def test_going_back_one_step_keeps_the_rows_and_finds_their_words_again(empty, tmp_path):
    migrations.migrate(tmp_path)

    def fill():
        database.may_write()
        user = models.User.create(email="a@example.org", email_norm="a@example.org")
        organization = Organization.create(name="A", slug="a", owner=user)
        models.Task.create(organization=organization, user=user, title="Bookbinder")
        return organization.id

    with everywhere("a test"), database.connection_context():
        place = fill()
    migrations.revert(tmp_path, "0003_task_search")
    assert applied() == NAMES[:2]
    migrations.migrate(tmp_path)
    with inside(place):
        query, _ = database.search(models.Task.select(models.Task.title))
        compiled = Compiled(lambda: query)
        assert compiled(match=database.match(["bookb"], [f"o{place}"])) == [("Bookbinder",)]


def test_the_credits_there_were_become_the_months_and_going_back_keeps_the_sums(empty, tmp_path):
    migrations.migrate(tmp_path, NAMES[NAMES.index("0006_credits") - 1])
    with everywhere("a test"), database.connection_context():
        database.may_write()
        user = models.User.create(email="a@example.org", email_norm="a@example.org")
        place = Organization.create(name="A", slug="a", owner=user).id
        stamp = "'2026-06-01T00:00:00.000000Z'"
        database.execute_sql(f"""
            INSERT INTO credit_account
                (created_at, updated_at, organization_id, balance, monthly_allowance, last_reset_at)
            VALUES ({stamp}, {stamp}, {place}, 400, 1000, {stamp})""")
        database.execute_sql(f"""
            INSERT INTO credit_entry (created_at, updated_at, organization_id, account_id, delta, balance_after,
                reason, idempotency_key)
            VALUES ({stamp}, {stamp}, {place}, 1, 400, 400, 'reset', 'invoice:1')""")
    migrations.migrate(tmp_path)
    with inside(place):
        account, bucket = models.CreditAccount.get(), models.CreditBucket.get()
        assert (account.balance, account.held, account.lapses_at) == (400, 0, None)
        assert (bucket.kind, bucket.amount, bucket.remaining) == ("monthly", 400, 400)
        assert models.CreditEntry.get().drawn == []
        database.close()
        with database.connection_context():
            database.may_write()
            write = {"account": account, "delta": -1, "balance_after": 399, "reason": "expire"}
            models.CreditEntry.create(**write, idempotency_key="expire:1")
    migrations.revert(tmp_path, "0006_credits")
    with everywhere("a test"), database.connection_context():
        found = database.execute_sql("SELECT delta, reason FROM credit_entry ORDER BY id").fetchall()
    assert found == [(400, "reset"), (-1, "adjust")]


def test_a_backup_is_made_before_a_later_migration_and_only_then(empty, tmp_path):
    if not empty.startswith("sqlite"):
        pytest.skip("a PostgreSQL server is backed up by its keeper")
    backups = tmp_path / "backups"
    migrations.migrate(tmp_path, NAMES[1])
    assert not backups.exists()  # there was nothing to lose
    assert applied() == NAMES[:2]
    migrations.migrate(tmp_path)
    (backup,) = backups.iterdir()
    assert backup.name.endswith("-before-0003_task_search.db")
    kept = sqlite3.connect(backup)
    names = {name for (name,) in kept.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    kept.close()
    assert "task" in names
    assert "task_search" not in names
    migrations.migrate(tmp_path)
    assert len(list(backups.iterdir())) == 1


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
    found = [answers.get(timeout=30) for _ in processes]
    for process in processes:
        process.join(30)
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
        assert time.monotonic() - began < 5

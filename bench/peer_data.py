"""The peers' databases and their signed-in requests, made once and kept in var/bench."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

from bench.load import HOST, LoadError, cookies, fetch, request
from bench.servers import PEERS, VAR, environment
from bench.staff import ASKED, WORD, Event, events
from bench.tasks import PEOPLE, STATUSES, Order, Task, order, tasks

NAME, PASSWORD = "owner", "bench-only-password"
NAMES = [f"Person {number}" for number in range(1, PEOPLE + 1)]
COLUMNS = "title, description, status, priority, category, assignee_id, due_date, created_at"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@contextlib.contextmanager
def made_once(file: Path) -> Iterator[Path | None]:
    """Yields a draft to fill if `file` is missing; only a finished draft takes its name."""
    if file.exists():
        yield None
        return
    print(f"making {file.name}", flush=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"draft-{file.name}")
    for old in draft.parent.glob(draft.name + "*"):
        old.unlink()
    yield draft
    draft.rename(file)


def page_file() -> Path:
    """Fifty tasks as JSON, for the page that has its data in memory."""
    file = VAR / "page.json"
    with made_once(file) as draft:
        if draft:
            rows = [
                {**task._asdict(), "id": number, "assignee": NAMES[task.assignee - 1]}
                for number, task in enumerate(tasks(50), 1)
            ]
            draft.write_text(json.dumps(rows))
    return file


def _fill_events(file: Path, count: int) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA synchronous = OFF")
        columns, marks = ", ".join(Event._fields), ", ".join("?" * len(Event._fields))
        database.executemany(f"INSERT INTO django_site_event ({columns}) VALUES ({marks})", events(count))
        database.commit()


def _fill_orders(file: Path, count: int) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA synchronous = OFF")
        columns, marks = ", ".join(Order._fields), ", ".join("?" * len(Order._fields))
        database.executemany(f"INSERT INTO django_site_order ({columns}) VALUES ({marks})", map(order, tasks(count)))
        database.commit()


def _fill(file: Path, table: str, count: int) -> None:
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA synchronous = OFF")
        marks = ", ".join("?" * len(Task._fields))
        database.executemany(f"INSERT INTO {table} ({COLUMNS}) VALUES ({marks})", tasks(count))
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.execute("PRAGMA journal_mode = DELETE")


def django_database(count: int) -> Path:
    file = VAR / f"django-{count}-with-orders.sqlite3"
    with made_once(file) as draft:
        if draft:
            settings = {
                **os.environ,
                **django_settings(draft),
                "PYTHONPATH": str(PEERS),
                "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
            }
            for command in (
                ["migrate", "--run-syncdb", "--verbosity=0"],
                ["createsuperuser", "--noinput", f"--username={NAME}", "--email=owner@example.test"],
            ):
                subprocess.run([environment("django"), "-m", "django", *command], env=settings, check=True)
            with contextlib.closing(sqlite3.connect(draft)) as database:
                database.executemany(
                    "INSERT INTO auth_user (username, password, is_superuser, first_name, last_name, email,"
                    " is_staff, is_active, date_joined) VALUES (?, '!', 0, '', '', '', 0, 1, '2024-01-01')",
                    [(name,) for name in NAMES[1:]],
                )
                database.commit()
            _fill_events(draft, count)
            _fill_orders(draft, count)
            _fill(draft, "django_site_task", count)
    return file


def django_settings(file: Path) -> dict[str, str]:
    return {"DJANGO_SETTINGS_MODULE": "django_site.settings", "DATABASE_FILE": str(file)}


def flask_admin_database(count: int) -> Path:
    file = VAR / f"flask-admin-{count}.sqlite3"
    with made_once(file) as draft:
        if draft:
            command = [environment("flask_admin"), PEERS / "flask_admin_site.py"]
            subprocess.run(command, env={**os.environ, "DATABASE_FILE": str(draft)}, check=True)
            with contextlib.closing(sqlite3.connect(draft)) as database:
                database.executemany("INSERT INTO person (name) VALUES (?)", [(name,) for name in NAMES])
                database.commit()
            _fill(draft, "task", count)
    return file


ENDPOINT = "00000000-0000-4000-8000-000000000001"
ENDPOINT_PATH = f"/stripe/webhook/{ENDPOINT}/"


def djstripe_settings(file: Path, api: int, queueing: bool) -> dict[str, str]:
    """`api`: the port where Stripe's is played. `queueing`: it only stores the events."""
    told = {
        "DJANGO_SETTINGS_MODULE": "djstripe_site.settings",
        "DATABASE_FILE": str(file),
        "STRIPE_API_HOST": f"http://{HOST}:{api}",
        "NO_PROXY": HOST,
    }
    return told | ({"QUEUEING": "yes"} if queueing else {})


def djstripe_database(name: str, secret: str) -> Path:
    """A new database of dj-stripe's with its endpoint, which takes what `secret` signed."""
    made = VAR / f"djstripe-{hashlib.sha256(secret.encode()).hexdigest()[:8]}.sqlite3"
    with made_once(made) as draft:
        if draft:
            told = djstripe_settings(draft, 9, False) | {"ENDPOINT": ENDPOINT, "ENDPOINT_SECRET": secret}
            settings = {**os.environ, **told, "PYTHONPATH": str(PEERS)}
            subprocess.run([environment("djstripe"), "-m", "djstripe_site.prepare"], env=settings, check=True)
            with contextlib.closing(sqlite3.connect(draft)) as database:
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                database.execute("PRAGMA journal_mode = DELETE")
    file = VAR / f"scratch-djstripe-{name}.sqlite3"
    for old in VAR.glob(file.name + "*"):
        old.unlink()
    shutil.copy(made, file)
    return file


def djstripe_worked(file: Path) -> int:
    """How many webhooks dj-stripe has worked: checked, their event stored, and its subscription too."""
    return _counted(
        file,
        "SELECT count(*) FROM djstripe_webhookeventtrigger AS posted JOIN djstripe_event AS event"
        " ON event.id = posted.event_id JOIN djstripe_subscription AS subscription"
        " ON subscription.id = json_extract(event.data, '$.object.id') WHERE posted.valid AND posted.processed",
    )


def djstripe_queued(file: Path) -> int:
    """How many webhooks dj-stripe has checked and stored, and not worked."""
    return _counted(file, "SELECT count(*) FROM djstripe_webhookeventtrigger WHERE valid AND NOT processed")


def _counted(file: Path, query: str) -> int:
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.execute(query).fetchone()[0]


class DjangoAdmin:
    """Signed in through the admin's own form; then the requests that the measures repeat."""

    def __init__(self, port: int) -> None:
        path = "/admin/login/"
        held = cookies(fetch(port, request("GET", path)))
        form = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": held["csrftoken"]}
        answer = fetch(port, self._post(path, held, form), status=302)
        self.cookies = held | cookies(answer)
        if "sessionid" not in self.cookies:
            raise LoadError("Django's admin did not sign us in")
        self.token = self._token(fetch(port, self.page("add/")))

    def page(self, query: str = "") -> bytes:
        return request("GET", f"/admin/django_site/task/{query}", self._headers(self.cookies))

    def search(self, word: str) -> bytes:
        return self.page("?" + urlencode({"q": word}))

    def audit(self) -> bytes:
        asked = {f"{name}__exact": value for name, value in ASKED.items()} | {"q": WORD}
        return request("GET", f"/admin/django_site/event/?{urlencode(asked)}", self._headers(self.cookies))

    def orders(self) -> bytes:
        """Those of one status, by their amounts."""
        asked = urlencode({"status__exact": STATUSES[0], "o": 2})
        return request("GET", f"/admin/django_site/order/?{asked}", self._headers(self.cookies))

    def create(self, number: int) -> bytes:
        form = {
            "csrfmiddlewaretoken": self.token,
            "title": f"Order the chairs {number}",
            "description": "Twelve of them for the room",
            "status": "pending",
            "priority": "medium",
            "category": "office",
            "assignee": "2",
            "due_date": "2026-03-01",
            "_save": "Save",
        }
        return self._post("/admin/django_site/task/add/", self.cookies, form)

    @staticmethod
    def _headers(held: dict[str, str]) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in held.items())}

    def _post(self, path: str, held: dict[str, str], form: dict[str, str]) -> bytes:
        return request("POST", path, self._headers(held) | FORM, urlencode(form).encode())

    @staticmethod
    def _token(answer: bytes) -> str:
        found = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', answer)
        if not found:
            raise LoadError("Django's add form shows no CSRF token")
        return found.group(1).decode()

"""Guildhall: the factory, and `python app.py` to serve it."""

import contextlib
import ctypes
import gc
import hashlib
import json
import logging
import signal
import sys
import time
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from flask import Flask, g, request
from htmx_flask import Htmx
from werkzeug.middleware.proxy_fix import ProxyFix

import jobs
from database import locks, migrations, transactions
from database.connections import database, open_database
from domain.base import configuration, settings
from domain.entitlements import plans
from domain.fields import money
from domain.money import facts
from domain.operations import demo
from domain.people import accounts
from views import access, assets, errors, live, pages, safety
from views.base import stepup
from views.lists import drawing

# The list of features is the list of rooms: each file in them has a `blueprint`.
ROOMS = ("base", "people", "organizations", "entitlements", "money", "backers", "tasks", "admin")
DEVELOPMENT = ("views.base.dev", "views.money.sandbox")


def create_app(chosen=None):
    """A Flask application on a database that is up to date. Nothing happens at import."""
    chosen = configuration.use(chosen or configuration.load())
    open_house(chosen)
    app = Flask(__name__, static_folder="static")
    app.secret_key = chosen.secret_key
    app.session_interface.digest_method = hashlib.sha256  # type: ignore[attr-defined]
    app.config.update(
        SESSION_COOKIE_NAME=safety.cookie_name("guildhall"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=safety.is_https(),
        RATELIMIT_STORAGE_URI=chosen.rate_limit_storage,
        TEMPLATES_AUTO_RELOAD=False,
    )
    if chosen.trusted_proxies:
        n = chosen.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)
    app.jinja_env.filters["money"] = money.written
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Htmx(app)
    safety.init_app(app)
    access.login.init_app(app)
    safety.limiter.init_app(app)
    assets.init_app(app)
    errors.init_app(app)
    pages.init_app(app)
    stepup.init_app(app)
    drawing.init_app(app)
    for module in features(chosen):
        app.register_blueprint(import_module(module).blueprint)
    app.view_functions["static"] = safety.unlimited(access.public(app.view_functions["static"]))
    app.teardown_appcontext(lambda _: database.close())
    _log_requests(app)
    access.check_doors(app)
    return app


def features(chosen):
    """The modules whose routes this application has."""
    yield "views.live"
    for room in ROOMS:
        for found in iter_modules(import_module(f"views.{room}").__path__, f"views.{room}."):
            if not (chosen.production and found.name in DEVELOPMENT):
                yield found.name


def open_house(chosen):
    """The database, migrated and listened to; also what `python -m jobs` begins with."""
    chosen.data.mkdir(parents=True, exist_ok=True)
    transactions.writer.stop()
    transactions.writer.restart()
    open_database(chosen.database_url)
    if database.dialect == "postgres" and database.is_above_row_security():
        database.close()
        raise configuration.Misconfigured(
            "Guildhall can't start. Mend these:\n"
            "  - DATABASE_URL: its role is a superuser or bypasses row security, which keeps organizations apart"
        )
    migrations.migrate(chosen.data)
    locks.be_strict(not chosen.production)
    settings.forget()
    settings.listen()
    plans.forget()
    plans.listen()
    facts.remember_prices()


def _log_requests(app):
    log = logging.getLogger("guildhall.requests")

    @app.before_request
    def begin():
        g.began = time.perf_counter()

    @app.after_request
    def end(response):
        if log.isEnabledFor(logging.INFO):
            took = round((time.perf_counter() - g.get("began", time.perf_counter())) * 1000, 1)
            about = {
                "method": request.method,
                "path": safety.loggable_path(),
                "status": response.status_code,
                "ms": took,
                "request_id": g.get("request_id"),
            }
            log.info("request", extra=about)
        return response


class JsonLines(logging.Formatter):
    """A line of JSON for each record, with whatever `extra` it was given."""

    converter = time.gmtime  # type: ignore[assignment]
    KNOWN = set(logging.makeLogRecord({}).__dict__) | {"message", "taskName"}

    def format(self, record):
        line = {
            "at": self.formatTime(record, "%Y-%m-%dT%H:%M:%SZ"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {k: v for k, v in record.__dict__.items() if k not in self.KNOWN}
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def set_up_logs(level=logging.INFO):
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(logging.WARNING)
    logging.getLogger("urllib3").setLevel(logging.WARNING)
    logging.getLogger("flask-limiter").setLevel(logging.ERROR)


def serve():
    """Gunicorn with threads; the calendar runs in the worker, so that it dies and starts with it."""
    from gunicorn.app.base import BaseApplication

    chosen = configuration.use(configuration.load())
    set_up_logs(logging.INFO if chosen.production else logging.WARNING)
    open_house(chosen)
    if chosen.env == "demo" and not demo.is_furnished():
        demo.furnish()
    _greet(chosen)
    database.close_all()
    transactions.writer.stop()

    class Server(BaseApplication):
        def load_config(self):
            for name, value in {
                "bind": f"{chosen.host}:{chosen.port}",
                "workers": chosen.workers,
                "threads": chosen.threads,
                "worker_class": "gthread",
                "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
                "timeout": 60,
                "graceful_timeout": 20,
                "keepalive": 30,
                "control_socket_disable": True,
                "loglevel": "warning",
                "forwarded_allow_ips": "",
                "post_worker_init": _begin_work,
                "worker_exit": lambda server, worker: close_house(),
            }.items():
                self.cfg.set(name, value)

        def load(self):
            return create_app(chosen)

    _stay_small()
    Server().run()


def _begin_work(worker):
    """In the worker, where threads live: the calendar, and streams that let go when it is told to stop."""
    stop: Any = signal.getsignal(signal.SIGTERM)

    def let_go(*args):
        live.close()
        stop(*args)

    signal.signal(signal.SIGTERM, let_go)
    if configuration.active.jobs:
        jobs.begin()


def _stay_small():
    """Share what was imported with the worker, and keep malloc from giving every thread an arena."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(-8, 2)  # M_ARENA_MAX; glibc only


def close_house():
    """Finish what is being written, then let go."""
    jobs.end()
    transactions.writer.stop()


def _greet(chosen):
    say = lambda text: print(text, flush=True)  # noqa: E731
    say(f"Guildhall is at {chosen.site_url}")
    secret = accounts.setup_secret()
    if secret:
        say("Nobody lives here yet. Make the first account (it will be the admin):")
        say(f"  {chosen.site_url}/setup/{secret}")
    if chosen.env == "demo":
        say(f"Sign in as anybody of the cast: {chosen.site_url}/dev/cast")
    if not chosen.smtp_url:
        say(f"No mail server is configured: letters are kept at {chosen.site_url}/dev/mail")
    if chosen.billing_provider == "sandbox":
        say(f"No payment keys are configured: the sandbox provider is at {chosen.site_url}/sandbox")


if __name__ == "__main__":
    serve()

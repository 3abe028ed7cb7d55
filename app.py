"""Guildhall: the factory, and `python app.py` to serve it."""

import logging
import os
import signal
import sys
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from flask import Flask
from htmx_flask import Htmx
from werkzeug.middleware.proxy_fix import ProxyFix

import jobs
from database import housekeeping, logs, opening, transactions
from database.connections import database
from database.waking import listening
from domain.base import configuration
from domain.fields import money
from domain.flyers import funnel
from domain.money import pricing
from domain.operations import demo
from domain.people import accounts
from jobs import running, self_check
from views import access, assets, cookies, directions, errors, kept_pages, live, packing, pages, polls
from views.base import stepup
from views.lists import drawing
from views.machines import edge
from views.money import webhooks
from views.safety import headers, memory, pulse, requests
from views.safety.marks import unlimited

# The list of features is the list of rooms: each file in them has a `blueprint`.
ROOMS = (
    *("base", "people", "organizations", "entitlements", "money", "backers", "tasks", "records", "charts"),
    "automations",
    *("moderation", "events", "flyers", "api", "operations", "content", "support", "admin"),
)
STOPPED = 20  # seconds after SIGTERM in which the server must have ended by itself
DRAINED = 14  # of these, those in which requests may go on and slow readers read; the rest is for jobs and the writer
DEVELOPMENT = ("views.base.dev", "views.money.sandbox")


def create_app(chosen=None):
    """An application and nothing else: the database is opened by whoever serves, see database/opening.py."""
    chosen = configuration.use(chosen or configuration.load())
    app = Flask(__name__, static_folder="static")
    app.secret_key = chosen.secret_key
    app.session_interface = cookies.Sessions()
    app.config.update(
        SECRET_KEY_FALLBACKS=list(chosen.secret_key_fallbacks),
        SESSION_COOKIE_NAME=headers.cookie_name("guildhall"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=headers.is_https(),
        RATELIMIT_STORAGE_URI=chosen.rate_limit_storage,
        TEMPLATES_AUTO_RELOAD=False,
    )
    webhooks.init_app(app)
    polls.init_app(app)
    kept_pages.init_app(app)
    edge.init_app(app)
    if chosen.trusted_proxies:
        n = chosen.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)
    app.jinja_env.filters["money"] = money.written
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    directions.init_app(app)
    packing.init_app(app)  # first, so that it sees the answer last
    Htmx(app)
    requests.init_app(app)
    access.login.init_app(app, add_context_processor=False)  # pages are given who asks
    assets.init_app(app)
    errors.init_app(app)
    pages.init_app(app)
    stepup.init_app(app)
    drawing.init_app(app)
    for module in features(chosen):
        app.register_blueprint(import_module(module).blueprint)
    app.view_functions["static"] = unlimited(access.public(app.view_functions["static"]))
    app.teardown_appcontext(lambda _: database.close())
    access.check_doors(app)
    logs.hide(requests.secret_links(app))
    return app


def features(chosen):
    """The modules whose routes this application has."""
    yield "views.live"
    for room in ROOMS:
        for found in iter_modules(import_module(f"views.{room}").__path__, f"views.{room}."):
            if not (chosen.production and found.name in DEVELOPMENT):
                yield found.name


def serve():
    """Gunicorn with threads; the calendar runs in the worker, so that it dies and starts with it."""
    from gunicorn.app.base import BaseApplication

    os.umask(0o077)  # what is written is for the user who runs this
    chosen = configuration.use(configuration.load())
    logs.set_up(logging.INFO if chosen.production else logging.WARNING)
    hold = housekeeping.Hold(chosen.database_url, chosen.data)
    opening.open_house(chosen.database_url, chosen.data, not chosen.production, hold.was_killed)
    pricing.remember_prices()
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
                "worker_class": "views.worker.Worker",
                "worker_connections": 1100,  # where the worker would stop to accept; it closes the idlest before
                "sendfile": False,  # an answer goes by way of the worker's outlet
                "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
                "timeout": 60,
                "graceful_timeout": STOPPED,
                "keepalive": 30,
                "control_socket_disable": True,
                "loglevel": "warning",
                "logger_class": "views.worker.Log",
                "forwarded_allow_ips": "",
                "post_worker_init": _begin_work,
                "worker_exit": lambda server, worker: _end_work(),
            }.items():
                self.cfg.set(name, value)

        def load(self):
            opening.open_again(chosen.database_url)
            return create_app(chosen)

    memory.stay_small()
    try:
        Server().run()
    finally:
        hold.let_go()


def check():
    """Look whether this program runs on its database, and say what was looked at; returns the code to end with."""
    chosen = configuration.use(configuration.load())
    logs.set_up(logging.WARNING)
    opening.open_house(chosen.database_url, chosen.data, not chosen.production)
    pricing.remember_prices()
    try:
        for sentence in self_check.sentences(create_app(chosen)):
            print(sentence, flush=True)
    except self_check.Unwell as found:
        print(found, flush=True)
        return 1
    finally:
        transactions.writer.stop()
        database.close_all()
    return 0


def _begin_work(worker):
    """In the worker, where threads live: the calendar, and streams and jobs that let go when it is told to stop."""
    stop: Any = signal.getsignal(signal.SIGTERM)

    worker.cfg.set("graceful_timeout", DRAINED)

    def let_go(*args):
        live.close()
        running.is_ending.set()
        stop(*args)

    signal.signal(signal.SIGTERM, let_go)
    pulse.begin()
    listening.begin(configuration.active.database_url)
    if configuration.active.jobs:
        jobs.begin()


def _end_work():
    """Finish what is being written, then let go."""
    pulse.end()
    listening.end()
    funnel.buffer.end()
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
    if not chosen.sends_mail:
        say(f"No mail server is configured: letters are kept at {chosen.site_url}/dev/mail")
    if chosen.has_sandbox:
        say(f"No payment keys are configured: the sandbox provider is at {chosen.site_url}/sandbox")


if __name__ == "__main__":
    sys.exit(check()) if "--check" in sys.argv[1:] else serve()

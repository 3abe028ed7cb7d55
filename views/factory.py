"""The application: built of its rooms, opened for a worker on its database, ended in order."""

import hashlib
import logging
import signal
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from flask import Flask
from htmx_flask import Htmx
from jinja2 import FileSystemBytecodeCache
from jinja2.compiler import CodeGenerator
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import Rule

import jobs
from database import logs, opening, transactions
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

TOP = Path(__file__).parent.parent
# The list of features is the list of rooms: each file in them has a `blueprint`.
ROOMS = (
    *("base", "people", "organizations", "entitlements", "money", "backers", "tasks", "records", "charts"),
    "automations",
    *("moderation", "events", "flyers", "api", "operations", "content", "support", "admin"),
)
DEVELOPMENT = ("views.base.dev", "views.money.sandbox")


class LateRule(Rule):
    """A route whose addresses are put together by code that Werkzeug writes for it: here when the first is asked for.
    For all 1,500 routes that was a fifth of a start."""

    def _compile_builder(self, append_unknown=True):
        def build(rule, **values):
            compiled = Rule._compile_builder(rule, append_unknown).__get__(rule, None)
            setattr(rule, "_build_unknown" if append_unknown else "_build", compiled)
            return compiled(**values)

        return build


class KeptTemplates(FileSystemBytecodeCache):
    """Templates as they were compiled, beside their sources as Python keeps its own: the first page after a start waits
    for no compiler. Where nothing may be written there, each process compiles for itself."""

    def __init__(self):
        how = hashlib.sha256(b"".join(Path(file).read_bytes() for file in (__file__, directions.__file__)))
        super().__init__(str(TOP / "templates" / "__pycache__" / how.hexdigest()[:12]))

    def load_bytecode(self, bucket):
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket):
        if not sys.dont_write_bytecode:
            with suppress(OSError):
                Path(self.directory).mkdir(parents=True, exist_ok=True)
                super().dump_bytecode(bucket)


class Drawing(CodeGenerator):
    """What is HTML already is drawn as it is. To escape it takes two copies, and the rows of a list come by way of four
    templates: `list_1m_vs_flask_admin`."""

    def _output_child_pre(self, node, frame, finalize):
        if self._escapes(frame, finalize):
            self.write("(v if type(v := ")
        else:
            super()._output_child_pre(node, frame, finalize)

    def _output_child_post(self, node, frame, finalize):
        if self._escapes(frame, finalize):
            self.write(") is Markup else escape(v))")
        else:
            super()._output_child_post(node, frame, finalize)

    def _escapes(self, frame, finalize):
        return frame.eval_ctx.autoescape and not frame.eval_ctx.volatile and finalize.src is None


class Plain(Flask):
    """All our functions are plain ones; Flask asks that of each, twenty times a request."""

    url_rule_class = LateRule
    jinja_options = {"bytecode_cache": KeptTemplates()}

    def ensure_sync(self, func):
        return func


def create_app(chosen=None):
    """An application and nothing else: the database is opened by whoever serves, see database/opening.py."""
    chosen = configuration.use(chosen or configuration.load())
    app = Plain("app", root_path=str(TOP), static_folder="static")
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
    app.jinja_env.code_generator_class = Drawing
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


def share():
    """In the process that workers are born of: they have in common what is loaded here."""
    memory.stay_small()


def opened(chosen, was_killed, age):
    """The application of a worker, on its database. The first workers bring that up to date, and the very first (its
    `age` is 1) furnishes the demo and greets; one that follows a worker which died finds all of it done."""
    memory.stay_small()
    if age <= chosen.workers:
        opening.open_house(chosen.database_url, chosen.data, not chosen.production, was_killed)
    else:
        opening.open_again(chosen.database_url)
    if age == 1:
        pricing.remember_prices()
        if chosen.env == "demo" and not demo.is_furnished():
            demo.furnish()
        _greet(chosen)
    database.close()
    return create_app(chosen)


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


def begin_work():
    """In the worker, where threads live: the calendar, and streams and jobs that let go when it is told to stop."""
    stop: Any = signal.getsignal(signal.SIGTERM)

    def let_go(*args):
        live.close()
        running.is_ending.set()
        stop(*args)

    signal.signal(signal.SIGTERM, let_go)
    pulse.begin()
    listening.begin(configuration.active.database_url)
    if configuration.active.jobs:
        jobs.begin()


def end_work():
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

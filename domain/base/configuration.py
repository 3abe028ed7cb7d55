"""What the environment says, validated at start: every problem is listed at once, by name."""

import os
import re
import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa
from environs import EnvValidationError, FileAwareEnv

from database import urls
from domain.base import variables
from domain.base.variables import CHOSEN, PLANS, VARIABLES, is_apples, is_certificate, is_endpoint, private
from domain.fields.email import EMAIL, normalized, parsed
from domain.fields.kinds import Unfit

# What each calls the thing that is bought, and its secrets.
_PAYMENT = {
    "stripe": ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET", "STRIPE_{}_PRICE_ID"),
    "polar": ("POLAR_ACCESS_TOKEN", "POLAR_WEBHOOK_SECRET", "POLAR_{}_PRODUCT_ID"),
    "lemon_squeezy": ("LEMON_SQUEEZY_API_KEY", "LEMON_SQUEEZY_WEBHOOK_SECRET", "LEMON_SQUEEZY_{}_VARIANT_ID"),
}


class Misconfigured(SystemExit):
    """The app must not start. The text names each bad variable and never a value."""


@dataclass(frozen=True)
class IdentityProvider:
    """An OpenID Connect issuer that people may sign in with; `name` is its word in /auth/<name>."""

    name: str
    label: str
    issuer: str  # its discovery document is below this address
    client_id: str
    client_secret: str = field(default="", repr=False)
    team_id: str = ""  # the last three are Apple's, whose client secret is signed anew each time
    key_id: str = ""
    private_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Configuration:
    env: str = "development"
    data: Path = Path("var")
    database_url: str = field(default="", repr=False)
    files_url: str = field(default="", repr=False)
    backup_url: str = field(default="", repr=False)
    backup_recipients: tuple = ()
    backup_ssh_key: str = field(default="", repr=False)
    backup_ssh_host_key: str = ""
    backup_database_url: str = field(default="", repr=False)
    host: str = "127.0.0.1"
    port: int = 8000
    site_url: str = ""
    secret_key: str = field(default="", repr=False)
    secret_key_fallbacks: tuple = field(default=(), repr=False)  # the keys before it, the newest first
    workers: int = 1
    threads: int = 64
    jobs: bool = True
    trusted_proxies: int = 0
    pages_per_minute: int = 300
    rate_limit_storage: str = field(default="memory://", repr=False)
    smtp_url: str = field(default="", repr=False)
    resend_api_key: str = field(default="", repr=False)
    resend_webhook_secret: tuple = field(default=(), repr=False)
    mail_from: str = "guildhall@localhost"
    mail_auth_from: str = ""
    billing_provider: str = "none"
    payment_key: str = field(default="", repr=False)
    payment_webhook_secrets: tuple = field(default=(), repr=False)
    payment_prices: dict = field(default_factory=dict)
    ticket_accounts: dict = field(default_factory=dict, repr=False)  # provider → (key, secrets of its webhooks)
    payment_live: bool = False  # real money; an event of the other kind is kept and ignored
    allow_plaintext: bool = False
    stripe_app_tag: str = ""
    lemon_squeezy_store_id: str = ""
    ai_url: str = field(default="", repr=False)
    ai_key: str = field(default="", repr=False)
    ai_model: str = "gpt-4o-mini"
    ai_moderation_model: str = ""
    super_admin_emails: tuple = ()
    super_admin_require_2fa: bool = False
    metrics_token: str = field(default="", repr=False)
    cron_token: tuple = field(default=(), repr=False)
    deployment_ingest_token: tuple = field(default=(), repr=False)
    release_id: str = ""
    identity_providers: tuple[IdentityProvider, ...] = ()
    apple_pass_type: str = ""
    apple_pass_team: str = ""
    apple_pass_certificate: str = field(default="", repr=False)
    apple_pass_intermediate: str = field(default="", repr=False)
    google_wallet_issuer: str = ""
    google_wallet_account: str = ""
    google_wallet_key: str = field(default="", repr=False)

    @property
    def production(self):
        return self.env == "production"

    @property
    def sends_mail(self):
        """Whether letters leave this machine."""
        return bool(self.smtp_url or self.resend_api_key)

    @property
    def has_billing(self):
        return self.billing_provider != "none"

    @property
    def has_sandbox(self):
        """Whether payments are only practised."""
        return self.billing_provider == "sandbox"

    @property
    def stream_limit(self):
        """Live streams hold a thread each: leave half of them to everybody else."""
        return self.threads // 2


active = Configuration()


def use(configuration):
    global active
    active = configuration
    return configuration


class _Environment(FileAwareEnv):
    """NAME, or the content of the file that NAME_FILE names; an empty value is no value."""

    def __init__(self):
        super().__init__(eager=False, strip_whitespace=True)
        self.unread = []

    def _get_value(self, env_key, default):
        try:
            value = super()._get_value(env_key, default)
        except ValueError:
            self.unread.append((env_key, f"the file that {env_key}_FILE names can't be read"))
            return default
        if not isinstance(value, str):
            return value
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value = value[1:-1].strip()  # what reads variables from a file may leave its quotes
        return (value.lower() if env_key in CHOSEN else value) or default

    def problems(self):
        """[(variable, why)] of what was read and can't be taken."""
        try:
            self.seal()
            return self.unread
        except EnvValidationError as refused:
            told: Any = refused.error_messages
            return [(name, " ".join(map(str, texts))) for name, texts in told.items()] + self.unread


# --- reading it ------------------------------------------------------------------------------------------


def load():
    """Read the environment (or NAME_FILE for a secret). Refuses with Misconfigured, naming all problems."""
    env = _Environment()
    values = {variable.name: variable.read(env) for variable in VARIABLES}
    for name in PEMS:  # on one line, as most places where variables are set want it
        values[name] = values[name].replace("\\n", "\n")
    values["AUTH_OIDC_ISSUER"] = values["AUTH_OIDC_ISSUER"].rstrip("/")
    problems = env.problems() + list(_misread(values))
    made = _configuration(values)
    unread = {name for name, _ in problems}
    by_name = (*_wrong_sign_in(values), *_wrong_wallets(values), *_wrong_tickets(values))
    rows = (*_wrong(made), *_wrong_payment(made), *by_name)
    problems += [(name, why) for name, is_wrong, why in rows if is_wrong and name not in unread]
    if problems:
        raise Misconfigured(_listed(problems))
    if made.secret_key:
        return made
    try:
        return replace(made, secret_key=_kept_secret(made.data))
    except OSError as error:
        raise Misconfigured(_listed([("GUILDHALL_DATA", f"the folder can't be written ({error.strerror})")])) from None


WALLETS = ("APPLE_PASS_CERTIFICATE", "APPLE_PASS_INTERMEDIATE", "GOOGLE_WALLET_KEY")
PEMS = ("AUTH_APPLE_PRIVATE_KEY", "BACKUP_SSH_KEY", *WALLETS)
DATABASES, MAILERS = ("sqlite", "postgresql", "postgres"), ("smtp", "smtps", "smtp+starttls")
STORES = ("memory", "redis", "rediss", "redis+unix", "redis+sentinel", "redis+cluster")
LIKE_A_MAILER = "smtp://, smtps:// or smtp+starttls://user:password@host:port"


def _sender(text):
    if parsed(re.sub(r"@localhost$", "@example.org", text)) is None:  # mail of this machine alone
        raise urls.Unusable("must be an address alone, such as hall@example.org; its name is the setting “Sender”")
    return text


def _admins(text):
    try:
        return tuple(normalized(EMAIL.read(word)) for word in re.split(r"[,;\s]+", text) if word)
    except Unfit:
        raise urls.Unusable("must be addresses alone, parted by commas, such as ada@example.org") from None


# What is parsed whole: each gives the form in which it is used, or refuses with urls.Unusable.
_PARSED = {
    "SITE_URL": urls.site,
    "DATABASE_URL": lambda url: urls.server(url, DATABASES, "sqlite:///path or postgresql://user:password@host/name"),
    "BACKUP_DATABASE_URL": lambda url: urls.server(url, DATABASES[1:], "postgresql://user:password@host/name"),
    "RATE_LIMIT_STORAGE": lambda url: urls.server(url, STORES, "memory:// or redis://host:6379"),
    "SMTP_URL": lambda url: urls.server(url, MAILERS, LIKE_A_MAILER),
    **dict.fromkeys(("MAIL_FROM", "MAIL_AUTH_FROM"), _sender),
    "SECRET_KEY_FALLBACKS": lambda words: tuple(" ".join(words).split()),
    "BACKUP_RECIPIENTS": lambda words: tuple(" ".join(words).split()),
    "SUPER_ADMIN_EMAILS": _admins,
}


def _misread(values):
    """Put parsed values in their place; (variable, why) of each that can't be."""
    for name, read in _PARSED.items():
        try:
            values[name] = read(values[name]) if values[name] else values[name]
        except urls.Unusable as why:
            values[name] = ""
            yield name, str(why)


def _usual_site(values):
    """Where a browser on this machine finds it: passkeys work on localhost, and not on its number."""
    host = values["HOST"]
    host = "localhost" if host in ("", "0.0.0.0", "::", "127.0.0.1", "::1") else f"[{host}]" if ":" in host else host  # noqa: S104
    return f"http://{host}:{values['PORT']}"


def _configuration(values):
    """The Configuration, whether or not it can work."""
    production, data = values["GUILDHALL_ENV"] == "production", Path(values["GUILDHALL_DATA"]).absolute()
    usual = "stripe" if values["STRIPE_SECRET_KEY"] else "none" if production else "sandbox"
    needs_factor = values["SUPER_ADMIN_REQUIRE_2FA"]
    same = {name: values[name.upper()] for name in Configuration.__dataclass_fields__ if name.upper() in values}
    changed = {
        "env": values["GUILDHALL_ENV"],
        "data": data,
        "database_url": values["DATABASE_URL"] or f"sqlite:///{data / 'guildhall.db'}",
        "site_url": values["SITE_URL"] or _usual_site(values),
        "super_admin_emails": tuple(values["SUPER_ADMIN_EMAILS"]),
        "super_admin_require_2fa": production if needs_factor is None else needs_factor,
        "identity_providers": tuple(_identity_providers(values)),
        "release_id": (values["RELEASE_ID"] or values["RAILWAY_DEPLOYMENT_ID"])[:80],
    }
    changed["ticket_accounts"] = _ticket_accounts(values)
    return Configuration(**same | changed | _payment(values["BILLING_PROVIDER"] or usual, values))


def _payment(provider, values):
    """What the chosen provider has of its own variables."""
    if provider not in _PAYMENT:
        return {"billing_provider": provider}
    key, secret, price = _PAYMENT[provider]
    prices = {plan.lower(): values[price.format(plan)] for plan in PLANS}
    is_live = {
        "stripe": values[key].startswith(("sk_live_", "rk_live_")),
        "polar": values["POLAR_SERVER"] == "production",
        "lemon_squeezy": not values["LEMON_SQUEEZY_TEST_MODE"],
    }
    return {
        "billing_provider": provider,
        "payment_key": values[key],
        "payment_webhook_secrets": values[secret],
        "payment_prices": {plan: price for plan, price in prices.items() if price},
        "payment_live": is_live[provider],
    }


# What an account that tickets are paid to needs: its key, and what its webhooks are signed with where that is another.
_TICKETS = {
    "stripe": ("TICKETS_STRIPE_SECRET_KEY", "TICKETS_STRIPE_WEBHOOK_SECRET"),
    "paystack": ("TICKETS_PAYSTACK_SECRET_KEY", None),
    "flutterwave": ("TICKETS_FLUTTERWAVE_SECRET_KEY", "TICKETS_FLUTTERWAVE_SECRET_HASH"),
}


def _ticket_accounts(values):
    named = {
        provider: (values[key], tuple(values[secret]) if secret else ()) for provider, (key, secret) in _TICKETS.items()
    }
    return {provider: account for provider, account in named.items() if account[0]}


def _wrong_tickets(values):
    """An account that tickets are paid to has both its key and its secret, or neither."""
    for key, secret in _TICKETS.values():
        if secret:
            yield secret, values[key] and not values[secret], f"is required with {key}"
            yield key, values[secret] and not values[key], f"is required with {secret}"


_SIGN_IN = {
    "google": ("client_id", "client_secret"),
    "microsoft": ("client_id", "client_secret"),
    "apple": ("client_id", "team_id", "key_id", "private_key"),
    "oidc": ("issuer", "client_id", "client_secret"),
}


def _sign_in(provider, values):
    """attribute → (variable, its value) of what a way to sign in needs."""
    names = {part: f"AUTH_{provider}_{part.removeprefix('client_')}".upper() for part in _SIGN_IN[provider]}
    return {part: (name, values[name]) for part, name in names.items()}


def _identity_providers(values):
    offered = {
        "google": ("Google", "https://accounts.google.com"),
        "microsoft": ("Microsoft", f"https://login.microsoftonline.com/{values['AUTH_MICROSOFT_TENANT']}/v2.0"),
        "apple": ("Apple", "https://appleid.apple.com"),
        "oidc": (values["AUTH_OIDC_LABEL"], ""),
    }
    for provider, (label, issuer) in offered.items():
        parts = {"issuer": issuer} | {part: value for part, (_, value) in _sign_in(provider, values).items()}
        if parts["client_id"]:
            yield IdentityProvider(provider, label, **parts)


# --- what can't work: rows of a variable, whether it is wrong, and why -------------------------------------

OPEN = "needs TLS in production: {}; or ALLOW_PLAINTEXT=1, where the network is yours alone"


def _wrong(c):
    several, needs_tls = c.workers > 1, c.production and not c.allow_plaintext
    is_sqlite, is_counted_here = c.database_url.startswith("sqlite:///"), c.rate_limit_storage.startswith("memory")
    play = "the sandbox takes no real money and is refused in production"
    return (
        ("DATABASE_URL", not c.database_url.startswith(("sqlite:///", "postgres")), "must begin with sqlite:///"),
        ("DATABASE_URL", needs_tls and urls.is_open(c.database_url), OPEN.format("add ?sslmode=require")),
        ("BACKUP_DATABASE_URL", needs_tls and urls.is_open(c.backup_database_url), OPEN.format("add ?sslmode=require")),
        ("BACKUP_DATABASE_URL", c.backup_database_url and is_sqlite, "is for PostgreSQL (DATABASE_URL)"),
        ("RATE_LIMIT_STORAGE", needs_tls and urls.is_open(c.rate_limit_storage), OPEN.format("write rediss://")),
        ("SMTP_URL", needs_tls and urls.is_open(c.smtp_url), OPEN.format("write smtps:// or smtp+starttls://")),
        ("SECRET_KEY", 0 < len(c.secret_key) < 32, "must have at least 32 characters"),
        ("SECRET_KEY", c.production and not c.secret_key, "is required in production"),
        ("SECRET_KEY_FALLBACKS", any(len(key) < 32 for key in c.secret_key_fallbacks), "must be whole keys"),
        ("SITE_URL", c.production and not c.site_url.startswith("https:"), "must be https in production"),
        *variables.wrong_places(c, OPEN if needs_tls else ""),
        *(
            (name, any(len(token) < 16 for token in getattr(c, name.lower())), "must have at least 16 characters")
            for name in ("CRON_TOKEN", "DEPLOYMENT_INGEST_TOKEN")
        ),
        ("WORKERS", several and is_sqlite, "several processes need PostgreSQL (DATABASE_URL)"),
        ("RATE_LIMIT_STORAGE", several and is_counted_here, "several processes need one count, such as redis://…"),
        ("SMTP_URL", c.production and not c.sends_mail, "is required in production, or RESEND_API_KEY"),
        ("RESEND_API_KEY", c.smtp_url and c.resend_api_key, "can't be set beside SMTP_URL: one of them sends letters"),
        ("RESEND_WEBHOOK_SECRET", not all(map(_is_svix, c.resend_webhook_secret)), "must begin with whsec_"),
        ("AI_URL", not is_endpoint(c.ai_url, needs_tls), "must begin with https://, or lead to this very machine"),
        ("BILLING_PROVIDER", c.production and c.has_sandbox, play),
    )


def _is_svix(secret):
    return re.fullmatch(r"whsec_[A-Za-z0-9+/]{16,}={0,2}", secret)


def _wrong_payment(c):
    """The chosen payment provider has all that it needs."""
    if c.billing_provider not in _PAYMENT:
        return ()
    key, secret, price = _PAYMENT[c.billing_provider]
    why = f"is required for BILLING_PROVIDER={c.billing_provider}"
    has_no_store = c.billing_provider == "lemon_squeezy" and not c.lemon_squeezy_store_id.isdigit()
    return (
        (key, not c.payment_key, why),
        (secret, not c.payment_webhook_secrets, why),
        (price.format(PLANS[0]), not c.payment_prices, f"at least one price {why}"),
        ("LEMON_SQUEEZY_STORE_ID", has_no_store, f"{why}, a number"),
    )


def _wrong_sign_in(values):
    """A way to sign in has all of its variables or none."""
    for provider in _SIGN_IN:
        parts = _sign_in(provider, values).values()
        begun, why = any(value for _, value in parts), f"is required with the others of {provider.capitalize()}"
        yield from ((name, begun and not value, why) for name, value in parts)
    key, issuer = values["AUTH_APPLE_PRIVATE_KEY"], urlsplit(values["AUTH_OIDC_ISSUER"])
    is_tenant, is_address = re.fullmatch(r"[A-Za-z0-9.-]+", values["AUTH_MICROSOFT_TENANT"]), _is_web(issuer)
    is_open = values["GUILDHALL_ENV"] == "production" and issuer.scheme == "http"
    tenants = "must be common, organizations, consumers or a tenant's id"
    yield "AUTH_APPLE_PRIVATE_KEY", key and not is_apples(key), "must be the content of the .p8 file (PEM, P-256)"
    yield "AUTH_MICROSOFT_TENANT", not is_tenant, tenants
    yield "AUTH_OIDC_ISSUER", any(issuer) and (not is_address or issuer.query), "must be a whole https address"
    yield "AUTH_OIDC_ISSUER", is_open, "must be https in production"


def _wrong_wallets(values):
    """A wallet has all of its variables or none, and its keys can be used."""
    for wallet, kind in (("APPLE_PASS", "Apple"), ("GOOGLE_WALLET", "Google")):
        parts = {name: value for name, value in values.items() if name.startswith(wallet)}
        yield from (
            (name, not value and any(parts.values()), f"is required with the others of {kind}'s wallet")
            for name, value in parts.items()
        )
    pair, between, key = (values[name] for name in WALLETS)
    yield WALLETS[0], pair and not (is_certificate(pair) and private(pair)), "must be a certificate and its key (PEM)"
    yield WALLETS[1], between and not is_certificate(between), "must be a certificate (PEM)"
    yield WALLETS[2], key and not isinstance(private(key), rsa.RSAPrivateKey), "must be a private RSA key (PEM)"


def _is_web(address):
    return address.scheme in ("http", "https") and bool(address.netloc)


def environment(**changes):
    """What a process beside this one is begun with: what this one was, its SECRET_KEY, and the changes, which no file
    that a variable names (NAME_FILE) stands before."""
    own = {"SECRET_KEY": active.secret_key, "SECRET_KEY_FALLBACKS": ",".join(active.secret_key_fallbacks)}
    own |= {"GUILDHALL_DATA": str(active.data)} | changes
    return {name: value for name, value in os.environ.items() if name.removesuffix("_FILE") not in own} | own


def _listed(problems):
    return "Guildhall can't start. Mend these:\n" + "\n".join(f"  - {name}: {why}" for name, why in problems)


def _kept_secret(data):
    """Outside production a key is made once and kept, so that a restart signs nobody out."""
    path = data / "secret.key"
    data.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()

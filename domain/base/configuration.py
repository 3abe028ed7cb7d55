"""What the environment says, validated at start: every problem is listed at once, by name."""

import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from environs import EnvValidationError, FileAwareEnv, validate

ENVIRONMENTS = ("development", "production", "demo", "test")
PROVIDERS = ("stripe", "polar", "lemon_squeezy", "sandbox", "none")
PLANS = ("PRO_MONTHLY", "PRO_YEARLY", "PRO_LIFETIME")
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
    host: str = "127.0.0.1"
    port: int = 8000
    site_url: str = ""
    secret_key: str = field(default="", repr=False)
    workers: int = 1
    threads: int = 64
    jobs: bool = True
    trusted_proxies: int = 0
    pages_per_minute: int = 300
    rate_limit_storage: str = field(default="memory://", repr=False)
    smtp_url: str = field(default="", repr=False)
    mail_from: str = "guildhall@localhost"
    billing_provider: str = "none"
    payment_key: str = field(default="", repr=False)
    payment_webhook_secrets: tuple = field(default=(), repr=False)
    payment_prices: dict = field(default_factory=dict)
    payment_live: bool = False  # real money; an event of the other kind is kept and ignored
    stripe_app_tag: str = ""
    lemon_squeezy_store_id: str = ""
    super_admin_emails: tuple = ()
    super_admin_require_2fa: bool = False
    metrics_token: str = field(default="", repr=False)
    identity_providers: tuple[IdentityProvider, ...] = ()

    @property
    def production(self):
        return self.env == "production"

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
            self.unread.append(f"{env_key}: the file that {env_key}_FILE names can't be read")
            return default
        return default if isinstance(value, str) and not value.strip() else value


def load():
    """Read the environment (or NAME_FILE for a secret). Refuses with Misconfigured, naming all problems."""
    env = _Environment()

    def read(kind, name, default, **rules):
        value = getattr(env, kind)(name, default, **rules)
        return default if value is None else value  # None: it was refused, and is told below

    def words(name):
        return tuple(word.strip() for word in read("list", name, []) if word.strip())

    chosen = read("str", "GUILDHALL_ENV", "development", validate=validate.OneOf(ENVIRONMENTS))
    production = chosen == "production"
    data = Path(read("str", "GUILDHALL_DATA", "var")).absolute()
    host, port = read("str", "HOST", "127.0.0.1"), read("int", "PORT", 8000, validate=validate.Range(0, 65535))
    keys, webhook_secrets, prices = {}, {}, {}
    for name, (key, secret, price) in _PAYMENT.items():
        keys[name], webhook_secrets[name] = read("str", key, ""), words(secret)
        prices[name] = {plan.lower(): read("str", price.format(plan), "") for plan in PLANS}
    provider = read("str", "BILLING_PROVIDER", "", validate=validate.OneOf((*PROVIDERS, "")))
    provider = provider or ("stripe" if keys["stripe"] else "none" if production else "sandbox")
    payment_key = keys.get(provider, "")
    polar_server = read("str", "POLAR_SERVER", "production", validate=validate.OneOf(("production", "sandbox")))
    lemon_test = read("bool", "LEMON_SQUEEZY_TEST_MODE", False)
    values: dict[str, Any] = {
        "env": chosen,
        "data": data,
        "database_url": read("str", "DATABASE_URL", f"sqlite:///{data / 'guildhall.db'}"),
        "host": host,
        "port": port,
        "site_url": read("str", "SITE_URL", f"http://{host}:{port}").rstrip("/"),
        "secret_key": read("str", "SECRET_KEY", ""),
        "workers": read("int", "WORKERS", 1, validate=validate.Range(1, 64)),
        "threads": read("int", "THREADS", 64, validate=validate.Range(4, 2000)),
        "jobs": read("bool", "JOBS", True),
        "trusted_proxies": read("int", "TRUSTED_PROXIES", 0, validate=validate.Range(0, 10)),
        "pages_per_minute": read("int", "PAGES_PER_MINUTE", 300, validate=validate.Range(1)),
        "rate_limit_storage": read("str", "RATE_LIMIT_STORAGE", "memory://"),
        "smtp_url": read("str", "SMTP_URL", ""),
        "mail_from": read("str", "MAIL_FROM", "guildhall@localhost"),
        "billing_provider": provider,
        "payment_key": payment_key,
        "payment_webhook_secrets": webhook_secrets.get(provider, ()),
        "payment_prices": {plan: price for plan, price in prices.get(provider, {}).items() if price},
        "payment_live": {
            "stripe": payment_key.startswith(("sk_live_", "rk_live_")),
            "polar": polar_server == "production",
            "lemon_squeezy": not lemon_test,
        }.get(provider, False),
        "stripe_app_tag": read("str", "STRIPE_APP_TAG", ""),
        "lemon_squeezy_store_id": read("str", "LEMON_SQUEEZY_STORE_ID", ""),
        "super_admin_emails": tuple(word.lower() for word in words("SUPER_ADMIN_EMAILS")),
        "super_admin_require_2fa": read("bool", "SUPER_ADMIN_REQUIRE_2FA", production),
        "metrics_token": read("str", "METRICS_TOKEN", ""),
    }
    google = {"client_id": read("str", "AUTH_GOOGLE_ID", ""), "client_secret": read("str", "AUTH_GOOGLE_SECRET", "")}
    microsoft = {
        "client_id": read("str", "AUTH_MICROSOFT_ID", ""),
        "client_secret": read("str", "AUTH_MICROSOFT_SECRET", ""),
    }
    tenant = read("str", "AUTH_MICROSOFT_TENANT", "common")
    apple = {
        "client_id": read("str", "AUTH_APPLE_ID", ""),
        "team_id": read("str", "AUTH_APPLE_TEAM_ID", ""),
        "key_id": read("str", "AUTH_APPLE_KEY_ID", ""),
        # A PEM on one line, as most places where variables are set want it
        "private_key": read("str", "AUTH_APPLE_PRIVATE_KEY", "").replace("\\n", "\n"),
    }
    own = {
        "issuer": read("str", "AUTH_OIDC_ISSUER", "").rstrip("/"),
        "client_id": read("str", "AUTH_OIDC_ID", ""),
        "client_secret": read("str", "AUTH_OIDC_SECRET", ""),
    }
    own_label = read("str", "AUTH_OIDC_LABEL", "your organization")
    try:
        env.seal()
        problems = []
    except EnvValidationError as refused:
        told: Any = refused.error_messages
        problems = [f"{name}: {' '.join(map(str, texts))}" for name, texts in told.items()]
    problems += env.unread
    known = {problem.partition(":")[0] for problem in problems}
    parts = {"google": google, "microsoft": microsoft, "apple": apple, "oidc": own}
    found = [*_problems(values, production), *_half_configured(parts, tenant, production)]
    problems += [p for p in found if p.partition(":")[0] not in known]
    if problems:
        raise Misconfigured(_listed(problems))
    if not values["secret_key"]:
        values["secret_key"] = _kept_secret(data)
    offered = {
        "google": ("Google", {"issuer": "https://accounts.google.com"} | google),
        "microsoft": ("Microsoft", {"issuer": f"https://login.microsoftonline.com/{tenant}/v2.0"} | microsoft),
        "apple": ("Apple", {"issuer": "https://appleid.apple.com"} | apple),
        "oidc": (own_label, own),
    }
    values["identity_providers"] = tuple(
        IdentityProvider(name, label, **about) for name, (label, about) in offered.items() if about["client_id"]
    )
    return Configuration(**values)


def _half_configured(parts, tenant, production):
    """A provider has all of its variables or none."""
    for provider, about in parts.items():
        missing = [name for name, value in about.items() if not value]
        if len(missing) < len(about):
            for name in missing:
                variable = f"AUTH_{provider}_{name.removeprefix('client_')}".upper()
                yield f"{variable}: is required with the others of {provider.capitalize()}"
    if parts["apple"]["private_key"] and not _is_apples(parts["apple"]["private_key"]):
        yield "AUTH_APPLE_PRIVATE_KEY: must be the content of the .p8 file (PEM, P-256)"
    if not re.fullmatch(r"[A-Za-z0-9.-]+", tenant):
        yield "AUTH_MICROSOFT_TENANT: must be common, organizations, consumers or a tenant's id"
    site = urlsplit(parts["oidc"]["issuer"])
    if parts["oidc"]["issuer"] and (site.scheme not in ("http", "https") or not site.netloc or site.query):
        yield "AUTH_OIDC_ISSUER: must be a whole https address"
    elif production and site.scheme == "http":
        yield "AUTH_OIDC_ISSUER: must be https in production"


def _is_apples(key):
    try:
        found = load_pem_private_key(key.encode(), None)
    except (ValueError, TypeError):
        return False
    return isinstance(found, ec.EllipticCurvePrivateKey) and found.curve.name == "secp256r1"


def _problems(values, production):
    sqlite = values["database_url"].startswith("sqlite:///")
    if not sqlite and not values["database_url"].startswith(("postgresql://", "postgres://")):
        yield "DATABASE_URL: must begin with sqlite:/// or postgresql://"
    if values["secret_key"] and len(values["secret_key"]) < 32:
        yield "SECRET_KEY: must have at least 32 characters"
    if production and not values["secret_key"]:
        yield "SECRET_KEY: is required in production"
    site = urlsplit(values["site_url"])
    if site.scheme not in ("http", "https") or not site.netloc:
        yield "SITE_URL: must be a whole http(s) address"
    if production and site.scheme != "https":
        yield "SITE_URL: must be https in production"
    if values["workers"] > 1 and sqlite:
        yield "WORKERS: several processes need PostgreSQL (DATABASE_URL)"
    if values["workers"] > 1 and values["rate_limit_storage"].startswith("memory"):
        yield "RATE_LIMIT_STORAGE: several processes need shared counting, such as redis://…"
    if values["smtp_url"] and urlsplit(values["smtp_url"]).scheme not in ("smtp", "smtps", "smtp+starttls"):
        yield "SMTP_URL: must be smtp://, smtps:// or smtp+starttls://user:password@host:port"
    if production and not values["smtp_url"]:
        yield "SMTP_URL: is required in production"
    provider = values["billing_provider"]
    if provider in _PAYMENT:
        key, secret, price = _PAYMENT[provider]
        if not values["payment_key"]:
            yield f"{key}: is required for BILLING_PROVIDER={provider}"
        if not values["payment_webhook_secrets"]:
            yield f"{secret}: is required for BILLING_PROVIDER={provider}"
        if not values["payment_prices"]:
            yield f"{price.format(PLANS[0])}: at least one price is required for BILLING_PROVIDER={provider}"
    if provider == "lemon_squeezy" and not values["lemon_squeezy_store_id"].isdigit():
        yield "LEMON_SQUEEZY_STORE_ID: is required for BILLING_PROVIDER=lemon_squeezy, a number"
    if production and values["billing_provider"] == "sandbox":
        yield "BILLING_PROVIDER: the sandbox takes no real money and is refused in production"


def _listed(problems):
    return "Guildhall can't start. Mend these:\n" + "\n".join(f"  - {problem}" for problem in problems)


def _kept_secret(data):
    """Outside production a key is made once and kept, so that a restart signs nobody out."""
    path = data / "secret.key"
    data.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text().strip()

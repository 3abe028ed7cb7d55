"""What can be set in the environment: one row a variable."""

import re
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from environs import validate

from database import urls

ENVIRONMENTS = ("development", "production", "demo", "test")
PROVIDERS = ("stripe", "polar", "lemon_squeezy", "sandbox", "none")
PLANS = ("PRO_MONTHLY", "PRO_YEARLY", "PRO_LIFETIME")
TEXT, SWITCH, WORDS = ("str", None), ("bool", None), ("list", None)


def _one_of(*words):
    return "str", validate.OneOf(words)


def _whole(least, most=None):
    return "int", validate.Range(least, most)


# A row, and below it what it is: name, kind, default; last the default in words, where it depends.
# `.env.example` and docs/configuration.md are written from it: python -m tests.configuration_pages
_TABLE = (
    ("GUILDHALL_ENV", _one_of(*ENVIRONMENTS), "development"),
    "`development`, `production`, `demo` or `test`",
    ("GUILDHALL_DATA", TEXT, "var"),
    "Folder for the database, backups, the kept key and, without a mail server, the letters",
    ("FILES_URL", TEXT, "", "the data folder"),
    "Where files on rows lie: S3-compatible storage, `s3://key:secret@host/bucket?region=name`",
    ("BACKUP_URL", TEXT, "", "copies stay on this machine"),
    "Where each copy is brought besides: S3-compatible storage, written as `FILES_URL` is, or `sftp://user@host:22/path`",
    ("BACKUP_SSH_KEY", TEXT, ""),
    "The private key (OpenSSH, without a passphrase) that an `sftp://` `BACKUP_URL` takes; in one line with `\\n`",
    ("BACKUP_SSH_HOST_KEY", TEXT, ""),
    "The public key of that server, such as `ssh-ed25519 AAAA…`: any other is refused",
    ("BACKUP_RECIPIENTS", WORDS, ""),
    "Public keys of age (`age1…`) that copies are encrypted for. Required with `BACKUP_URL`",
    ("BACKUP_DATABASE_URL", TEXT, "", "PostgreSQL isn't copied from here"),
    "The same PostgreSQL as `DATABASE_URL`, as a role with BYPASSRLS and `pg_read_all_data`, which copies it",
    ("DATABASE_URL", TEXT, "", "a file in the data folder"),
    "`sqlite:///path` or `postgresql://user:password@host/name`",
    ("HOST", TEXT, "127.0.0.1"),
    "Address to listen on",
    ("PORT", _whole(0, 65535), 8000),
    "Port to listen on",
    ("SITE_URL", TEXT, "", "`http://localhost:PORT`"),
    "The address people type; letters and payment pages lead back to it. In production required, and https",
    ("SECRET_KEY", TEXT, "", "made once and kept"),
    "At least 32 random characters, which sign cookies and codes. Required in production",
    ("SECRET_KEY_FALLBACKS", WORDS, ""),
    "The keys before it, newest first, parted by commas or lines; see [a new key](docs/deploy.md#a-new-key)",
    ("WORKERS", _whole(1, 64), 1),
    "Processes. More than one needs PostgreSQL and a shared `RATE_LIMIT_STORAGE`",
    ("THREADS", _whole(4, 2000), 64),
    "Requests a process serves at once. At most half of them are live pages",
    ("JOBS", SWITCH, True),
    "Whether this process runs the jobs too; 0 where `python -m jobs` runs them alone",
    ("TRUSTED_PROXIES", _whole(0, 10), 0),
    "How many proxies of yours stand in front and add X-Forwarded-For",
    ("PAGES_PER_MINUTE", _whole(1), 300),
    "Pages a minute, from one signed-in browser (or one address)",
    ("RATE_LIMIT_STORAGE", TEXT, "memory://"),
    "Where they are counted. `redis://host:6379` for several processes",
    ("SMTP_URL", TEXT, "", "letters are kept as files"),
    "`smtp://`, `smtps://` or `smtp+starttls://user:password@host:port`. In production this or `RESEND_API_KEY` is "
    "required",
    ("RESEND_API_KEY", TEXT, ""),
    "Letters leave by Resend with this key, instead of by a mail server",
    ("RESEND_WEBHOOK_SECRET", WORDS, ""),
    "Secret of the endpoint `/webhooks/resend`, which tells what becomes of letters. Several, parted by commas, while "
    "one is replaced",
    ("MAIL_FROM", TEXT, "guildhall@localhost"),
    "The address letters come from, without a name",
    ("MAIL_AUTH_FROM", TEXT, "", "`MAIL_FROM`"),
    "The address that codes and other letters about accounts come from, so that no newsletter spoils its name",
    ("ALLOW_PLAINTEXT", SWITCH, False),
    "Whether production may reach mail server, Redis and PostgreSQL on other machines without TLS, in a network that "
    "is yours alone",
    ("BILLING_PROVIDER", _one_of(*PROVIDERS, ""), "", "`stripe` with a key, else `sandbox`, in production `none`"),
    "`stripe`, `polar`, `lemon_squeezy`, `sandbox` (play money, never in production) or `none`; "
    "see [providers](docs/providers.md)",
    ("STRIPE_SECRET_KEY", TEXT, ""),
    "Stripe's API key",
    ("STRIPE_WEBHOOK_SECRET", WORDS, ""),
    "Secret of the endpoint `/webhooks/stripe`. Several, parted by commas, while one is replaced",
    ("STRIPE_PRO_MONTHLY_PRICE_ID", TEXT, ""),
    "Stripe's price of the monthly plan. At least one price is needed, of the configured provider",
    ("STRIPE_PRO_YEARLY_PRICE_ID", TEXT, ""),
    "Stripe's price of the yearly plan",
    ("STRIPE_PRO_LIFETIME_PRICE_ID", TEXT, ""),
    "Stripe's price of the plan that is bought once",
    ("STRIPE_APP_TAG", TEXT, ""),
    "Which of the account's products and prices are ours: those with the metadata `app` of this value. "
    "Without it all are",
    ("POLAR_ACCESS_TOKEN", TEXT, ""),
    "Polar's organization access token",
    ("POLAR_WEBHOOK_SECRET", WORDS, ""),
    "Secret of the endpoint `/webhooks/polar`",
    ("POLAR_SERVER", _one_of("production", "sandbox"), "production"),
    "`production` or `sandbox`",
    ("POLAR_PRO_MONTHLY_PRODUCT_ID", TEXT, ""),
    "Polar's product of the monthly plan",
    ("POLAR_PRO_YEARLY_PRODUCT_ID", TEXT, ""),
    "Polar's product of the yearly plan",
    ("POLAR_PRO_LIFETIME_PRODUCT_ID", TEXT, ""),
    "Polar's product of the plan that is bought once",
    ("LEMON_SQUEEZY_API_KEY", TEXT, ""),
    "Lemon Squeezy's API key",
    ("LEMON_SQUEEZY_STORE_ID", TEXT, ""),
    "The store's number",
    ("LEMON_SQUEEZY_WEBHOOK_SECRET", WORDS, ""),
    "Secret of the webhook `/webhooks/lemon-squeezy`",
    ("LEMON_SQUEEZY_TEST_MODE", SWITCH, False),
    "Whether this install takes the store's test events and no others",
    ("LEMON_SQUEEZY_PRO_MONTHLY_VARIANT_ID", TEXT, ""),
    "Lemon Squeezy's variant of the monthly plan",
    ("LEMON_SQUEEZY_PRO_YEARLY_VARIANT_ID", TEXT, ""),
    "Lemon Squeezy's variant of the yearly plan",
    ("LEMON_SQUEEZY_PRO_LIFETIME_VARIANT_ID", TEXT, ""),
    "Lemon Squeezy's variant of the plan that is bought once",
    ("TICKETS_STRIPE_SECRET_KEY", TEXT, ""),
    "Tickets paid with Stripe Checkout: the key of this site's account",
    ("TICKETS_STRIPE_WEBHOOK_SECRET", WORDS, ""),
    "Secret of the endpoint `/webhooks/tickets/<provider>`, here `stripe`",
    ("TICKETS_PAYSTACK_SECRET_KEY", TEXT, ""),
    "Tickets paid with Paystack: the secret key, which signs its webhooks too",
    ("TICKETS_FLUTTERWAVE_SECRET_KEY", TEXT, ""),
    "Tickets paid with Flutterwave (v3): the secret key",
    ("TICKETS_FLUTTERWAVE_SECRET_HASH", WORDS, ""),
    "The secret hash of its webhook",
    ("AI_URL", TEXT, ""),
    "Endpoint of the form of OpenAI’s API, such as `https://api.openai.com/v1`, or your own. Without one nothing is "
    "suggested or screened",
    ("AI_KEY", TEXT, ""),
    "Its key",
    ("AI_MODEL", TEXT, "gpt-4o-mini"),
    "Which of its models writes",
    ("AI_MODERATION_MODEL", TEXT, "", "its usual one"),
    "Which of its models looks at flyers, where an admin switches that on",
    ("SUPER_ADMIN_EMAILS", TEXT, ""),
    "Admins, parted by commas. They need an account with this address, proven",
    ("SUPER_ADMIN_REQUIRE_2FA", SWITCH, None, "on in production"),
    "Whether admins need a second factor before the admin side opens",
    ("METRICS_TOKEN", TEXT, ""),
    "Bearer token for `/metrics`. Without one there are no metrics",
    ("CRON_TOKEN", WORDS, ""),
    "Bearer token for `/cron/<job>`, by which jobs are begun from outside. Several, parted by commas, while one is "
    "replaced",
    ("DEPLOYMENT_INGEST_TOKEN", WORDS, ""),
    "Token for `/railway/deployments/ingest`, by which releases are told; as a bearer, or as `?token=` where only an "
    "address can be given. Several, parted by commas, while one is replaced",
    ("RELEASE_ID", TEXT, "", "`RAILWAY_DEPLOYMENT_ID`"),
    "What this version is called by whoever deploys it: the id of its deployment",
    ("RAILWAY_DEPLOYMENT_ID", TEXT, ""),
    "The same, as Railway sets it",
    ("AUTH_GOOGLE_ID", TEXT, ""),
    "Sign-in with Google. The redirect address there is `SITE_URL/auth/callback/google`, and alike for the others",
    ("AUTH_GOOGLE_SECRET", TEXT, ""),
    "Its client's secret",
    ("AUTH_MICROSOFT_ID", TEXT, ""),
    "Sign-in with Microsoft",
    ("AUTH_MICROSOFT_SECRET", TEXT, ""),
    "Its client's secret",
    ("AUTH_MICROSOFT_TENANT", TEXT, "common"),
    "Who may: `common` (anybody), `organizations`, `consumers` or a tenant's id",
    ("AUTH_APPLE_ID", TEXT, ""),
    "Sign-in with Apple: the services id",
    ("AUTH_APPLE_TEAM_ID", TEXT, ""),
    "The team it belongs to",
    ("AUTH_APPLE_KEY_ID", TEXT, ""),
    "The id of its key",
    ("AUTH_APPLE_PRIVATE_KEY", TEXT, ""),
    "The content of the key's `.p8` file; on one line, write `\\n` for each end of a line",
    ("AUTH_OIDC_ISSUER", TEXT, ""),
    "Any other OpenID Connect issuer: its address",
    ("AUTH_OIDC_ID", TEXT, ""),
    "The client there",
    ("AUTH_OIDC_SECRET", TEXT, ""),
    "Its secret",
    ("AUTH_OIDC_LABEL", TEXT, "your organization"),
    "What its button says after “Continue with”",
    ("APPLE_PASS_TYPE", TEXT, ""),
    "Tickets in Apple's wallet: the pass type identifier",
    ("APPLE_PASS_TEAM", TEXT, ""),
    "The team it belongs to",
    ("APPLE_PASS_CERTIFICATE", TEXT, ""),
    "The pass type's certificate and its private key, one after the other (PEM)",
    ("APPLE_PASS_INTERMEDIATE", TEXT, ""),
    "Apple's WWDR certificate that it was issued by (PEM)",
    ("GOOGLE_WALLET_ISSUER", TEXT, ""),
    "Tickets in Google's wallet: the issuer's number",
    ("GOOGLE_WALLET_ACCOUNT", TEXT, ""),
    "The service account's address",
    ("GOOGLE_WALLET_KEY", TEXT, ""),
    "Its private key (PEM)",
)


@dataclass(frozen=True)
class Variable:
    name: str
    kind: tuple[str, Any]  # the word of environs, and its validator
    default: Any
    shown: str  # the default in words, where it depends
    help: str

    def read(self, env):
        """Its value; what can't be taken is the default, and env.seal() tells of it."""
        kind, rule = self.kind
        if self.kind is WORDS:
            return tuple(word.strip() for word in env.list(self.name, []) or () if word.strip())
        value = getattr(env, kind)(self.name, self.default, validate=rule)
        return self.default if value is None else value


def _variable(row, help):
    name, kind, default, *shown = row
    return Variable(name, kind, default, "".join(shown), help)


VARIABLES = tuple(_variable(row, help) for row, help in zip(_TABLE[::2], _TABLE[1::2], strict=True))

# Words of a few, in any case
CHOSEN = {row.name for row in VARIABLES if isinstance(row.kind[1], validate.OneOf)}


# --- what a value can be ------------------------------------------------------------------------------------


def is_endpoint(url, needs_tls):
    """Whether an address may be asked: where letters could be read on the way, only on this machine; none is fine."""
    parts = urlsplit(url)
    is_open = parts.scheme == "http" and (not needs_tls or parts.hostname in urls.LOCAL)
    return not url or (bool(parts.hostname) and (parts.scheme == "https" or is_open))


def is_apples(key):
    """Whether it is a private key such as Apple gives (PEM, P-256)."""
    found = private(key)
    return isinstance(found, ec.EllipticCurvePrivateKey) and found.curve.name == "secp256r1"


def private(pem):
    """The private key that a PEM holds; None where it holds none that is readable without a word."""
    try:
        return load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError):
        return None


def is_certificate(pem):
    """Whether it is a certificate (PEM)."""
    try:
        return bool(x509.load_pem_x509_certificate(pem.encode()))
    except ValueError:
        return False


# --- where files and copies lie ----------------------------------------------------------------------------

_STORAGE = r"s3(\+http)?://[^:@/\s]+:[^:@/\s]+@[\w.:-]+/[a-z0-9.-]+(\?region=[\w-]+)?"
_SFTP = r"sftp://[^:@/\s]+@[\w.-]+(:[1-9]\d{0,4})?(/[^\s?#]*)?"
_SSH_KEY = re.compile(r"-----BEGIN (OPENSSH |RSA |EC )?PRIVATE KEY-----\s")
_HOST_KEY = re.compile(r"[a-z0-9@.-]+ AAAA[A-Za-z0-9+/]+={0,3}( .*)?")


def wrong_places(c, is_open):
    """Rows (variable, whether it is wrong, why) of a configuration's; `is_open` says why nothing may go in the clear,
    where that is so."""
    storage, is_sftp = "must be s3://key:secret@host/bucket", c.backup_url.startswith("sftp:")
    scanned = "must be the public key of the server, such as ssh-ed25519 AAAA…: ssh-keyscan tells it"
    for name, url, form in (("FILES_URL", c.files_url, _STORAGE), ("BACKUP_URL", c.backup_url, f"{_STORAGE}|{_SFTP}")):
        more = " or sftp://user@host/path" if name == "BACKUP_URL" else ""
        yield name, url and not re.fullmatch(form, url), f"{storage}{more}"
        yield name, is_open and url.startswith("s3+"), is_open.format("write s3://")
    yield "BACKUP_SSH_KEY", is_sftp and not _SSH_KEY.match(c.backup_ssh_key), "must be a private key (OpenSSH)"
    yield "BACKUP_SSH_HOST_KEY", is_sftp and not _HOST_KEY.fullmatch(c.backup_ssh_host_key), scanned
    yield "BACKUP_RECIPIENTS", c.backup_url and not c.backup_recipients, "is required with BACKUP_URL"
    yield "BACKUP_RECIPIENTS", not all(map(_is_recipient, c.backup_recipients)), "must be keys of age (age1…)"


def _is_recipient(key):
    pyrage = import_module("pyrage")  # few sites have copies encrypted, and the others needn't hold it
    try:
        pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError:
        return False
    return True

"""What the environment may say: all problems at once, by name and never by value."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from database import late
from domain.base import configuration
from domain.base.configuration import Misconfigured
from domain.base.variables import VARIABLES

TOP = Path(__file__).resolve().parent.parent
SECRET = "not-to-be-seen-" * 4


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    """An environment without a word of ours."""
    for name in list(os.environ):
        if name.removesuffix("_FILE") in NAMES:
            monkeypatch.delenv(name)


NAMES = {variable.name for variable in VARIABLES}


@pytest.fixture
def load(monkeypatch, tmp_path):
    def read(**given):
        for name, value in ({"GUILDHALL_DATA": str(tmp_path / "data")} | given).items():
            monkeypatch.setenv(name, value)
        return configuration.load()

    return read


PRODUCTION = {
    "GUILDHALL_ENV": "production",
    "SECRET_KEY": SECRET,
    "SITE_URL": "https://hall.example.org",
    "SMTP_URL": "smtps://user:pass@mail.example.org",
}


def problems(load, **given):
    """The names that were complained of."""
    with pytest.raises(Misconfigured) as refused:
        load(**given)
    assert "Guildhall can't start" in str(refused.value)
    return re.findall(r"^  - ([A-Z0-9_]+): ", str(refused.value), re.M), str(refused.value)


def test_with_nothing_set_it_runs(load, tmp_path):
    found = load()
    assert (found.env, found.production, found.port, found.host) == ("development", False, 8000, "127.0.0.1")
    assert found.site_url == "http://localhost:8000"
    assert found.database_url == f"sqlite:///{tmp_path / 'data' / 'guildhall.db'}"
    assert found.billing_provider == "sandbox"
    assert (found.workers, found.jobs, found.trusted_proxies) == (1, True, 0)
    assert found.super_admin_emails == ()
    assert len(found.secret_key) >= 32


def test_an_empty_value_is_no_value(load):
    found = load(
        SITE_URL="",
        SECRET_KEY="",
        DATABASE_URL="",
        BILLING_PROVIDER="",
        GUILDHALL_ENV="",
        SUPER_ADMIN_EMAILS="",
        SMTP_URL="",
    )
    assert found.site_url == "http://localhost:8000"
    assert found.billing_provider == "sandbox"
    assert found.super_admin_emails == ()


@pytest.mark.parametrize(
    "name",
    [
        "PORT",
        "WORKERS",
        "THREADS",
        "JOBS",
        "TRUSTED_PROXIES",
        "PAGES_PER_MINUTE",
        "HOST",
        "MAIL_FROM",
        "MAIL_AUTH_FROM",
        "RATE_LIMIT_STORAGE",
    ],
)
def test_an_empty_line_of_the_example_is_no_mistake(load, name):
    """`.env.example` copied as it is, with values left empty, must start."""
    found = load(**{name: ""})
    assert getattr(found, name.lower()) == getattr(configuration.Configuration(), name.lower())


def test_the_secret_key_is_made_once_kept_and_private(load, tmp_path):
    first = load().secret_key
    assert load().secret_key == first
    path = tmp_path / "data" / "secret.key"
    assert path.read_text().strip() == first
    assert path.stat().st_mode & 0o077 == 0


def test_all_problems_are_told_at_once_by_name(load):
    names, told = problems(
        load,
        GUILDHALL_ENV="production",
        SECRET_KEY="short-" + SECRET[:10],
        SITE_URL="ftp://nowhere",
        DATABASE_URL="mysql://root:hunter2@db/x",
        SMTP_URL="imap://user:hunter2@mail",
        BILLING_PROVIDER="stripe",
    )
    assert {
        "SECRET_KEY",
        "SITE_URL",
        "DATABASE_URL",
        "SMTP_URL",
        "STRIPE_SECRET_KEY",
        "STRIPE_PRO_MONTHLY_PRICE_ID",
    } <= set(names)
    for value in ("short-", "ftp://", "mysql", "hunter2", "imap"):
        assert value not in told or value in "https://hall.example.org smtps://"


def test_values_of_the_wrong_kind_are_told_at_once_and_without_the_value(load):
    names, told = problems(
        load,
        PORT="eighty-secret",
        WORKERS="0",
        THREADS="2",
        JOBS="sometimes-secret",
        GUILDHALL_ENV="prod-secret",
        PAGES_PER_MINUTE="-5",
    )
    assert {"PORT", "WORKERS", "THREADS", "JOBS", "GUILDHALL_ENV", "PAGES_PER_MINUTE"} <= set(names)
    assert "secret" not in told


def test_problems_of_both_sorts_are_told_together(load):
    names, _ = problems(load, PORT="eighty", DATABASE_URL="mysql://x", SMTP_URL="imap://x")
    assert {"PORT", "DATABASE_URL", "SMTP_URL"} <= set(names)


def test_production_asks_for_what_it_needs_and_then_runs(load):
    names, _ = problems(load, GUILDHALL_ENV="production")
    assert set(names) == {"SECRET_KEY", "SITE_URL", "SMTP_URL"}
    found = load(**PRODUCTION)
    assert found.production
    assert found.billing_provider == "none"
    assert found.secret_key == SECRET


def test_production_is_https_alone(load):
    assert problems(load, **PRODUCTION | {"SITE_URL": "http://hall.example.org"})[0] == ["SITE_URL"]


def test_the_sandbox_is_refused_in_production(load):
    assert problems(load, **PRODUCTION, BILLING_PROVIDER="sandbox")[0] == ["BILLING_PROVIDER"]


def test_a_stripe_key_alone_turns_stripe_on_and_asks_for_the_rest(load):
    assert problems(load, STRIPE_SECRET_KEY="sk_test_" + SECRET)[0] == [
        "STRIPE_WEBHOOK_SECRET",
        "STRIPE_PRO_MONTHLY_PRICE_ID",
    ]
    found = load(
        STRIPE_SECRET_KEY=" sk_test_x ",
        STRIPE_PRO_YEARLY_PRICE_ID="price_y",
        STRIPE_WEBHOOK_SECRET="whsec_new, whsec_old,",
    )
    assert found.billing_provider == "stripe"
    assert found.payment_prices == {"pro_yearly": "price_y"}
    assert found.payment_webhook_secrets == ("whsec_new", "whsec_old")


def test_several_workers_need_a_server_and_shared_counting(load):
    assert set(problems(load, WORKERS="2")[0]) == {"WORKERS", "RATE_LIMIT_STORAGE"}
    assert problems(load, WORKERS="2", RATE_LIMIT_STORAGE="redis://localhost")[0] == ["WORKERS"]
    found = load(WORKERS="2", RATE_LIMIT_STORAGE="redis://localhost", DATABASE_URL="postgresql://localhost/hall")
    assert found.workers == 2


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("SECRET_KEY", "secret_key"),
        ("STRIPE_SECRET_KEY", "payment_key"),
        ("METRICS_TOKEN", "metrics_token"),
        ("SMTP_URL", "smtp_url"),
        ("DATABASE_URL", "database_url"),
    ],
)
def test_a_secret_may_stand_in_a_file(load, tmp_path, name, attribute):
    values = {"SMTP_URL": "smtp://mail.example.org", "DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    path = tmp_path / "secret"
    path.write_text(values.get(name, SECRET) + "\n")
    more = {"STRIPE_PRO_MONTHLY_PRICE_ID": "price_m", "STRIPE_WEBHOOK_SECRET": "whsec_x"}
    found = load(**{f"{name}_FILE": str(path)}, **more)
    assert getattr(found, attribute) == values.get(name, SECRET)


@pytest.mark.parametrize(
    ("provider", "more", "missing"),
    [
        ("polar", {}, ["POLAR_ACCESS_TOKEN", "POLAR_WEBHOOK_SECRET", "POLAR_PRO_MONTHLY_PRODUCT_ID"]),
        (
            "lemon_squeezy",
            {"LEMON_SQUEEZY_STORE_ID": "my store"},
            [
                "LEMON_SQUEEZY_API_KEY",
                "LEMON_SQUEEZY_WEBHOOK_SECRET",
                "LEMON_SQUEEZY_PRO_MONTHLY_VARIANT_ID",
                "LEMON_SQUEEZY_STORE_ID",
            ],
        ),
    ],
)
def test_a_provider_wants_its_own_variables_and_no_others(load, provider, more, missing):
    assert problems(load, BILLING_PROVIDER=provider, **more)[0] == missing


def test_only_the_active_providers_variables_count(load):
    found = load(
        BILLING_PROVIDER="polar",
        POLAR_ACCESS_TOKEN="polar_x",
        POLAR_WEBHOOK_SECRET="a, b",
        POLAR_SERVER="sandbox",
        POLAR_PRO_YEARLY_PRODUCT_ID="p",
        STRIPE_SECRET_KEY="sk_live_x",
        STRIPE_PRO_MONTHLY_PRICE_ID="price_1",
    )
    assert (found.payment_key, found.payment_webhook_secrets) == ("polar_x", ("a", "b"))
    assert (found.payment_prices, found.payment_live) == ({"pro_yearly": "p"}, False)


def test_several_webhook_secrets_may_stand_in_a_file(load, tmp_path):
    (tmp_path / "hooks").write_text("whsec_new,whsec_old\n")
    found = load(
        STRIPE_SECRET_KEY="sk_test_x",
        STRIPE_PRO_MONTHLY_PRICE_ID="price_1",
        STRIPE_WEBHOOK_SECRET_FILE=str(tmp_path / "hooks"),
    )
    assert found.payment_webhook_secrets == ("whsec_new", "whsec_old")


def test_a_file_that_is_not_there_is_told_by_name(load, tmp_path):
    names, told = problems(load, SECRET_KEY_FILE=str(tmp_path / "missing"))
    assert names == ["SECRET_KEY"]
    assert "missing" not in told


def test_what_is_secret_is_not_in_a_printed_configuration(load):
    found = load(
        SECRET_KEY=SECRET,
        STRIPE_SECRET_KEY=SECRET,
        STRIPE_WEBHOOK_SECRET=SECRET,
        METRICS_TOKEN=SECRET,
        SMTP_URL=f"smtp://u:{SECRET}@m",
        STRIPE_PRO_MONTHLY_PRICE_ID="p",
        DATABASE_URL=f"postgresql://u:{SECRET}@localhost/x",
    )
    assert SECRET not in repr(found)


GOOGLE = {"AUTH_GOOGLE_ID": "id", "AUTH_GOOGLE_SECRET": SECRET}
MICROSOFT = {"AUTH_MICROSOFT_ID": "id", "AUTH_MICROSOFT_SECRET": SECRET}
OIDC = {"AUTH_OIDC_ISSUER": "https://login.example.org/", "AUTH_OIDC_ID": "id", "AUTH_OIDC_SECRET": SECRET}


def apple():
    key = ECKey.generate_key("P-256").as_pem(private=True).decode()
    return {
        "AUTH_APPLE_ID": "id",
        "AUTH_APPLE_TEAM_ID": "team",
        "AUTH_APPLE_KEY_ID": "key",
        "AUTH_APPLE_PRIVATE_KEY": key,
    }


def test_ways_to_sign_in_elsewhere_are_offered_where_they_are_configured(load):
    assert load().identity_providers == ()
    found = load(**GOOGLE, **MICROSOFT, **apple(), **OIDC).identity_providers
    assert [(one.name, one.label, one.issuer) for one in found] == [
        ("google", "Google", "https://accounts.google.com"),
        ("microsoft", "Microsoft", "https://login.microsoftonline.com/common/v2.0"),
        ("apple", "Apple", "https://appleid.apple.com"),
        ("oidc", "your organization", "https://login.example.org"),
    ]
    assert SECRET not in repr(found)
    assert "PRIVATE KEY" not in repr(found)


def test_a_tenant_and_a_label_may_be_chosen(load):
    (found,) = load(**MICROSOFT, AUTH_MICROSOFT_TENANT="example.org").identity_providers
    assert found.issuer == "https://login.microsoftonline.com/example.org/v2.0"
    assert load(**OIDC, AUTH_OIDC_LABEL="the Hall").identity_providers[-1].label == "the Hall"


def test_apples_key_may_stand_on_one_line(load):
    values = apple()
    key = values["AUTH_APPLE_PRIVATE_KEY"].strip()
    values["AUTH_APPLE_PRIVATE_KEY"] = key.replace("\n", "\\n")
    assert load(**values).identity_providers[0].private_key == key


@pytest.mark.parametrize("provider", [GOOGLE, MICROSOFT, OIDC, apple()], ids=["google", "microsoft", "oidc", "apple"])
def test_a_half_configured_provider_is_told_by_what_is_missing(load, provider):
    for missing in provider:
        with pytest.MonkeyPatch.context() as patch:
            for name in provider:
                patch.delenv(name, raising=False)
            rest = {name: value for name, value in provider.items() if name != missing}
            assert problems(load, **rest)[0] == [missing]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AUTH_APPLE_PRIVATE_KEY", "no key"),
        ("AUTH_APPLE_PRIVATE_KEY", ECKey.generate_key("P-384").as_pem(private=True).decode()),
        ("AUTH_MICROSOFT_TENANT", "a/../b"),
        ("AUTH_OIDC_ISSUER", "login.example.org"),
        ("AUTH_OIDC_ISSUER", "https://login.example.org?x=1"),
        ("AUTH_OIDC_ISSUER", "file:///etc/passwd"),
    ],
)
def test_what_can_not_be_a_providers_is_told(load, name, value):
    names, told = problems(load, **apple() | MICROSOFT | OIDC | {name: value})
    assert names == [name]
    assert value not in told or value in "https://hall.example.org smtps://"


def test_an_issuer_is_https_in_production(load):
    plain = OIDC | {"AUTH_OIDC_ISSUER": "http://localhost:9400"}
    assert load(**plain).identity_providers[0].issuer == "http://localhost:9400"
    assert problems(load, **PRODUCTION, **plain)[0] == ["AUTH_OIDC_ISSUER"]


def test_admins_by_environment_are_compared_without_case(load):
    assert load(SUPER_ADMIN_EMAILS="Ada@Example.org, ,bob@x.org").super_admin_emails == ("ada@example.org", "bob@x.org")


def test_streams_leave_half_of_the_threads_to_others(load):
    assert load(THREADS="10").stream_limit == 5


def test_admins_need_a_second_factor_in_production_and_where_it_is_asked_for(load):
    assert not load().super_admin_require_2fa
    assert load(SUPER_ADMIN_REQUIRE_2FA="1").super_admin_require_2fa
    assert load(**PRODUCTION, SUPER_ADMIN_REQUIRE_2FA="").super_admin_require_2fa
    assert not load(**PRODUCTION, SUPER_ADMIN_REQUIRE_2FA="0").super_admin_require_2fa
    assert problems(load, SUPER_ADMIN_REQUIRE_2FA="perhaps")[0] == ["SUPER_ADMIN_REQUIRE_2FA"]


# --- parsed whole --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("HTTPS://Hall.Example.Org", "https://hall.example.org"),
        (" https://hall.example.org/ ", "https://hall.example.org"),
        ("https://hall.example.org:443", "https://hall.example.org"),
        ("https://hall.example.org.", "https://hall.example.org"),
        ('"https://hall.example.org:8443"', "https://hall.example.org:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_report_01_an_address_has_one_form(load, given, kept):
    assert load(**PRODUCTION | {"SITE_URL": given}).site_url == kept


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("SITE_URL", f"https://hall.example.org{rest}") for rest in ("/hall", "?x=1", "#top", ":99999", ":0", ":x")),
        *(
            ("SITE_URL", url)
            for url in ("https://", "hall.example.org", "https://a b.org", "https://u:p@x.org", "https://[")
        ),
        *(
            ("SITE_URL", url)
            for url in ("https://hall..example.org", "https://hall,example.org", "https:/hall.example.org")
        ),
        ("SMTP_URL", "smtps://user:pa#ss@mail.example.org"),
        ("SMTP_URL", "smtps://user:pa/ss@mail.example.org"),
        ("SMTP_URL", "smtps://user:pass@mail.example.org:99999"),
        ("SMTP_URL", "smtps://"),
        ("SMTP_URL", "mail.example.org"),
        ("MAIL_FROM", "Hall <hall@example.org>"),
        ("MAIL_FROM", "hall@example..org"),
        ("MAIL_FROM", "a:hall@example.org"),
        ("MAIL_AUTH_FROM", "Hall <hall@example.org>"),
        ("SUPER_ADMIN_EMAILS", "ada@example.org, nobody"),
        ("SUPER_ADMIN_EMAILS", "Ada <ada@example.org>"),
        ("DATABASE_URL", "postgresql://db.example.org:99999/hall?sslmode=require"),
        ("RATE_LIMIT_STORAGE", "reddis://localhost"),
    ],
)
def test_report_01_what_can_not_work_is_told_by_name_at_the_start(load, name, value):
    names, told = problems(load, **PRODUCTION | {name: value})
    assert names == [name]
    assert value not in told or value in "https://hall.example.org smtps://"


def test_report_01_words_in_any_case_and_lists_with_any_comma(load):
    found = load(**PRODUCTION | {"GUILDHALL_ENV": "Production", "SMTP_URL": "SMTPS://u:p%23@mail.example.org"})
    assert (found.env, found.smtp_url) == ("production", "smtps://u:p%23@mail.example.org")
    found = load(SUPER_ADMIN_EMAILS="Ada@Example.org; bob@example.org\ncharlie@bücher.example")
    assert found.super_admin_emails == ("ada@example.org", "bob@example.org", "charlie@xn--bcher-kva.example")


@pytest.mark.parametrize(
    ("host", "site"),
    [
        ("0.0.0.0", "localhost"),
        ("::", "localhost"),
        ("127.0.0.1", "localhost"),
        ("192.0.2.7", "192.0.2.7"),
        ("fe80::1", "[fe80::1]"),
    ],
)
def test_report_01_no_link_leads_to_every_address_at_once(load, host, site):
    assert load(HOST=host).site_url == f"http://{site}:8000"


@pytest.mark.parametrize(
    ("name", "bare", "sealed"),
    [
        ("SMTP_URL", "smtp://mail.example.org", "smtp+starttls://mail.example.org"),
        ("RATE_LIMIT_STORAGE", "redis://redis.example.org", "rediss://redis.example.org"),
        ("DATABASE_URL", "postgresql://db.example.org/hall", "postgresql://db.example.org/hall?sslmode=verify-full"),
    ],
)
def test_production_wants_tls_to_other_machines_unless_told_otherwise(load, name, bare, sealed):
    assert problems(load, **PRODUCTION | {name: bare})[0] == [name]
    assert load(**PRODUCTION | {name: sealed}).production
    assert load(**PRODUCTION | {name: bare, "ALLOW_PLAINTEXT": "1"}).production


def test_databases_on_this_machine_and_several_hosts_are_fine(load):
    for url in (
        "postgresql://localhost/hall",
        "postgresql:///hall",
        "postgresql://%2Frun%2Fpostgresql/hall",
        "postgresql://a.example.org:5432,b.example.org:5433/hall?sslmode=require",
    ):
        assert load(**PRODUCTION | {"DATABASE_URL": url, "ALLOW_PLAINTEXT": ""}).database_url == url


@pytest.mark.parametrize("parted", [",", " , ", "\n", ",\n"])
def test_keys_before_the_present_one_are_parted_by_commas_or_lines(load, parted):
    older, oldest = "o" * 32, "p" * 40
    found = load(SECRET_KEY=SECRET, SECRET_KEY_FALLBACKS=f"{older}{parted}{oldest}{parted}")
    assert (found.secret_key, found.secret_key_fallbacks) == (SECRET, (older, oldest))
    assert older not in repr(found)


def test_half_a_key_before_the_present_one_is_refused(load):
    names, told = problems(load, SECRET_KEY=SECRET, SECRET_KEY_FALLBACKS="o" * 32 + ",short-and-secret")
    assert names == ["SECRET_KEY_FALLBACKS"]
    assert "short-and-secret" not in told


def test_a_late_library_is_loaded_by_the_first_who_asks():
    sys.modules.pop("colorsys", None)
    library = late.Late("colorsys")
    assert "colorsys" not in sys.modules
    assert library.rgb_to_hsv(0, 0, 0) == (0.0, 0.0, 0)
    assert "colorsys" in sys.modules


def test_a_server_holds_no_library_that_only_some_ask_for():
    """Each `Late("name")` in our code, after the whole application was imported (`memory_mb`)."""
    ours = [path for room in ("database", "domain", "views", "jobs") for path in (TOP / room).rglob("*.py")]
    named = {name for path in ours for name in re.findall(r'Late\("([a-z0-9_]+)', path.read_text(), re.I)}
    script = "import sys\nfrom views import factory as f\nfor m in f.features(f.configuration.load()): __import__(m)\nprint(*sys.modules)"
    told = configuration.environment() | {"GUILDHALL_ENV": "test"}
    loaded = subprocess.run([sys.executable, "-c", script], cwd=TOP, env=told, capture_output=True, text=True)
    assert "domain.people.passkeys" in loaded.stdout, loaded.stderr
    assert {"zxingcpp", "mrml", "lark", "authlib"} <= named
    assert named & set(loaded.stdout.split()) <= {"zstandard"}, "urllib3 loads it where it finds it"


def test_the_process_that_looks_after_the_workers_holds_nothing_of_what_they_serve():
    told = configuration.environment() | {"GUILDHALL_ENV": "test"}
    script = "import sys, app, views.safety.worker\nprint(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=TOP, env=told, capture_output=True, text=True)
    assert "gunicorn.workers.gthread" in loaded.stdout, loaded.stderr
    assert {"models", "peewee", "flask", "jinja2", "stripe", "psycopg"} & set(loaded.stdout.split()) == set()


def test_a_process_beside_this_one_reads_no_file_that_stands_before_what_it_is_told(unhoused, monkeypatch):
    monkeypatch.setenv("DATABASE_URL_FILE", "/run/secrets/database")
    monkeypatch.setenv("SECRET_KEY_FILE", "/run/secrets/key")
    monkeypatch.setenv("SMTP_URL_FILE", "/run/secrets/smtp")
    told = configuration.environment(DATABASE_URL="sqlite:///copy.db")
    assert {"DATABASE_URL_FILE", "SECRET_KEY_FILE"} & told.keys() == set()
    assert (told["DATABASE_URL"], told["SECRET_KEY"]) == ("sqlite:///copy.db", "k" * 40)
    assert told["SMTP_URL_FILE"] == "/run/secrets/smtp"


def test_letters_leave_by_one_way(load):
    whole = PRODUCTION | {"RESEND_API_KEY": "re_1", "RESEND_WEBHOOK_SECRET": "whsec_" + "A" * 32}
    assert problems(load, **whole)[0] == ["RESEND_API_KEY"]
    assert load(**whole | {"SMTP_URL": ""}).sends_mail
    assert problems(load, **whole | {"SMTP_URL": "", "RESEND_WEBHOOK_SECRET": SECRET})[0] == ["RESEND_WEBHOOK_SECRET"]


SSH = {
    "BACKUP_SSH_KEY": "-----BEGIN OPENSSH PRIVATE KEY-----\\nAAAA\\n-----END OPENSSH PRIVATE KEY-----",
    "BACKUP_SSH_HOST_KEY": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIGfA keeper",
    "BACKUP_RECIPIENTS": "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
}


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"BACKUP_URL": "sftp://keeper@far.example.org:23/guildhall"}, []),
        ({"BACKUP_URL": "sftp://keeper@far.example.org"}, []),
        ({"BACKUP_URL": "s3://key:secret@far.example.org/bucket?region=eu-1", "BACKUP_SSH_KEY": ""}, []),
        ({"BACKUP_URL": "sftp://keeper:password@far.example.org/"}, ["BACKUP_URL"]),
        ({"BACKUP_URL": "sftp://far.example.org/guildhall"}, ["BACKUP_URL"]),
        ({"BACKUP_URL": "ftp://keeper@far.example.org/"}, ["BACKUP_URL"]),
        ({"BACKUP_URL": "sftp://keeper@far.example.org/", "BACKUP_SSH_KEY": ""}, ["BACKUP_SSH_KEY"]),
        ({"BACKUP_URL": "sftp://keeper@far.example.org/", "BACKUP_SSH_HOST_KEY": "far"}, ["BACKUP_SSH_HOST_KEY"]),
        ({"BACKUP_URL": "sftp://keeper@far.example.org/", "BACKUP_RECIPIENTS": ""}, ["BACKUP_RECIPIENTS"]),
        ({"FILES_URL": "sftp://keeper@far.example.org/"}, ["FILES_URL"]),
        (PRODUCTION | {"FILES_URL": "s3+http://key:secret@far.example.org/bucket"}, ["FILES_URL"]),
    ],
)
def test_where_files_and_copies_lie_is_an_address_with_all_that_it_needs(load, given, wrong):
    if wrong:
        names, told = problems(load, **SSH | given)
        assert names == wrong
        assert not given[wrong[0]] or given[wrong[0]] not in told
    else:
        made = load(**SSH | given)
        assert made.backup_url == given["BACKUP_URL"]
        assert "\n" in made.backup_ssh_key or not made.backup_ssh_key
        assert made.backup_ssh_key not in repr(made) or not made.backup_ssh_key

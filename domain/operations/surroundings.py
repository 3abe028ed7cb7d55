"""What the site can't see of itself: until when its certificate holds, and whether this machine's clock is right.

A job asks now and then, and keeps what it was told in a row of Attention's; nobody waits for it.
"""

import contextlib
import socket
import ssl
import statistics
import time
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
from cryptography import x509

from database.clock import now
from database.connections import database
from database.transactions import writes
from domain.base import configuration
from domain.base.letters import resend
from models import Attention

PATIENCE = 5  # seconds for each that is asked
KEY = "surroundings"
SOON = timedelta(days=14)  # before its end, in which a certificate should have been renewed
MOST_OFF = 60  # seconds; signed webhooks and codes of apps are refused beyond a few minutes
FORGOTTEN = timedelta(days=2)  # without a look


def look():
    """Ask, and keep what was found; returns how many answers there were."""
    until = _certificate_until(configuration.active.site_url)
    off = _clock_off()
    found = {"certificate_until": until and until.isoformat(), "clock_off": off}
    _keep([found])
    return sum(value is not None for value in found.values())


@writes
def _keep(lines):
    values = {Attention.lines: lines, Attention.looked_at: now()}
    Attention.insert(key=KEY, lines=lines, looked_at=now()).on_conflict(
        conflict_target=[Attention.key], update=values
    ).execute()


def _last_look():
    """What was found last, or nothing where that is long ago."""
    row = Attention.one(Attention.key == KEY)
    return row.lines[0] if row and row.looked_at > now() - FORGOTTEN else {}


def certificate_end():
    """When the certificate of SITE_URL ends, where that is soon; else None."""
    until = _last_look().get("certificate_until")
    until = until and datetime.fromisoformat(until)
    return until if until and until < now() + SOON else None


def seconds_off():
    """By how many seconds this machine's clock is ahead (negative: behind), where that is too much; else 0."""
    off = _last_look().get("clock_off") or 0
    return off if abs(off) > MOST_OFF else 0


def _certificate_until(url):
    """None where it has none, or can't be reached from here. Who signed it is for browsers to judge."""
    address = urlsplit(url)
    if address.scheme != "https":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # an expired one, too, is to be read
    with contextlib.suppress(OSError, ValueError):
        with (
            socket.create_connection((address.hostname, address.port or 443), PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=address.hostname) as sealed,
        ):
            given = sealed.getpeercert(binary_form=True) or b""
        return x509.load_der_x509_certificate(given).not_valid_after_utc
    return None


def _clock_off():
    """Whole seconds that this clock is ahead of those that the site deals with anyway; the middle one counts, so that a
    single wrong one says nothing where there are three. None where none answers."""
    told = [off for off in (_off_by_head(url) for url in _peers()) if off is not None]
    if there := database.clock():
        told.append(time.time() - there)
    return round(statistics.median(told)) if told else None


def _peers():
    """The addresses of servers elsewhere that the configuration names."""
    chosen = configuration.active
    for url in (chosen.backup_url, chosen.files_url):
        if url.startswith("s3"):
            address = urlsplit(url)
            yield f"{'http' if address.scheme == 's3+http' else 'https'}://{address.netloc.rpartition('@')[2]}/"
    if chosen.resend_api_key:
        yield resend.BASE
    if chosen.billing_provider == "stripe":
        yield STRIPE


STRIPE = "https://api.stripe.com/"


def _off_by_head(url):
    """By the date that any answer bears, also a refusal."""
    with contextlib.suppress(requests.RequestException, ValueError):
        asked = time.time()
        date = requests.head(url, timeout=PATIENCE, allow_redirects=False).headers.get("Date", "")
        there = parsedate_to_datetime(date).timestamp()
        return (asked + time.time()) / 2 - there
    return None

import ssl
import threading
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domain.base import configuration
from domain.events.carriers import wallets
from domain.operations import attention, surroundings
from domain.people import admins


def certificate(folder, ends_in):
    """A file with a key and a certificate that nobody vouches for."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hall")])
    made = x509.CertificateBuilder(subject_name=name, issuer_name=name, public_key=key.public_key(), serial_number=7)
    made = made.not_valid_before(datetime.now(UTC) - timedelta(days=90)).not_valid_after(datetime.now(UTC) + ends_in)
    file = folder / "pair.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def served(pair=None, off=0):
    """A server whose clock is `off` so many seconds; its port."""

    class Refuses(BaseHTTPRequestHandler):
        def do_HEAD(self):
            self.send_response_only(403)
            if off is not None:
                self.send_header("Date", format_datetime(datetime.now(UTC) + timedelta(seconds=off), usegmt=True))
            self.end_headers()

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Refuses)
    server.handle_error = lambda *_: None
    if pair:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def use(**values):
    configuration.use(replace(configuration.active, **values))


def words(cast):
    attention.look()
    return [need.words for need in attention.needs(admins.staff(cast.stella), 0)]


@pytest.mark.parametrize(("days", "told"), [(90, ""), (13, "ends"), (-1, "ended")])
def test_a_certificate_that_ends_soon_is_told_whoever_has_signed_it(cast, tmp_path, days, told):
    with served(certificate(tmp_path, timedelta(days=days))) as port:
        use(site_url=f"https://127.0.0.1:{port}")
        surroundings.look()
    found = [line for line in words(cast) if line.startswith("The certificate of https://127.0.0.1")]
    assert len(found) == bool(told)
    assert all(f" {told} at " in line for line in found)


@pytest.mark.parametrize(("days", "told"), [(90, ""), (59, "warn"), (6, "bad"), (-1, "bad")])
def test_the_certificate_of_passes_is_told_two_months_before_its_end(cast, monkeypatch, days, told):
    monkeypatch.setattr(wallets, "ends_at", lambda: datetime.now(UTC) + timedelta(days=days))
    attention.look()
    found = attention.needs(admins.staff(cast.stella), 0)
    assert [need.tone for need in found if "signs passes" in need.words] == ([told] if told else [])


def test_where_nobody_answers_nothing_is_said(cast):
    use(site_url="https://127.0.0.1:1", backup_url="s3+http://k:s@127.0.0.1:1/b")
    assert surroundings.look() == (configuration.active.database_url.startswith("postgres"))
    assert surroundings.certificate_end() is None
    assert surroundings.seconds_off() == 0


@pytest.mark.parametrize(("off", "told"), [(0, ""), (300, "behind"), (-300, "ahead"), (None, "")])
def test_a_clock_that_is_off_is_told_by_what_others_say(cast, sqlite, off, told):
    with served(off=off) as port:
        use(backup_url=f"s3+http://key:secret@127.0.0.1:{port}/bucket")
        surroundings.look()
    assert len([line for line in words(cast) if "clock" in line and told in line]) == bool(told)


def test_a_single_wrong_clock_among_others_says_nothing(cast, monkeypatch):
    with served(off=9000) as wrong, served() as right, served() as too:
        monkeypatch.setattr(
            surroundings, "_peers", lambda: [f"http://127.0.0.1:{port}/" for port in (wrong, right, too)]
        )
        surroundings.look()
    assert surroundings.seconds_off() == 0


def test_what_was_seen_long_ago_is_not_said_any_more(cast, clock, sqlite):
    with served(off=-500) as port:
        use(backup_url=f"s3+http://key:secret@127.0.0.1:{port}/bucket")
        surroundings.look()
    assert surroundings.seconds_off() > 400
    clock.forward(days=3)
    assert surroundings.seconds_off() == 0

"""nginx and Caddy as docs/deploy.md has them, before a real server: who comes through, from where, and what stays inside."""

import datetime
import grp
import os
import pwd
import re
import shutil
import socket
import ssl
import subprocess
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.browser.server import Server, free_port

TOP = Path(__file__).resolve().parent.parent
HOST = "hall.example.org"
TEAM = "/acme-festival"


def snippet(name):
    """The lines under a proxy's name that stand in from the margin."""
    text = (TOP / "docs" / "deploy.md").read_text("utf-8")
    return re.search(rf"^{name}:\n\n((?:    .*\n|\n)+)", text, re.M)[1]


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """(certificate, key) of the host."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
    folder, pem = tmp_path_factory.mktemp("sealed"), serialization.Encoding.PEM
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(pem, *plain))
    return files


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    about = {"SITE_URL": f"https://{HOST}", "TRUSTED_PROXIES": "1"}
    with Server(tmp_path_factory.mktemp("behind"), "demo", **about) as server:
        yield server


def nginx(folder, text, port, seal):
    text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;")
    text = re.sub(r"# ssl_certificate …;.*", f"ssl_certificate {seal[0]}; ssl_certificate_key {seal[1]};", text)
    kept = "".join(f"{name}_temp_path {folder};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    me = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name  # whose the folder is
    (folder / "conf").write_text(
        f"user {' '.join(me)}; daemon off; pid {folder}/pid; error_log {folder}/log; events {{}} http {{ access_log off; {kept} {text} }}"
    )
    return ["nginx", "-p", folder, "-c", folder / "conf"]


def caddy(folder, text, port, seal):
    text = text.replace(f"{HOST} {{", f"{HOST}:{port} {{\n bind 127.0.0.1\n tls {seal[0]} {seal[1]}", 1)
    (folder / "conf").write_text(
        f"{{\n admin off\n auto_https disable_redirects\n storage file_system {folder}\n}}\n{text}"
    )
    return ["caddy", "run", "--adapter", "caddyfile", "--config", folder / "conf"]


def listens(port):
    with closing(socket.socket()) as one:
        return not one.connect_ex(("127.0.0.1", port))


@pytest.fixture(params=["nginx", "Caddy"])
def through(request, sealed, tmp_path):
    """A client of the site by its name, through a proxy."""
    asked = {"nginx": nginx, "Caddy": caddy}[request.param]
    if not shutil.which(asked.__name__):
        pytest.skip(f"there is no {request.param} on this machine")
    behind = request.getfixturevalue("behind")
    text = snippet(request.param).replace("127.0.0.1:8000", behind.url.removeprefix("http://"))
    port, log = free_port(), tmp_path / "said"
    command = asked(tmp_path, text, port, sealed)
    with log.open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=tmp_path)
    until = time.monotonic() + 20
    while not listens(port):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < until
        time.sleep(0.05)
    trusted = ssl.create_default_context(cafile=str(sealed[0]))
    trusted.minimum_version = ssl.TLSVersion.TLSv1_2
    with httpx.Client(
        base_url=f"https://{HOST}:{port}",
        transport=ToLoopback(verify=trusted),
        headers={"Host": HOST, "Origin": f"https://{HOST}"},
        timeout=30,
    ) as client:
        yield client
    process.terminate()
    process.wait(20)


class ToLoopback(httpx.HTTPTransport):
    """Where the name would lead, were it this machine's."""

    def handle_request(self, request):
        there, about = request.url.copy_with(host="127.0.0.1"), {**request.extensions, "sni_hostname": HOST}
        moved = httpx.Request(request.method, there, headers=request.headers, stream=request.stream, extensions=about)
        return super().handle_request(moved)


def test_a_site_behind_it_is_signed_in_to_hears_and_takes_files_and_keeps_what_is_inside(through, behind):
    found = through.get("/sign-in")
    assert found.status_code == 200
    assert "max-age" in found.headers["Strict-Transport-Security"]
    assert [through.get(path).status_code for path in ("/health", "/api/health", "/metrics")] == [404] * 3
    assert httpx.get(f"{behind.url}/health").status_code == 200
    answer = through.post("/dev/sign-in/1")
    assert answer.status_code == 303
    assert "Secure" in answer.headers["Set-Cookie"]
    with through.stream("GET", f"{TEAM}/live") as stream:  # it lasts for minutes, and is heard at once
        assert next(stream.iter_text()).startswith("retry:")
    sent = {"file": ("tasks.csv", b"Title\n" + b"One more task\n" * 200_000, "text/csv")}
    answer = through.post(f"{TEAM}/tasks/imports", files=sent)
    assert answer.status_code == 303, answer.text
    assert through.post("/sign-in", content=b"x" * 2_000_000).status_code == 413


def test_who_asks_through_it_is_counted_by_where_they_come_from(through):
    """Not by what they say of it."""
    wrong = {"email": "mallory@example.org", "password": "nobody's password"}
    asked = [
        through.post("/sign-in", data=wrong, headers={"X-Forwarded-For": f"203.0.113.{number}"}).status_code
        for number in range(12)
    ]
    assert asked[-1] == 429, asked

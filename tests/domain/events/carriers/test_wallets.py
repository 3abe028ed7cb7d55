import io
import json
import subprocess
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from joserfc import jwt
from joserfc.jwk import RSAKey
from PIL import Image

from domain.base import configuration
from domain.events.carriers import wallets

NOON = datetime(2027, 5, 3, 17, 0, 0, 123456, tzinfo=UTC)


def issued(name, issuer=None, by=None):
    """(certificate, key) of a name, by an issuer or by itself."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    built = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer.subject if issuer else subject)
    built = built.public_key(key.public_key()).serial_number(x509.random_serial_number())
    built = built.not_valid_before(datetime.now(UTC) - timedelta(1)).not_valid_after(datetime.now(UTC) + timedelta(90))
    built = built.add_extension(x509.BasicConstraints(issuer is None, None), critical=True)
    return built.sign(by or key, SHA256()), key


def pem(key):
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def authority():
    return issued("Wallet authority")


@pytest.fixture
def apple(authority, unhoused):
    root, root_key = authority
    leaf, key = issued("Pass type", root, root_key)
    shown = [one.public_bytes(serialization.Encoding.PEM).decode() for one in (leaf, root)]
    configuration.use(
        replace(
            configuration.active,
            apple_pass_type="pass.org.example.guildhall",
            apple_pass_team="ABCDE12345",
            apple_pass_certificate=shown[0] + pem(key),
            apple_pass_intermediate=shown[1],
        )
    )
    return shown[1]


def a_pass(**more):
    return wallets.Pass(
        **{
            "serial": "3f9a11c022de9b01",
            "code": "GH1:ABC",
            "event": 7,
            "title": "Jazz Night — مهرجان",
            "organization": "Acme",
            "tier": "Early bird",
            "holder": "Zażółć",
            "place": "Hall",
            "starts_at": NOON,
            "ends_at": None,
            "doors_at": NOON - timedelta(hours=1),
            "zone": "Europe/Berlin",
            "address": "http://localhost/pass/x",
        }
        | more
    )


def test_a_package_is_what_openssl_verifies(apple, tmp_path):
    package = zipfile.ZipFile(io.BytesIO(wallets.apple(a_pass())))
    package.extractall(tmp_path)
    (tmp_path / "root.pem").write_text(apple)
    verified = subprocess.run(
        [
            *("openssl", "smime", "-verify", "-inform", "DER", "-in", "signature", "-content", "manifest.json"),
            *("-CAfile", "root.pem", "-purpose", "any"),
        ],
        cwd=tmp_path,
        capture_output=True,
    )
    assert verified.returncode == 0, verified.stderr
    manifest = json.loads(package.read("manifest.json"))
    assert set(manifest) == set(package.namelist()) - {"manifest.json", "signature"}


def test_a_package_holds_what_the_wallet_asks_for(apple):
    package = zipfile.ZipFile(io.BytesIO(wallets.apple(a_pass(is_void=True))))
    said = json.loads(package.read("pass.json"))
    assert said["serialNumber"] == "3f9a11c022de9b01"
    assert said["voided"] is True
    assert said["relevantDate"] == "2027-05-03T16:00:00Z"  # a fraction would be refused without a word
    assert "expirationDate" not in said
    assert said["barcodes"][0]["message"] == "GH1:ABC"
    assert Image.open(io.BytesIO(package.read("icon@2x.png"))).size == (58, 58)


def test_the_end_of_the_certificate_is_known(apple):
    assert 80 < (wallets.ends_at() - datetime.now(UTC)).days < 91


def test_a_link_for_google_is_signed_and_short(unhoused):
    key = rsa.generate_private_key(65537, 2048)
    configuration.use(
        replace(
            configuration.active,
            google_wallet_issuer="3388",
            google_wallet_account="hall@example.iam.gserviceaccount.com",
            google_wallet_key=pem(key),
        )
    )
    link = wallets.google(a_pass())
    assert link.startswith(wallets.SAVE)
    assert len(link) < 2500
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    claims = jwt.decode(link.removeprefix(wallets.SAVE), RSAKey.import_key(public)).claims
    assert (claims["aud"], claims["typ"], "exp" in claims) == ("google", "savetowallet", False)
    saved = claims["payload"]["eventTicketObjects"][0]
    assert (saved["id"], saved["classId"]) == ("3388.3f9a11c022de9b01", "3388.event-7")
    assert saved["barcode"]["value"] == "GH1:ABC"


def test_without_its_variables_there_is_no_wallet(unhoused):
    assert not wallets.has_apple()
    assert not wallets.has_google()
    assert wallets.ends_at() is None

"""Passes in a phone's wallet: a signed .pkpass for Apple's, a link to save for Google's. Hidden while unconfigured.

Apple's package and its manifest: "Building a Pass" in Apple's Wallet documentation. Google's link: "Event tickets,
issuing with JWT" in the Google Wallet API's documentation.
"""

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7Options, PKCS7SignatureBuilder

from database.clock import now
from database.late import Late
from domain.base import configuration

Image, ImageDraw = Late("PIL.Image"), Late("PIL.ImageDraw")
jwt, jwk = Late("joserfc.jwt"), Late("joserfc.jwk")
TYPE = "application/vnd.apple.pkpass"
SAVE = "https://pay.google.com/gp/v/save/"


@dataclass(frozen=True)
class Pass:
    """What a wallet shows of a pass; times are in UTC and shown in the event's zone."""

    serial: str
    code: str
    event: int
    title: str
    organization: str
    tier: str
    holder: str
    place: str
    starts_at: datetime
    ends_at: datetime | None
    doors_at: datetime | None
    zone: str
    address: str  # of the pass's page
    is_void: bool = False


# --- Apple --------------------------------------------------------------------------------------------------


def has_apple():
    """Whether passes can be signed for Apple's wallet."""
    return bool(configuration.active.apple_pass_certificate)


def apple(one):
    """A .pkpass (its type is TYPE) of one Pass, signed with the site's pass certificate (APPLE_PASS_…)."""
    files = {f"{name}.png": _drawn(side) for name, side in ICONS.items()}
    files["pass.json"] = json.dumps(_apple_json(one), ensure_ascii=False).encode()
    manifest = json.dumps({name: hashlib.sha1(data).hexdigest() for name, data in files.items()}).encode()  # noqa: S324  Apple's choice
    files |= {"manifest.json": manifest, "signature": _signature(manifest)}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in files.items():
            package.writestr(name, data)
    return out.getvalue()


def _apple_json(one):
    held = configuration.active
    return {
        "formatVersion": 1,
        "passTypeIdentifier": held.apple_pass_type,
        "teamIdentifier": held.apple_pass_team,
        "serialNumber": one.serial,
        "organizationName": one.organization,
        "description": f"Ticket for {one.title}",
        "voided": one.is_void,
        "sharingProhibited": True,
        "relevantDate": _moment(one.doors_at or one.starts_at),
        **({"expirationDate": _moment(one.ends_at)} if one.ends_at else {}),
        "backgroundColor": "rgb(255, 255, 255)",
        "foregroundColor": "rgb(24, 28, 36)",
        "labelColor": "rgb(91, 100, 114)",
        "groupingIdentifier": f"event-{one.event}",
        "barcodes": [{"format": "PKBarcodeFormatQR", "message": one.code, "messageEncoding": "iso-8859-1"}],
        "eventTicket": {
            "primaryFields": [{"key": "event", "label": "", "value": one.title}],
            "secondaryFields": [
                {"key": "when", "label": "When", "value": _moment(one.starts_at), **_SHORT},
                {"key": "place", "label": "Where", "value": one.place},
            ],
            "auxiliaryFields": [
                {"key": "holder", "label": "For", "value": one.holder},
                {"key": "tier", "label": "Ticket", "value": one.tier},
            ],
            "backFields": [{"key": "page", "label": "Your ticket", "value": one.address}],
        },
    }


_SHORT = {"dateStyle": "PKDateStyleMedium", "timeStyle": "PKDateStyleShort"}


def _moment(moment):
    """A W3C date with its zone and without a fraction: with one, Wallet refuses the pass without a word."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _signature(manifest):
    held = configuration.active
    certificate, key = _pair(held.apple_pass_certificate)
    between = x509.load_pem_x509_certificate(held.apple_pass_intermediate.encode())
    builder = PKCS7SignatureBuilder().set_data(manifest).add_signer(certificate, key, SHA256())
    return builder.add_certificate(between).sign(Encoding.DER, [PKCS7Options.DetachedSignature, PKCS7Options.Binary])


def _pair(pem):
    """The certificate and the private key that one PEM holds."""
    return x509.load_pem_x509_certificate(pem.encode()), load_pem_private_key(pem.encode(), None)


def ends_at():
    """When the pass certificate ends; from then on no pass can be signed. None without one."""
    if not has_apple():
        return None
    return _pair(configuration.active.apple_pass_certificate)[0].not_valid_after_utc


ICONS = {"icon": 29, "icon@2x": 58, "icon@3x": 87, "logo": 50, "logo@2x": 100}


def _drawn(side):
    """A ticket's outline as PNG: a pass without an icon is refused without a word."""
    image = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    draw, line = ImageDraw.Draw(image), max(2, side // 14)
    draw.rounded_rectangle((0, side // 5, side - 1, side - side // 5), side // 8, outline=(24, 28, 36), width=line)
    draw.line((side * 2 // 3, side // 5, side * 2 // 3, side - side // 5), fill=(24, 28, 36), width=line)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


# --- Google -------------------------------------------------------------------------------------------------


def has_google():
    """Whether links for Google's wallet can be signed."""
    return bool(configuration.active.google_wallet_key)


def google(one):
    """The address that saves one Pass to Google's wallet, made only when it is asked for: it holds the holder's name.

    The event's class travels with the pass, so that nothing has to be set up at Google before.
    """
    held = configuration.active
    issuer = held.google_wallet_issuer
    kind, id = f"{issuer}.event-{one.event}", f"{issuer}.{one.serial}"
    payload = {"eventTicketClasses": [_google_class(one, kind)], "eventTicketObjects": [_google_object(one, kind, id)]}
    claims = {
        "iss": held.google_wallet_account,
        "aud": "google",
        "typ": "savetowallet",
        "iat": int(now().timestamp()),
        "origins": [held.site_url],
        "payload": payload,
    }
    return SAVE + jwt.encode({"alg": "RS256", "typ": "JWT"}, claims, jwk.RSAKey.import_key(held.google_wallet_key))


def _google_class(one, id):
    times = {"doorsOpen": one.doors_at, "start": one.starts_at, "end": one.ends_at}
    return {
        "id": id,
        "issuerName": one.organization,
        "eventName": _words(one.title),
        **({"venue": {"name": _words(one.place), "address": _words(one.place)}} if one.place else {}),
        "dateTime": {name: _moment(moment) for name, moment in times.items() if moment},
        "reviewStatus": "UNDER_REVIEW",
    }


def _google_object(one, kind, id):
    return {
        "id": id,
        "classId": kind,
        "state": "INACTIVE" if one.is_void else "ACTIVE",
        "barcode": {"type": "QR_CODE", "value": one.code},
        "ticketHolderName": one.holder,
        "ticketNumber": one.serial,
        "ticketType": _words(one.tier),
    }


def _words(text):
    return {"defaultValue": {"language": "en", "value": text}}

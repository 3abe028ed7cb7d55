"""Where the bytes of files lie, by what they are called there: the data folder, or S3-compatible storage."""

import functools
import os
import re
import secrets
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from database import troubles
from database.late import Late
from domain import Refused
from domain.base import configuration

requests_aws4auth = Late("requests_aws4auth")
CHUNK = 256 * 1024
_KEY = re.compile(r"[a-z0-9]+(/[a-z0-9]+)*")


class StoreDown(Refused):
    """The storage doesn't answer: nothing was changed, and the same may work later."""

    code, status = "UNAVAILABLE", 503

    def __init__(self):
        super().__init__("Files can't be reached at the moment. Nothing was changed; try again in a minute.")


class StoreFull(StoreDown):
    """The same for what is to be written: the disk is full."""

    def __init__(self):
        Refused.__init__(self, f"{troubles.FULL} Nothing was changed; try again later.", retry_after=60)


def active():
    """The store that the configuration names."""
    chosen = configuration.active
    return _store(chosen.files_url, chosen.data)


@functools.cache
def _store(url, data):
    return Bucket(url) if url else Folder(data / "files")


def _checked(key):
    if not _KEY.fullmatch(key):
        raise ValueError(f"no key of a file: {key!r}")
    return key


@contextmanager
def whole(target, *, is_kept=True):
    """A file to write that is there once all is written and, where it is kept, lies on the disk; or not at all."""
    half = target.with_name(f"{target.name}.{secrets.token_hex(4)}")
    try:
        with open(half, "xb") as out:
            yield out
            out.flush()
            if is_kept:
                os.fsync(out.fileno())
        os.replace(half, target)
    finally:
        half.unlink(missing_ok=True)


class Folder:
    """Files below a folder of this machine; whole or not there."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, key, file):
        """Keep what `file` (open, at its beginning) holds; also where it is kept already, which makes it new.
        Refuses with StoreFull."""
        path = self.folder / _checked(key)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as out:
                while part := file.read(CHUNK):
                    out.write(part)
        except OSError as error:
            if troubles.is_full(error):
                raise StoreFull from error
            raise

    def read(self, key):
        """Its bytes in parts, or None where it isn't there."""
        try:
            file = open(self.folder / _checked(key), "rb")  # noqa: SIM115  whoever reads the parts closes it
        except FileNotFoundError:
            return None
        return _parts(file)

    def changed_at(self, key):
        """When it was put last, or None where it isn't there."""
        try:
            return datetime.fromtimestamp((self.folder / _checked(key)).stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def remove(self, key):
        (self.folder / _checked(key)).unlink(missing_ok=True)


def _parts(file):
    with file:
        while part := file.read(CHUNK):
            yield part


class Bucket:
    """The same in a bucket: s3://KEY:SECRET@host/bucket?region=…, or s3+http:// without TLS."""

    TIMEOUT = 30  # seconds

    def __init__(self, url):
        parts = urlsplit(url)
        region = parse_qs(parts.query).get("region", ["us-east-1"])[0]
        scheme = "http" if parts.scheme == "s3+http" else "https"
        self.address = f"{scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}/{parts.path.strip('/')}"
        key, secret = unquote(parts.username or ""), unquote(parts.password or "")
        self.signs = requests_aws4auth.AWS4Auth(key, secret, region, "s3")

    def put(self, key, file):
        self._ask("PUT", _checked(key), data=file.read())

    def read(self, key):
        answer = self._ask("GET", _checked(key), stream=True)
        return answer and answer.iter_content(CHUNK)

    def changed_at(self, key):
        answer = self._ask("HEAD", _checked(key))
        return answer and parsedate_to_datetime(answer.headers["Last-Modified"])

    def remove(self, key):
        self._ask("DELETE", _checked(key))

    def _ask(self, method, name, **more):
        """The answer, None where what is asked for or removed isn't there. Refuses with StoreDown."""
        try:
            url = f"{self.address}/{name}" if name else self.address
            answer = requests.request(method, url, auth=self.signs, timeout=self.TIMEOUT, allow_redirects=False, **more)
        except requests.RequestException as error:
            raise StoreDown from error
        if answer.status_code == 404 and name and method in ("GET", "HEAD", "DELETE"):
            return None
        if not answer.ok:
            raise StoreDown
        return answer

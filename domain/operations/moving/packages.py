"""The file of an organization as it is read: nothing in it is trusted, its parts are those that departures.py writes,
of sizes that are bounded, with the hashes that it says."""

import hashlib
import json
import re
import zipfile
import zlib
from contextlib import ExitStack, contextmanager
from itertools import islice
from zoneinfo import ZoneInfo

from domain import Invalid
from domain.files import zips
from domain.lists import attachments
from domain.operations.moving import departures, installs, row_lines

MOST_BYTES, MOST_ENTRIES, MOST_RATIO = 2 * 1024**3, 100_000, 100
MOST_DIRECTORY = MOST_ENTRIES * 150  # bytes of its list of parts
MOST_ROWS = 3_000_000  # all numbers of rows are known at once while they come
MOST_LINE, MOST_AT_ONCE = 4_000_000, 8_000_000  # bytes
# How large a part may be, by how it begins, where it isn't read line by line.
MOST = {"manifest": 20_000_000, "organization": 20_000, "people": 20_000_000, "files/": attachments.MOST}
MOST_ID = 2**31 - 1
# What reading a damaged part, or one that was made up, ends with.
DAMAGED = (
    *(zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError),
    *(ValueError, LookupError, TypeError, AttributeError, OverflowError),
)
SMALL = 1_000_000  # bytes of a part from which it may not unpack to far more than it is
_NAMES = re.compile(
    r"manifest\.json|organization\.json|(people|audit)\.jsonl|rows/[a-z_]{1,60}\.jsonl|files/[0-9a-f]{64}"
)


def _unfit(sentence):
    return Invalid({"file": sentence})


def _too_large():
    return _unfit("It is larger than an organization's file may be: 2 GB and 100,000 parts.")


@contextmanager
def readable():
    """Where what is read was damaged or made up, refuse with Invalid."""
    try:
        yield
    except DAMAGED:
        raise _unfit("This is no whole file of an organization: it is damaged, or something else.") from None


def opened(path):
    """The ZIP and its manifest, once all of it is what it says it is. Refuses with Invalid."""
    with readable(), ExitStack() as closing:
        if zips.directory(path) > MOST_DIRECTORY:
            raise _too_large()
        packed = closing.enter_context(zipfile.ZipFile(path))
        manifest = _checked(packed)
        closing.pop_all()  # it stays open for whoever asked
        return packed, manifest


def _checked(packed):
    members = packed.infolist()
    if len(members) > MOST_ENTRIES or sum(one.file_size for one in members) > MOST_BYTES:
        raise _too_large()
    if len({one.filename for one in members}) != len(members):
        raise _unfit("It holds one name twice.")
    for one in members:
        if not _NAMES.fullmatch(one.filename):
            raise _unfit("It holds a part that no file of an organization has.")
        if any(one.filename.startswith(name) and one.file_size > most for name, most in MOST.items()):
            raise _unfit(f"Its part “{one.filename}” is larger than one may be.")
        if one.compress_type not in zips.BOUNDED:
            raise _unfit("It is packed in a way that no file of an organization is.")
        if one.file_size > SMALL and one.file_size > MOST_RATIO * max(one.compress_size, 1):
            raise _unfit("It unpacks to far more than it is, so it wasn't opened.")
    manifest = json.loads(packed.read("manifest.json"))
    if manifest["guildhall"] != departures.FORMAT or manifest["migration"] != installs.migration():
        raise _unfit(
            f"It was made by Guildhall {str(manifest.get('version'))[:20]}. Bring both sites to the same version first."
        )
    tables = [row_lines.name_of(table) for table in row_lines.parents_last()]
    wanted = {f"rows/{name}.jsonl" for name in tables} | {"people.jsonl", "organization.json"}
    if missing := wanted - {one.filename for one in members}:
        raise _unfit(f"Something is missing in it: {min(missing)}.")
    _check_told(manifest, tables)
    for one in members:
        if one.filename != "manifest.json" and _hash(packed, one) != manifest["sha256"][one.filename]:
            raise _unfit(f"“{one.filename}” isn't what it was: it was changed, or it is damaged.")
    return manifest


def _check_told(manifest, tables):
    """Where it comes from, and how many rows it has."""
    id = manifest["organization"]
    is_number = isinstance(id, int) and not isinstance(id, bool)
    if not re.fullmatch(r"[\w-]{1,40}", manifest["install"]) or not is_number or not 0 < id <= MOST_ID:
        raise ValueError("it doesn't say where it comes from")
    counts = [manifest["counts"][name] for name in tables]
    if not all(isinstance(count, int) and count >= 0 for count in counts):
        raise ValueError("it doesn't say how many rows it has")
    if sum(counts) > MOST_ROWS:
        raise _unfit(f"It has more rows than can be brought in at once: {MOST_ROWS:,}.")


def _hash(packed, member):
    hashed, lines = hashlib.sha256(), 0
    with packed.open(member) as part:
        while piece := part.read(1 << 20):
            hashed.update(piece)
            lines += piece.count(b"\n")
    if lines > MOST_ROWS and member.filename.startswith("rows/"):
        raise _unfit(f"It has more rows than can be brought in at once: {MOST_ROWS:,}.")
    if member.filename.startswith("files/") and hashed.hexdigest() != member.filename[6:]:
        raise _unfit("A file in it isn't what it is called by.")
    return hashed.hexdigest()


def about(packed):
    """What it says of the organization itself."""
    told = json.loads(packed.read("organization.json"))
    about = {name: told[name] for name in departures.ABOUT}
    words = ("name", "slug", "default_currency", "timezone")
    if not all(isinstance(about[name], str) and about[name].isprintable() for name in words):
        raise ValueError("it doesn't say which organization it is")
    ZoneInfo(about["timezone"])
    return about


def people(packed):
    """Each person in it: id, name, email, timezone, role (None without one), status."""
    found = [json.loads(line) for line in _lines(packed, "people.jsonl")]
    for person in found:
        if not isinstance(person["id"], int) or not all(isinstance(person[name], str) for name in PERSON):
            raise ValueError("it doesn't say who somebody is")
        ZoneInfo(person["timezone"])
    return found


PERSON = ("name", "email", "timezone", "status")


def rows(packed, table, size=500, after=0):
    """The rows of a table in it as values by field, at most `size` at a time, without the first `after`."""
    some, bytes = [], 0
    for line in islice(_lines(packed, f"rows/{row_lines.name_of(table)}.jsonl"), after, None):
        some.append(row_lines.read(table, line))
        bytes += len(line)
        if len(some) >= size or bytes > MOST_AT_ONCE:
            yield some
            some, bytes = [], 0
    if some:
        yield some


def _lines(packed, name):
    with packed.open(name) as part:
        while line := part.readline(MOST_LINE):
            yield line.decode()

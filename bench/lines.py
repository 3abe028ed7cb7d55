"""How large the house is, of this checkout or of a revision: `python -m bench.lines [REV]`."""

import ast
import io
import statistics
import subprocess
import sys
import tokenize
from collections import defaultdict
from pathlib import Path

LONG = 60


def files(revision=None):
    """(path, text) of every file that git knows."""
    listed = ["git", "ls-files"] if revision is None else ["git", "ls-tree", "-r", "--name-only", revision]
    for name in subprocess.check_output(listed, text=True).splitlines():
        if name.endswith((".py", ".sql", ".html", ".js", ".css")):
            if revision is None:
                path = Path(name)
                if path.exists():
                    yield name, path.read_text("utf-8")
            else:
                yield name, subprocess.check_output(["git", "show", f"{revision}:{name}"], text=True)


def functions(name, text):
    """(lines, where) of each function."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.end_lineno - node.lineno + 1, f"{name}:{node.lineno} {node.name}"


def prose(text):
    """(lines of docstrings and comments, lines of code)."""
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            told |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    written = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            told.add(token.start[0]) if not token.line[: token.start[1]].strip() else None
        elif token.type not in (tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER):
            written |= set(range(token.start[0], token.end[0] + 1))
    return len(told), len(written - told)


def imported(text):
    """How many names a module imports."""
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return sum(len(node.names) for node in nodes)


def room(name):
    parts = name.split("/")
    return "/".join(parts[:2]) if parts[0] in ("domain", "views", "database") and len(parts) > 2 else parts[0]


def report(revision=None):
    found = list(files(revision))
    python = [(name, text) for name, text in found if name.endswith(".py")]
    product = [(name, text) for name, text in python if not name.startswith(("tests/", "bench/"))]
    count = lambda chosen: sum(text.count("\n") for _, text in chosen)  # noqa: E731
    print(f"product Python  {count(product):>7,} lines in {len(product)} files")
    print(f"tests           {count([f for f in python if f[0].startswith('tests/')]):>7,}")
    print(f"bench           {count([f for f in python if f[0].startswith('bench/')]):>7,}")
    print(f"SQL             {count([f for f in found if f[0].endswith('.sql') and 'tests/' not in f[0]]):>7,}")
    print(f"templates       {count([f for f in found if f[0].startswith('templates/')]):>7,}")
    print(f"js and css      {count([f for f in found if f[0].endswith(('.js', '.css'))]):>7,}")
    made = sorted((one for name, text in product for one in functions(name, text)), reverse=True)
    sizes = [lines for lines, _ in made]
    tenth = statistics.quantiles(sizes, n=10)[-1]
    print(
        f"functions       {len(made):>7,}, median {statistics.median(sizes):.0f}, p90 {tenth:.0f}, longest {sizes[0]}"
    )
    print(f"  over {LONG} lines: {[where for lines, where in made if lines > LONG]}")
    told, written = (sum(column) for column in zip(*(prose(text) for _, text in product), strict=True))
    print(f"prose           {told / written:>7.1%} of {written:,} lines of code")
    names = [imported(text) for _, text in product if text]
    print(f"imports         {statistics.median(names):>7.0f} names a module (median), most {max(names)}")
    print(
        "longest files   "
        + ", ".join(f"{n} {c}" for c, n in sorted(((t.count(chr(10)), n) for n, t in product), reverse=True)[:8])
    )
    rooms = defaultdict(list)
    for name, text in product:
        rooms[room(name)].append(text.count("\n"))
    for name, lines in sorted(rooms.items()):
        print(f"  {name:<26}{sum(lines):>7,} lines {len(lines):>4} files")


if __name__ == "__main__":
    report(*sys.argv[1:2])

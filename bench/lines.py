"""How large the house is, of this checkout and, beside it, of a revision: `python -m bench.lines [REV]`."""

import ast
import io
import statistics
import subprocess
import sys
import tokenize
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
            yield (node.end_lineno or node.lineno) - node.lineno + 1, f"{name}:{node.lineno} {node.name}"


def prose(text):
    """(lines of docstrings and comments, lines of code)."""
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node, clean=False):
            told |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
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


def measures(revision=None):
    """What it is → how much of it, as text."""
    found = list(files(revision))
    python = [(name, text) for name, text in found if name.endswith(".py")]
    product = [(name, text) for name, text in python if not name.startswith(("tests/", "bench/"))]

    def lines(wanted, among=found):
        return f"{sum(text.count(chr(10)) for name, text in among if wanted(name)):,}"

    made = sorted((one for name, text in product for one in functions(name, text)), reverse=True)
    sizes = [size for size, _ in made]
    tenth = statistics.quantiles(sizes, n=10)[-1]
    told, written = (sum(column) for column in zip(*(prose(text) for _, text in product), strict=True))
    names = [imported(text) for _, text in product if text]
    longest = sorted(((text.count("\n"), name) for name, text in product), reverse=True)
    rooms = sorted({room(name) for name, _ in product})
    return {
        "product Python": lines(lambda name: True, product),
        "tests": lines(lambda name: name.startswith("tests/"), python),
        "bench": lines(lambda name: name.startswith("bench/"), python),
        "SQL": lines(lambda name: name.endswith(".sql") and "tests/" not in name),
        "templates": lines(lambda name: name.startswith("templates/")),
        "js and css": lines(lambda name: name.endswith((".js", ".css"))),
        "functions": f"{len(made):,}",
        "  median, p90, longest": f"{statistics.median(sizes):.0f} {tenth:.0f} {sizes[0]}",
        f"  over {LONG} lines": f"{sum(size > LONG for size in sizes)}",
        "prose": f"{told / written:.1%}",
        "names a module imports": f"{statistics.median(names):.0f}, most {max(names)}",
        **{
            f"longest {n}": f"{'/'.join(name.split('/')[-2:])} {size:,}"
            for n, (size, name) in enumerate(longest[:8], 1)
        },
        **{one: lines(lambda name, one=one: room(name) == one, product) for one in rooms},
    }


def report(revision=None):
    """Before and now, where a revision is given."""
    columns = [measures(one) for one in dict.fromkeys((revision, None))]
    for name in dict.fromkeys(name for column in columns for name in column):
        print(f"{name:<26}" + "".join(f"{column.get(name, '–'):>44}" for column in columns))


if __name__ == "__main__":
    report(*sys.argv[1:2])

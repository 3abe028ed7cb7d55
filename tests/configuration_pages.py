"""What the written pages say of the environment, from the table in the code: python -m tests.configuration_pages"""

import re
from pathlib import Path

from domain.base.variables import VARIABLES

TOP = Path(__file__).resolve().parent.parent
EXAMPLE, PAGE = TOP / ".env.example", TOP / "docs" / "configuration.md"
HEAD = """\
# Everything that can be set. `make run` needs none of it; production needs the three that say so.
# A secret may stand in a file instead: SECRET_KEY_FILE=/run/secrets/key, and so for every name here.
# Remove the # in front of what you set; what is left out keeps the value shown.

"""
TABLE = re.compile(r"(?<=\| Variable \| Default \| What it is \|\n\|---\|---\|---\|\n)(?:\|.*\n)+")


def default(variable):
    """(its default as it is written, or "" and its default in words)."""
    value = {True: "1", False: "0", None: ""}.get(variable.default) if variable.kind[0] == "bool" else variable.default
    return (str(value), variable.shown) if " " not in str(value) else ("", variable.default)


def example():
    """.env.example, whole."""
    lines = []
    for variable in VARIABLES:
        value, words = default(variable)
        about = re.sub(r"\[.+?\]\((.+?)\)", r"\1", variable.help) + (f"; left out: {words}" if words else "")
        lines.append(f"# {about.replace('`', '')}\n#{variable.name}={value}\n")
    return HEAD + "".join(lines)


def table():
    """The rows of its table."""
    rows = []
    for variable in VARIABLES:
        value, words = default(variable)
        about = variable.help.replace("](docs/", "](")
        rows.append(f"| `{variable.name}` | {f'`{value}`' if value else words or 'none'} | {about} |\n")
    return "".join(rows)


if __name__ == "__main__":
    EXAMPLE.write_text(example(), "utf-8")
    PAGE.write_text(TABLE.sub(lambda _: table(), PAGE.read_text("utf-8")), "utf-8")

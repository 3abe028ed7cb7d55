"""What the written pages say is there: variables, files, commands, addresses, the version."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest

from database.connections import database

TOP = Path(__file__).resolve().parent.parent
PAGES = [TOP / "README.md", TOP / "CHANGELOG.md", *sorted((TOP / "docs").rglob("*.md"))]
DECISIONS = sorted((TOP / "docs" / "decisions").glob("*.md"))
KINDS = "css|html|js|json|lock|md|mjml|py|sql|svg|toml|txt"

each_page = pytest.mark.parametrize("page", PAGES, ids=[p.relative_to(TOP).as_posix() for p in PAGES])


def spans(text):
    """What stands in `backticks` on one line."""
    return re.findall(r"`([^`\n]+)`", text)


def blocks(text):
    """Indented blocks: commands and samples."""
    return re.findall(r"^(?:    | {8})(\S.*)$", text, re.M)


def kept_out():
    """Folders that git ignores: they are made, so a fresh clone hasn't got them."""
    return tuple(line for line in (TOP / ".gitignore").read_text().split() if line.endswith("/"))


def looks_like_a_path(word):
    if not re.fullmatch(r"[\w.*-][\w./*-]*", word):
        return False
    first, slash, _ = word.partition("/")
    return bool(re.fullmatch(rf"[\w./*-]+\.({KINDS})", word) or (slash and (TOP / first).exists()))


# --- files ------------------------------------------------------------------------------------------


@each_page
def test_every_file_that_is_mentioned_exists(page):
    said = {word for word in spans(page.read_text("utf-8")) if looks_like_a_path(word)}
    said = {word for word in said if not word.startswith(kept_out())}
    assert {word for word in said if not list(TOP.glob(word.rstrip("/")))} == set()


@each_page
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"(?<!!)\[[^\]]+\]\(([^)#]+)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target


def test_every_decision_is_listed_in_the_architecture():
    text = (TOP / "docs" / "architecture.md").read_text("utf-8")
    listed = set(re.findall(r"\(decisions/([\w-]+\.md)\)", text.partition("## All decisions")[2]))
    assert listed == {p.name for p in DECISIONS}


def test_decisions_that_the_code_names_exist():
    for room in ("app.py", "models.py", "domain", "views", "jobs", "migrations"):
        for path in [TOP / room] if room.endswith(".py") else (TOP / room).rglob("*.py"):
            for named in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text("utf-8")):
                assert (TOP / named).is_file(), f"{path.name} names {named}"


# --- tests ------------------------------------------------------------------------------------------


def named_tests(text):
    """(file below tests/, test) for each `file::test`; a bare `::test` is in the file named before it."""
    found, file = [], None
    for said, test in re.findall(r"`([\w/]+\.py)?::(test_\w+)`", text):
        file = said or file
        found.append((file, test))
    return found


def defined(file):
    """The tests that stand in a file below tests/; none where there is no such file."""
    path = TOP / "tests" / file
    return set(re.findall(r"^def (test_\w+)\(", path.read_text("utf-8"), re.M)) if path.is_file() else set()


@each_page
def test_every_test_that_is_named_exists(page):
    text = page.read_text("utf-8")
    named = named_tests(text)
    assert len(named) == len(re.findall(r"\btest_\w+`", text)), "name tests as `file::test` or `::test`"
    there = {file: defined(file) for file, _ in named}
    assert [f"{file}::{test}" for file, test in named if test not in there[file]] == []


def test_the_security_page_names_tests():
    """As above: a rule that finds nothing would hold for ever."""
    named = named_tests((TOP / "docs" / "security.md").read_text("utf-8"))
    assert len(set(named)) > 150
    assert named_tests("`a/test_b.py::test_c`, `::test_d`") == [("a/test_b.py", "test_c"), ("a/test_b.py", "test_d")]
    assert "test_the_security_page_names_tests" in defined("test_docs.py")
    assert defined("test_nothing.py") == set()


# --- commands -----------------------------------------------------------------------------------------


@each_page
def test_every_command_exists(page):
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", (TOP / "Makefile").read_text(), re.M))
    for words in [*spans(text), *blocks(text)]:
        for target in re.findall(r"(?:^|&& )make ([a-z][\w-]*)", words):
            assert target in targets, words
        for module in re.findall(r"python -m ([\w.]+)", words):
            assert importlib.util.find_spec(module), words


def test_the_pages_are_read():
    """A rule that finds nothing would hold for ever."""
    text = "".join(page.read_text("utf-8") for page in PAGES)
    assert len([word for word in spans(text) if looks_like_a_path(word)]) > 50
    assert {"make run", "make test"} <= {line.partition("  ")[0] for line in blocks(text)}
    assert looks_like_a_path("domian/lists.py")
    assert not looks_like_a_path("application/json")


# --- addresses ------------------------------------------------------------------------------------------


def bare(rule):
    return re.sub(r"<[^>]+>", "<>", rule)


@pytest.fixture
def routes(house, request):
    database.close_all()  # the application opens it anew
    return {bare(rule.rule) for rule in request.getfixturevalue("web").url_map.iter_rules()}


def test_every_address_is_a_route(routes):
    said = {}
    for page in PAGES:
        for word in spans(page.read_text("utf-8")):
            address = re.fullmatch(r"(?:(?:GET|POST) )?(/[\w./<>:-]*)", word)
            if address:
                said.setdefault(bare(address[1]), page.name)
    assert len(said) > 10
    assert {address: page for address, page in said.items() if address not in routes} == {}


# --- the version, and brevity -----------------------------------------------------------------------------


def test_the_changelog_ends_with_the_present_version():
    newest = re.search(r"^## (\S+)", (TOP / "CHANGELOG.md").read_text("utf-8"), re.M)[1]
    assert newest == tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["version"]


def test_the_pages_stay_short():
    most = {
        TOP / "README.md": 150,
        TOP / "docs" / "architecture.md": 120,
        TOP / "docs" / "security.md": 350,
    } | dict.fromkeys(DECISIONS, 45)
    assert {p.name: n for p, n in most.items() if len(p.read_text("utf-8").splitlines()) > n} == {}


def test_every_decision_says_why_and_what_it_costs():
    for page in DECISIONS:
        heads = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.M)
        assert heads == ["Context", "Decision", "Why", "Consequences"], page.name


@each_page
def test_words_are_calm(page):
    text = re.sub(r"`[^`]*`|!\[", "", page.read_text("utf-8"))
    assert "!" not in text
    for head in re.findall(r"^#+ (.+)$", text, re.M):
        assert not re.search(r" [A-Z][a-z]+ [A-Z]", head), f"{head}: sentence case"


def test_the_house_has_few_words_of_its_own():
    text = (TOP / "docs" / "architecture.md").read_text("utf-8")
    table = text.split("## House words", 1)[1].split("## ", 1)[0]
    words = [line.split("|")[1] for line in table.splitlines() if line.startswith("| ")][1:]
    assert 10 <= sum(word.count(",") + 1 for word in words) <= 20

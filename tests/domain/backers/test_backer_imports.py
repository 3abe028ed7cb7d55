import csv
import io
from datetime import timedelta

import pytest

import jobs
import models
from database.clock import now
from database.scope import everywhere
from domain import Invalid, NotFound, Refused
from domain.backers import backer_codes, backer_imports, backers, tiers
from domain.base import long_jobs, settings
from domain.people import accounts
from models import AuditEvent, Backer, BackerImport, LongJob
from tests.fixtures.threads import refused, together, write


@pytest.fixture
def tier(cast):
    tiers.add({"key": "founder", "name": "Founder"}, by=cast.stella)
    return tiers.add({"key": "early", "name": "Early bird", "months": "12"}, by=cast.stella)


@pytest.fixture
def check(cast, tier):
    def compare(text, default=True, name="list.csv"):
        data = text if isinstance(text, bytes) else text.encode()
        return backer_imports.check(data, name, tier.id if default else None, by=cast.stella)

    return compare


@pytest.fixture
def add(cast):
    def confirmed(held):
        backer_imports.confirm(held.id, by=cast.stella)
        return jobs.run("backer_import")

    return confirmed


def verdicts(held):
    return [(row[0], row[1], row[4]) for row in held.rows]


def why(held):
    return {row[0]: row[5] for row in held.rows}


# --- reading ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "username,code,tier\nAda,Ada-1234,early\nBea,Bea-1234,Founder\n",
        "\ufeffusername;code;tier\r\nAda;Ada-1234;Early Bird\r\nBea;Bea-1234;FOUNDER\r\n",
        'Tier\tAccess code\tMakerWorld username\nearly\t"Ada-1234"\t" Ada "\n\n  \t\t\nfounder\tBea-1234\tBea\n',
        "sep=;\r\nusername;code;tier\r\nAda;Ada-1234;early\r\nBea;Bea-1234;founder\r\n",
        '"User-Name","ACCESS_CODE","reward"\n"Ada","Ada-1234","early"\n"Bea","Bea-1234","founder",,\n',
    ],
    ids=[
        "commas",
        "byte order mark and semicolons",
        "tabs and quotes",
        "its delimiter named",
        "odd headings, empty cells at the end",
    ],
)
def test_the_usual_kinds_of_csv_are_read(check, text):
    held = check(text)
    assert [(row[1], row[4]) for row in held.rows] == [("Ada", "new"), ("Bea", "new")]
    assert held.rows[0][3] == backer_codes.hashed("ada", "Ada-1234")
    assert (held.new, held.known, held.wrong, held.made) == (2, 0, 0, 0)
    assert len({row[2] for row in held.rows}) == 2
    assert Backer.select().count() == 0  # it is only compared


def test_utf_16_as_spreadsheets_save_it_is_read(check):
    assert verdicts(check("username\tcode\nŁucja\tŁucja-12\n".encode("utf-16"))) == [(2, "Łucja", "new")]


def test_report_21_a_code_that_a_spreadsheet_has_shortened_is_refused_and_leading_zeros_stay(check):
    held = check("username,code\nAda,1.23457E+11\nBea,00123456\n")
    assert verdicts(held) == [(2, "Ada", "wrong"), (3, "Bea", "new")]
    assert "its last digits are gone. Make the column text" in held.rows[0][5]
    assert held.rows[1][3] == backer_codes.hashed("bea", "00123456")


def test_a_quoted_cell_may_go_over_lines_and_lines_are_counted_as_an_editor_does(check):
    held = check('username,code,note\n"Ada\nLovelace",A-1234,"a ""good"" one,\nreally"\nBea,x,\n')
    assert verdicts(held) == [(2, "Ada Lovelace", "new"), (5, "Bea", "wrong")]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "Choose a CSV file"),
        (b"\xef\xbb\xbf  \n", "Choose a CSV file"),
        (b"username,code\n", "no rows"),
        (b"Ada,Ada-1234\n", "must name the columns"),
        (b"username,user,code\nA,B,C\n", "Two columns are called username"),
        (b"username,code\nL\xfcder,abc\n", "isn't UTF-8"),
        (b'username,code\nAda,"Ada-12\nBea,Bea-12\n', "Line 2 can't be read"),
        (b'username,code\nAda,"Ada"x\n', "Line 2 can't be read"),
        (b"username\n" + b"x" * 1_000_000, "larger than 1 MB"),
        (b"username\n" + b"a\n" * 20_001, "more than 20,000 rows"),
        (b"username,code\n" + b'"' + b"x" * 200_000 + b'"', "Line 2 can't be read"),
    ],
    ids=range(11),
)
def test_what_is_no_such_file_is_refused_whole(check, data, sentence):
    with pytest.raises(Invalid, match=sentence) as caught:
        check(data)
    assert list(caught.value.fields) == ["file"]
    assert BackerImport.select().count() == 0


def test_a_megabyte_exactly_is_taken(check):
    row = b"username,code\n" + b"Ada,Ada-1234\n"
    assert verdicts(check(row + b"\n" * (1_000_000 - len(row)))) == [(2, "Ada", "new")]


def test_a_tier_that_does_not_exist_is_refused(cast, tier):
    with pytest.raises(Invalid) as caught:
        backer_imports.check(b"username\nAda", "f", 99, by=cast.stella)
    assert list(caught.value.fields) == ["tier"]


def test_without_any_tier_there_is_nothing_to_import(cast):
    with pytest.raises(Invalid, match="Make a tier first"):
        backer_imports.check(b"username\nAda", "f", None, by=cast.stella)


# --- comparing --------------------------------------------------------------------------------------------


def test_each_row_is_told_what_becomes_of_it(check, cast, tier):
    backers.add("Ada", "Ada-1234", tier.id, by=cast.stella)
    held = check(
        "username,code,tier\n"
        "ADA,Ada-1234,early\n"  # 2 there
        "Ada,Ada-1234,founder\n"  # 3 the same as 2
        "Ada,,\n"  # 4 it has a code, in line 2
        "Bea,Bea-1234,gold\n"  # 5 no such tier
        "Cleo,abc,\n"  # 6 too short
        ",Dodo-123,\n"  # 7 no name
        "=HYPERLINK(1),Evil-123,\n"  # 8 a formula
        "Fay,Fay-1234,early,more\n"  # 9 too many cells
        "'-gus,Gus-1234,\n"  # 10 as our own files guard it
        "Hal,,\n"  # 11 one is made
        "hal,,founder\n"  # 12 the same as 11
    )
    assert verdicts(held) == [
        (2, "ADA", "known"),
        (3, "Ada", "wrong"),
        (4, "Ada", "wrong"),
        (5, "Bea", "wrong"),
        (6, "Cleo", "wrong"),
        (7, "", "wrong"),
        (8, "=HYPERLINK(1)", "wrong"),
        (9, "", "wrong"),
        (10, "-gus", "new"),
        (11, "Hal", "new"),
        (12, "hal", "wrong"),
    ]
    said = why(held)
    assert said[3] == "The same as line 2."
    assert "Line 3 has a code" in said[4] or "Line 2 has a code" in said[4]
    assert said[5] == "There is no tier called gold."
    assert "formula" in said[8]
    assert "more cells" in said[9]
    assert said[12] == "The same as line 11."
    assert (held.new, held.known, held.wrong, held.made) == (2, 1, 8, 1)


def test_a_row_without_a_tier_wants_one_for_the_file(check):
    assert verdicts(check("username,code\nAda,Ada-1234\n", default=False)) == [(2, "Ada", "wrong")]


def test_a_known_row_keeps_its_tier_and_says_so(check, cast, tier):
    backers.add("Ada", "Ada-1234", tier.id, by=cast.stella)
    assert why(check("username,code,tier\nAda,Ada-1234,founder\n"))[2] == "It stays in the tier it has."
    assert why(check("username,code\nada,\n"))[2] == "This name has a code, so none is made."


def test_legacy_rows_are_known_too(check, tier):
    row = {"username": " Grace", "code_hash": backer_codes.hashed("grace", "G-1234"), "tier": tier}
    write(Backer.create, **row)
    assert verdicts(check("username,code\nGRACE,G-1234\n")) == [(2, "GRACE", "known")]
    assert verdicts(check("username,code\ngrace,\n")) == [(2, "grace", "known")]


# --- adding -----------------------------------------------------------------------------------------------


def test_the_new_rows_are_added_by_the_job_and_the_same_file_adds_nothing(check, add, cast):
    text = "username,code\nAda,Ada-1234\nBea,x\nCleo,Cleo-1234\n"
    held = check(text)
    add(held)
    held = backer_imports.one(held.id)
    assert (held.status, held.added) == ("done", 2)
    assert [row.username for row in Backer.select().order_by(Backer.id)] == ["Ada", "Cleo"]
    event = AuditEvent.get(AuditEvent.action == "backer.imported")
    assert (event.actor, event.metadata["added"], event.metadata["wrong"]) == (cast.stella, 2, 1)
    again = check(text)
    assert (again.new, again.known, again.wrong) == (0, 2, 1)
    with pytest.raises(Refused, match="nothing new"):
        backer_imports.confirm(again.id, by=cast.stella)


def test_a_file_is_imported_once(check, add, cast):
    held = check("username,code\nAda,Ada-1234\n")
    outcomes = together(*[lambda: backer_imports.confirm(held.id, by=cast.stella)] * 6)
    assert len(refused(outcomes)) == 5
    assert LongJob.select().count() == 1
    assert jobs.run("backer_import") == 2  # one row, and the end
    assert Backer.select().count() == 1
    with pytest.raises(NotFound):
        backer_imports.confirm(held.id + 1, by=cast.stella)


def test_what_was_added_meanwhile_is_left_out(check, add, cast, tier):
    held = check("username,code\nAda,Ada-1234\nBea,\n")
    backers.add("ada", "Ada-1234", tier.id, by=cast.stella)
    backers.add("bea", "Bea-1234", tier.id, by=cast.stella)
    add(held)
    assert backer_imports.one(held.id).added == 0
    assert Backer.select().count() == 2
    assert backer_imports.hand_over(held.id, by=cast.stella) == []


def test_ten_thousand_rows_go_in_by_parts_and_a_cut_off_run_goes_on(check, cast, monkeypatch):
    """The row's figure survives: whoever takes it up goes on from there."""
    lines = "".join(f"Backer {n},Code-{n:05}\n" for n in range(10_000))
    held = check(f"username,code\n{lines}")
    assert held.new == 10_000
    backer_imports.confirm(held.id, by=cast.stella)
    for _ in range(3):
        assert backer_imports.work() == backer_imports.BATCH
    assert (backer_imports.progress(held).done, Backer.select().count()) == (750, 750)

    keep = backers.keep
    monkeypatch.setattr(backers, "keep", lambda name, *more: 1 / 0 if name == "Backer 800" else keep(name, *more))
    with pytest.raises(ZeroDivisionError):
        backer_imports.work()
    assert Backer.select().count() == 750  # the whole part was taken back
    monkeypatch.undo()
    jobs.run("backer_import")
    work = backer_imports.progress(held)
    assert (work.status, work.done, work.total) == ("done", 10_000, 10_000)
    assert (backer_imports.one(held.id).added, Backer.select().count()) == (10_000, 10_000)


def test_runs_at_once_add_each_row_once(check, cast):
    held = check("username,code\n" + "".join(f"B{n},Code-{n}\n" for n in range(600)))
    backer_imports.confirm(held.id, by=cast.stella)
    assert refused(together(*[lambda: jobs.run("backer_import")] * 3)) == []
    assert Backer.select().count() == 600
    assert (backer_imports.one(held.id).status, backer_imports.one(held.id).added) == ("done", 600)


def test_who_lost_the_work_to_another_adds_nothing(check, add, cast, monkeypatch):
    held = check("username,code\nAda,Ada-1234\n")
    backer_imports.confirm(held.id, by=cast.stella)
    late = long_jobs.claim("backer_import")
    now_ours = long_jobs.claim("backer_import")
    monkeypatch.setattr(long_jobs, "claim", lambda kind: late)
    backer_imports.work()
    assert Backer.select().count() == 0
    monkeypatch.setattr(long_jobs, "claim", lambda kind: now_ours)
    backer_imports.work()
    assert Backer.select().count() == 1
    late.done = 1
    monkeypatch.setattr(long_jobs, "claim", lambda kind: late)
    backer_imports.work()
    assert backer_imports.one(held.id).status == "confirmed"  # nor does it end it


# --- codes that are made here -----------------------------------------------------------------------------


def test_made_codes_are_handed_over_once_and_open_the_door(check, add, cast):
    held = check("username,code\nAda,\nBea,Bea-1234\nCleo,\n")
    with pytest.raises(Refused, match="handed over once"):
        backer_imports.hand_over(held.id, by=cast.stella)  # nothing is added yet
    add(held)
    codes = backer_imports.hand_over(held.id, by=cast.stella)
    assert [(name, tier) for name, _, tier in codes] == [("Ada", "Early bird"), ("Cleo", "Early bird")]
    assert len({code for _, code, _ in codes}) == 2
    with pytest.raises(Refused, match="handed over once"):
        backer_imports.hand_over(held.id, by=cast.stella)
    assert AuditEvent.get(AuditEvent.action == "backer.codes_shown").metadata == {"count": 2}
    settings.change("crowdfunding_active", "on", by=cast.stella)
    for name, code, _ in codes:
        claim = (lambda backer, token: backers.claim((backer.id, token)))(*backers.verify(name, code))
        accounts.create(f"{name}@example.org", name, None, backer=claim)
    with everywhere("a test reads every column of all rows"):
        stored = "".join(repr(row) for table in models.TABLES for row in table.select().tuples())
    assert not [code for _, code, _ in codes if code in stored]
    assert "Bea-1234" not in stored


def test_only_one_of_many_who_ask_at_once_gets_the_codes(check, add, cast):
    held = check("username\nAda\n")
    add(held)
    outcomes = together(*[lambda: backer_imports.hand_over(held.id, by=cast.stella)] * 6)
    assert len(refused(outcomes)) == 5
    assert AuditEvent.select().where(AuditEvent.action == "backer.codes_shown").count() == 1


def test_a_file_without_made_codes_has_none_to_hand_over(check, add, cast):
    held = check("username,code\nAda,Ada-1234\n")
    add(held)
    with pytest.raises(Refused):
        backer_imports.hand_over(held.id, by=cast.stella)


# --- what stays -------------------------------------------------------------------------------------------


def test_imports_are_forgotten_after_a_month_but_none_that_is_under_way(check, cast, clock):
    check("username\nAda\n")
    running = check("username\nBea\n", name="C:\\lists\\" + "x" * 200)
    backer_imports.confirm(running.id, by=cast.stella)
    clock.forward(days=31)
    newest = check("username\nCleo\n", name="")
    assert backer_imports.prune(10) == 1
    assert [one.id for one in backer_imports.recent()] == [newest.id, running.id]
    assert newest.name == "Pasted lines"
    assert len(running.name) == 120
    assert now() - timedelta(days=31) == running.created_at


def test_the_guard_against_formulas_goes_there_and_back(check):
    out = io.StringIO()
    csv.writer(out).writerows([["username", "code"], ["'-gus", "'=1+1-x"]])
    held = check(out.getvalue())
    assert held.rows[0][1] == "-gus"
    assert held.rows[0][3] == backer_codes.hashed("-gus", "=1+1-x")

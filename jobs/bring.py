"""Bring an organization's file into this site: `python -m jobs.bring FILE --as owner@example.org`.

`--check` says what it would bring and what stands in its way, and changes nothing. `--new` is for an install without
accounts: its people become accounts that sign in by a letter to their address, and its owner the first admin. Cut off,
it goes on when it is called again, or by the server's jobs.
"""

import argparse
import os
import sys
from pathlib import Path

import jobs
from database import logs, opening, transactions
from domain import Refused
from domain.base import configuration
from domain.fields.number import counted
from domain.operations.moving import arrivals, findings
from domain.people import accounts


def main():
    os.umask(0o077)
    reading = argparse.ArgumentParser(prog="python -m jobs.bring", description=__doc__)
    reading.add_argument("file", type=Path, help="the ZIP that another Guildhall made")
    reading.add_argument("--check", action="store_true", help="look, and change nothing")
    reading.add_argument("--new", action="store_true", help="the first of an install without accounts")
    reading.add_argument("--as", dest="owner", default="", metavar="ADDRESS", help="whose account owns it then")
    reading.add_argument("--slug", default="", help="another address than the one it had")
    asked = reading.parse_args()
    logs.set_up()
    chosen = configuration.use(configuration.load())
    opening.open_house(chosen.database_url, chosen.data, not chosen.production)
    try:
        sentences, is_well = _done(asked)
    except Refused as refusal:
        sentences, is_well = list(refusal.fields.values()) or [refusal.sentence], False
    print("\n".join(sentences))
    transactions.writer.stop()
    sys.exit(0 if is_well else 1)


def _done(asked):
    """(what to say, whether it went well)."""
    if asked.check:
        told = findings.look(asked.file, asked.slug)
        people = counted(len(told["people"]), "member")
        moved = [f"/e/{slug} is taken here and becomes /e/{free}" for slug, free in told["numbered"].items()]
        what = f"{told['name']}: {counted(told['rows'], 'row')}, {people}"
        return [what, *moved, *told["findings"]], not told["findings"]
    if not any(job.is_open for job in arrivals.newest()):
        by = accounts.by_email(asked.owner) if asked.owner else None
        if by is None and not asked.new:
            raise Refused("Say whose account owns it then: --as ADDRESS. On an install without accounts: --new.")
        arrivals.begin(asked.file, by=by, slug=asked.slug, is_new=asked.new)
    jobs.run("organization_import")
    job = arrivals.newest()[0]
    left = [f"Not invited: {email}. {why}" for email, why in job.facts.get("uninvited", ())]
    if job.status != "done":
        return [job.error or "Another process goes on with it."], False
    return [f"{job.facts['name']} is at /{job.facts['slug']}: {counted(job.done, 'row')}.", *left], True


if __name__ == "__main__":
    main()

"""One table of rules, read in Python and in the browser's language: the same cases are asked of both."""

import itertools
import json
import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from domain.events import codes
from domain.events.door import checkpoints
from models import Checkpoint, Event
from static.build import STATIC, node

FACTS = {
    "state": ("active", "void", "passed_on", "suspended", "unknown"),
    "gate": ("open", "closed"),
    "window": ("early", "open", "late"),
    "fits": (True, False),
    "kind": ("entry", "exit"),
    "rule": ("once", "daily", "in_out", "free"),
    "inside": (True, False),
    "entered": (True, False),
}
CASES = [dict(zip(FACTS, case, strict=True)) for case in itertools.product(*FACTS.values())]
CASES += [{"signature": "bad"}, {"event": "other"}]
ZONES = ("Asia/Tokyo", "Europe/Berlin", "America/New_York", "Pacific/Chatham")
MOMENTS = [datetime(2026, 10, 24, tzinfo=UTC) + timedelta(minutes=37 * step) for step in range(80)]


def in_javascript(script, given):
    command = [*node(), "--input-type=module", "-e", script]
    done = subprocess.run(
        command, input=json.dumps(given), capture_output=True, text=True, timeout=60, cwd=STATIC / "js"
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_phone_decides_as_the_server_does():
    script = """
        import { readFileSync } from "fs";
        import { decide } from "./door-decisions.js";
        const { rules, cases } = JSON.parse(readFileSync(0));
        console.log(JSON.stringify(cases.map((facts) => decide(rules, facts))));
    """
    theirs = in_javascript(script, {"rules": checkpoints.TABLE["rules"], "cases": CASES})
    assert theirs == [checkpoints.decide(case) for case in CASES]
    assert {"ok", "used", "inside", "out", "void", "early", "late", "other_gate", "closed", "ok_unknown"} <= set(theirs)


def test_a_day_begins_at_five_in_the_events_zone_here_and_there():
    script = """
        import { readFileSync } from "fs";
        import { dayOf } from "./door-decisions.js";
        const cases = JSON.parse(readFileSync(0));
        console.log(JSON.stringify(cases.map(([zone, at]) => dayOf({ rule: "daily" }, zone, Date.parse(at)))));
    """
    cases = [(zone, moment) for zone in ZONES for moment in MOMENTS]
    theirs = in_javascript(script, [(zone, moment.isoformat()) for zone, moment in cases])
    gate = Checkpoint(rule="daily")
    assert theirs == [checkpoints.day_of(Event(timezone=zone), gate, moment) for zone, moment in cases]


@pytest.mark.parametrize("fallback", [False, True])
def test_a_phone_reads_and_verifies_the_codes_that_we_sign(inside_acme, fallback):
    made = [codes.code(70_000, 66_000, codes.serial()) for _ in range(3)]
    forged = made[0][:40] + ("A" if made[0][40] != "A" else "B") + made[0][41:]
    script = """
        import { readFileSync } from "fs";
        const { texts, keys, fallback } = JSON.parse(readFileSync(0));
        if (fallback) crypto.subtle.importKey = () => { throw new Error("an old browser"); };
        const { read, isSigned } = await import("./door-codes.js");
        const said = [];
        for (const text of texts) {
          const code = read(text);
          said.push(code && [code.event, code.tier, code.serial, await isSigned(code, keys, "../vendor/ed25519.js")]);
        }
        console.log(JSON.stringify(said));
    """
    texts = [*made, made[0].lower(), forged, "GH1:", "hello", made[0] + "AAAA"]
    theirs = in_javascript(script, {"texts": texts, "keys": codes.public_keys(), "fallback": fallback})
    expected = [[70_000, 66_000 % codes.TIERS, codes.read(one).serial, True] for one in [*made, made[0]]]
    assert theirs[:4] == expected
    assert theirs[4] is None or theirs[4][3] is False
    assert theirs[5:] == [None, None, None]

from domain.lists import asks, lists
from domain.operations.runs import leases, past_runs
from domain.people import admins


def listed(cast, **asked):
    listing = past_runs.of("tokens", "Tokens")
    return lists.read(listing, asks.understand(listing, asked), admins.staff(cast.stella)).rows


def test_how_each_run_of_a_job_ended_is_told(cast, clock):
    expected = []
    for outcome in ("ok", "failed", "stopped", "died", "running"):
        taken = leases.take("tokens", "me", "cron")
        clock.forward(seconds=2)
        if outcome == "stopped":
            leases.stop("tokens", "Tokens", by=cast.stella)
        if outcome in ("ok", "failed", "stopped"):
            leases.end(taken, 3, OSError("disk") if outcome == "failed" else None, label="Tokens")
        if outcome == "died":
            clock.forward(seconds=61)
        expected.append(outcome)
    leases.end(leases.take("digests", "me"), 1)
    assert [row.state for row in listed(cast)] == expected[::-1]
    assert [row.state for row in listed(cast, state="died")] == ["died"]
    assert [row.error for row in listed(cast, state="failed")] == ["OSError: disk"]


def test_the_chart_has_the_runs_that_are_over_and_what_is_usual(cast, clock):
    for seconds in (*[10] * 9, 20):
        taken = leases.take("tokens", "me")
        clock.forward(seconds=seconds)
        leases.end(taken, 1)
    leases.take("tokens", "me")
    chart = past_runs.chart("tokens")
    assert [bar.tall for bar in chart.bars] == [50.0] * 9 + [100.0]
    assert (chart.usual, chart.bound, chart.most, chart.line) == ("10 s", "30 s", "20 s", 50)
    assert past_runs.chart("digests").bars == ()

from dataclasses import replace
from datetime import timedelta

import pytest

from database.clock import now
from domain.base import configuration
from domain.operations.runs import norms
from models import JobRun
from tests.fixtures.threads import write


def ran(*seconds, job="tokens", affected=1, ok=True, release=None):
    def make():
        for n, took in enumerate(seconds):
            began = now() - timedelta(hours=len(seconds) - n)
            ended = began + timedelta(seconds=took)
            JobRun.create(
                job=job, started_at=began, finished_at=ended, ok=ok, affected=affected, release=release, number=n
            )

    write(make)


@pytest.mark.above_sql
@pytest.mark.parametrize(
    ("seconds", "bound"),
    [
        ([10] * 9, None),  # too few
        ([1] * 10, 30),  # the least
        ([20] * 10, 60),  # three times the median
        ([100, 100, 100, 100, 100, 140, 140, 140, 140, 140], 120 + 8 * 1.48 * 20),  # beyond eight spreads: 356.8
        ([100, 100, 100, 100, 100, 200, 200, 200, 200, 200], 150 + 8 * 1.48 * 50),  # which is more than three times
    ],
)
def test_too_long_is_beyond_median_and_spread(seconds, bound):
    norm = norms.of(seconds)
    expected = bound and max(bound, 3 * norm.median)
    assert (norm and norm.bound) == (expected and pytest.approx(expected))


def test_only_good_runs_with_work_count_and_only_the_last_thirty(house):
    ran(*[1] * 9)
    ran(*[1] * 5, affected=0)
    ran(*[1] * 5, ok=False)
    assert norms.normal("tokens") is None
    ran(1)
    assert norms.normal("tokens").runs == 10
    ran(*[500] * 30)
    assert norms.normal("tokens").median == 500


def test_a_new_release_learns_afresh_and_keeps_the_old_bound_twice_until_then(house):
    ran(*[20] * 12, release="old")
    configuration.use(replace(configuration.active, release_id="new"))
    assert norms.normal("tokens").bound == 2 * 60
    ran(*[50] * 9, release="new")
    assert norms.normal("tokens").bound == 2 * 60
    ran(50, release="new")
    assert norms.normal("tokens").bound == 150


@pytest.mark.above_sql
@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (0.42, "0.4 s"), (59, "59 s"), (60, "1 min"), (190, "3 min 10 s"), (7500, "2 h 5 min")],
)
def test_durations_are_spoken(seconds, words):
    assert norms.spoken(seconds) == words

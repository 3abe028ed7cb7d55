import pytest

from domain import NotFound
from domain.base import long_jobs
from domain.files import made_files
from tests.fixtures.threads import write


def test_a_file_is_there_once_its_job_is_done_for_a_week(house, clock):
    key = made_files.new_key()
    assert key != made_files.new_key()
    job = write(lambda: long_jobs.begin("made_for_a_test", "1", key=key))
    made_files.place(job).parent.mkdir()
    made_files.place(job).write_bytes(b"12345")
    assert made_files.size(None) is made_files.size(job) is None  # nothing was asked for; it is being made
    write(lambda: long_jobs.finish(long_jobs.claim("made_for_a_test")))
    job = long_jobs.newest("made_for_a_test", "1")
    assert (made_files.path(job).name, made_files.size(job)) == (f"{key}.zip", 5)
    assert made_files.drop_old("made_for_a_test") == []
    clock.forward(days=8)
    with pytest.raises(NotFound, match="isn't kept any more"):
        made_files.path(job)
    assert made_files.drop_old("of another") == []
    assert made_files.place(job).exists()
    assert made_files.drop_old("made_for_a_test") == [job]
    assert not made_files.place(job).exists()

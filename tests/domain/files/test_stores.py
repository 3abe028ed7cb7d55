"""The two places where bytes lie do the same: a folder, and a bucket of a real server that speaks S3."""

import errno
import io
import os
from datetime import timedelta

import boto3
import pytest
from moto.server import ThreadedMotoServer

from database.clock import now
from domain.files import stores


@pytest.fixture(scope="module")
def bucket():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    secret = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=f"http://{host}:{port}", **secret).create_bucket(Bucket="files")
    yield f"s3+http://key:secret@{host}:{port}/files"
    server.stop()


@pytest.fixture(params=["folder", "bucket"])
def store(request, tmp_path):
    if request.param == "folder":
        return stores.Folder(tmp_path / "files")
    return stores.Bucket(request.getfixturevalue("bucket"))


def test_what_is_put_is_read_and_what_is_removed_is_gone(store):
    data = b"x" * (stores.CHUNK + 7)
    store.put("1/ab/abcd", io.BytesIO(data))
    store.put("1/ab/abcd", io.BytesIO(data))
    assert b"".join(store.read("1/ab/abcd")) == data
    assert abs(store.changed_at("1/ab/abcd") - now()) < timedelta(minutes=1)
    store.remove("1/ab/abcd")
    store.remove("1/ab/abcd")
    assert (store.read("1/ab/abcd"), store.changed_at("1/ab/abcd")) == (None, None)


def test_a_key_leads_nowhere_else(store):
    for key in ["../secret.key", "/etc/passwd", "1/../2", "", "a b", "1/a\0"]:
        with pytest.raises(ValueError, match="no key of a file"):
            store.read(key)


def failing(number):
    def fail(_):
        raise OSError(number, str(number))

    return fail


def test_a_full_disk_is_said_and_leaves_nothing_half(tmp_path, monkeypatch):
    store = stores.Folder(tmp_path / "files")
    with monkeypatch.context() as then:
        then.setattr(os, "fsync", failing(errno.ENOSPC))
        with pytest.raises(stores.StoreFull, match="disk of this site is full") as said:
            store.put("1/ab/abcd", io.BytesIO(b"x"))
        then.setattr(os, "fsync", failing(errno.EIO))
        with pytest.raises(OSError, match="5"):
            store.put("1/ab/abcd", io.BytesIO(b"x"))
    assert (said.value.status, said.value.details["retry_after"]) == (503, 60)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_storage_that_does_not_answer_is_said_so():
    with pytest.raises(stores.StoreDown):
        stores.Bucket("s3+http://key:secret@127.0.0.1:9/files").put("1/ab", io.BytesIO(b"x"))

"""A bucket of a real server that speaks S3."""

import types

import boto3
import pytest
from moto.server import ThreadedMotoServer


@pytest.fixture
def bucket():
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    secret = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}", **secret)
    client.create_bucket(Bucket="far")
    yield types.SimpleNamespace(url=f"s3+http://key:secret@{host}:{port}/far", client=client)
    server.stop()

"""The files of docs/deploy: whole for those who read them, and in step with the program. No image is built here."""

import configparser
import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import compose_spec
import pytest
from dockerfile_parse import DockerfileParser

from app import DRAINED, STOPPED
from database import housekeeping
from domain.base.configuration import Configuration
from domain.base.variables import VARIABLES

TOP = Path(__file__).resolve().parent.parent
FOLDER = TOP / "docs" / "deploy"
KNOWN = {variable.name for variable in VARIABLES}


def unit(name):
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str
    read.read_string((FOLDER / name).read_text("utf-8"))
    return read


def compose(text=None):
    found = compose_spec.PyCompose.from_yaml(text or (FOLDER / "compose.yaml").read_text("utf-8"))
    found.validate()
    return found


def test_the_units_hold_the_socket_that_the_server_would_open_and_wait_for_its_end():
    service, port = unit("guildhall.service")["Service"], unit("guildhall.socket")["Socket"]
    usual = Configuration()
    assert port["ListenStream"] == f"{usual.host}:{usual.port}"
    assert unit("guildhall.service")["Unit"]["Requires"] == "guildhall.socket"
    assert service["ExecStart"].endswith("python app.py")
    assert service["Environment"] == f"GUILDHALL_DATA=/var/lib/{service['StateDirectory']}", "where alone it may write"
    assert DRAINED < STOPPED < int(service["TimeoutStopSec"]) < housekeeping.OVERLAP


def test_the_composed_services_are_whole_and_say_what_the_program_knows():
    found = compose()
    site = found.get_service("guildhall")
    assert set(site.environment) <= KNOWN
    assert int(site.stop_grace_period.removesuffix("s")) > STOPPED
    assert (TOP / site.build.dockerfile).is_file()
    needed = int(site.environment["WORKERS"]) * (Configuration().threads + 20)  # docs/deploy.md, "Connections"
    assert int(found.get_service("postgres").command[-1].partition("=")[2]) >= needed
    text, example = ((FOLDER / name).read_text("utf-8") for name in ("compose.yaml", "compose.env.example"))
    asked = set(re.findall(r"(?<!\$)\$\{(\w+)", text))
    given = set(re.findall(r"^(\w+)=", example, re.M))
    assert asked <= given
    assert given - asked <= KNOWN


POSTGRESQL_OF = {"bookworm": 15, "trixie": 17}  # what the packages of a Debian call postgresql-client


def test_copies_of_the_composed_database_can_be_made_and_proven():
    image = re.search(r"^FROM \S+-slim-(\w+)$", (FOLDER / "Dockerfile").read_text("utf-8"), re.M)[1]
    found = compose()
    server = re.match(r"postgres:(\d+)", found.get_service("postgres").image)[1]
    assert POSTGRESQL_OF[image] >= int(server), "pg_dump refuses a server that is newer"
    given = found.get_service("guildhall").environment
    site, keeper = (
        urlsplit(re.sub(r"\$\{.*?\}", "p", given[name])) for name in ("DATABASE_URL", "BACKUP_DATABASE_URL")
    )
    roles = dict(
        re.findall(r"CREATE ROLE (\w+) LOGIN ([A-Z ]*?) ?PASSWORD", (FOLDER / "compose.yaml").read_text("utf-8"))
    )
    assert roles == {site.username: "CREATEDB", keeper.username: "BYPASSRLS"}
    assert site.path == keeper.path


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("service_healthy", "whenever"), ("ports:", "prots:"), ("source: roles", "source: others"), ("services:", "- x")],
)
def test_a_composed_file_that_is_not_whole_is_refused(right, wrong):
    with pytest.raises(ValueError):
        compose((FOLDER / "compose.yaml").read_text("utf-8").replace(right, wrong, 1))


def test_the_image_takes_what_is_there_and_runs_as_nobody_in_particular(tmp_path):
    parsed = DockerfileParser(path=str(tmp_path))
    parsed.content = (FOLDER / "Dockerfile").read_text("utf-8")
    steps = [(step["instruction"], step["value"]) for step in parsed.structure if step["instruction"] != "COMMENT"]
    assert len(parsed.parent_images) == 2
    assert len(set(parsed.parent_images)) == 1, "what was installed runs on the Python that it was installed for"
    for name, value in steps:
        if name == "COPY" and not value.startswith("--from"):
            assert all((TOP / source).exists() for source in value.split()[:-1]), value
    last = dict(steps)
    assert last["USER"] not in ("root", "0")
    assert json.loads(last["CMD"]) == [".venv/bin/python", "app.py"]
    assert last["VOLUME"] == "/var/lib/guildhall"
    assert set(re.findall(r"(\w+)=", last["ENV"])) <= KNOWN

"""What cannot run is one sentence, and nothing is lost."""

import os
import socket
import subprocess
import sys

import pytest

from common.services import ServiceError, places, started
from common.services.manager import main as run_manager
from tests.services.conftest import ROOT, processes_of


def sentence(var) -> str:
    """The sentence with which the servers of `var` do not start; nothing of them is left running."""
    with pytest.raises(ServiceError) as refusal, started(var):
        raise AssertionError("the servers run")
    assert processes_of(var) == {}
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


def contents(folder):
    """Each file below `folder` with its bytes."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_folder_that_is_not_writable_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    found = sentence(tmp_path / "file" / "var")
    assert found == (
        f"The folder {tmp_path}/file/var is not writable (Not a directory): "
        "make it writable for you, or set REGARDS_VAR to a folder that is."
    )


def test_a_socket_path_that_is_too_long_is_named(var, tmp_path, monkeypatch):
    monkeypatch.setenv("REGARDS_RUN_DIR", str(tmp_path / ("deep" * 25)))
    assert "is longer than 100 characters: set REGARDS_RUN_DIR to a folder with a short path." in sentence(
        var
    )
    assert not var.exists()


def test_a_deep_checkout_has_short_socket_paths(tmp_path):
    deep = tmp_path / "/".join(["a-rather-long-name"] * 12) / "var"
    assert len(os.fsencode(places.places(deep).postgres_run / places.POSTGRES_SOCKET)) < 60


def test_a_run_folder_open_to_others_is_refused_and_left_alone(var, tmp_path, monkeypatch):
    monkeypatch.setenv("REGARDS_RUN_DIR", "/tmp")
    run = places.places(var).run
    run.mkdir()
    try:
        (run / "precious").write_text("theirs")
        run.chmod(0o777)
        assert sentence(var) == (
            f"The run folder {run} belongs to somebody else or is open to others: "
            "remove it, or set REGARDS_RUN_DIR to a folder of your own."
        )
        assert (run / "precious").read_text() == "theirs"
    finally:
        (run / "precious").unlink()
        run.rmdir()


def test_a_broken_data_folder_is_named_and_kept(used):
    data = used / "postgres"
    (data / "global" / "pg_control").write_bytes(b"broken")
    before = contents(data)
    found = sentence(used)
    assert found.startswith(f"PostgreSQL cannot start from {data}: ")
    assert found.endswith(f"put a backup back, or start anew after `mv {data} {data}.broken`.")
    assert contents(data).keys() >= before.keys()
    assert contents(data)[data.relative_to(data) / "global" / "pg_control"] == b"broken"


def test_a_folder_without_a_cluster_is_named_and_kept(used):
    data = used / "postgres"
    (data / "PG_VERSION").unlink()
    before = contents(data)
    assert "holds files but no PostgreSQL cluster (PG_VERSION is missing)" in sentence(used)
    assert contents(data) == before


def test_data_of_another_major_version_are_named_and_kept(used):
    data = used / "postgres"
    (data / "PG_VERSION").write_text("17\n")
    before = contents(data)
    assert sentence(used).startswith(
        f"The folder {data} was written by PostgreSQL 17, and this is PostgreSQL 18; nothing was changed: "
    )
    assert contents(data) == before


def test_a_broken_valkey_file_is_named_and_kept(used):
    manifest = next((used / "valkey").rglob("*.manifest"))
    manifest.write_text("broken\n")
    assert sentence(used).startswith(f"Valkey cannot start from {used / 'valkey'}: ")
    assert manifest.read_text() == "broken\n"


def test_a_taken_port_is_named_before_anything_is_prepared(var, capsys, monkeypatch):
    monkeypatch.setenv("REGARDS_VAR", str(var))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert run_manager(["--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"Port {port} on 127.0.0.1 is taken by another program: "
        "stop that, or choose another port: `make run PORT=8010`.\n"
    )
    assert not var.exists()


def test_a_management_command_ends_with_the_sentence_and_code_2(tmp_path):
    (tmp_path / "file").write_text("in the way")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment["REGARDS_VAR"] = str(tmp_path / "file" / "var")
    command = [sys.executable, "manage.py", "migrate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"The folder {tmp_path}/file/var is not writable")
    assert done.stderr.count("\n") == 1

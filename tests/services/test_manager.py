"""The process manager: what it starts ends with it, however it ends."""

import signal
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from common.services.manager import Manager, _login_shown_once
from tests.services.conftest import PATIENCE_SECONDS, ROOT, eventually, wait_for_the_end_of

RUN = """
import multiprocessing
import sys
from pathlib import Path
from common.services.manager import Manager, _run_processes
multiprocessing.set_start_method("fork")
manager = Manager(port=int(sys.argv[1]), first_login=Path(sys.argv[2]))
bound = "exec python -m common.services.bound "
sys.exit(_run_processes(manager, {"one": bound + "sleep 1000", "two": bound + "sleep 1000"}))
"""


class Healthy(BaseHTTPRequestHandler):
    """A site that is there."""

    def do_GET(self):
        self.send_response(200 if self.path == "/healthz" else 404)
        self.end_headers()

    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture
def port():
    with HTTPServer(("127.0.0.1", 0), Healthy) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield site.server_port
        site.shutdown()


@pytest.fixture
def manager(port, tmp_path):
    """A running manager of two processes, and the file with the first login."""
    (tmp_path / "first-login").write_text("Log in as ann with the password s3cret.\n")
    command = [sys.executable, "-c", RUN, str(port), str(tmp_path / "first-login")]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process
        process.kill()


def said_until(process, words):
    """What the manager printed up to and with the line that has these words."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            break
    return "".join(lines)


def below(pid):
    """The processes that this one started, and those that they started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    found = {}
    for child in children:
        found[int(child)] = Path(f"/proc/{child}/comm").read_text().strip()
        found |= below(child)
    return found


def test_it_prints_the_address_and_the_login_when_the_site_answers(manager, port, tmp_path):
    said = said_until(manager, "Ctrl-C stops everything")
    assert f"Regards is at http://127.0.0.1:{port}\n" in said
    assert "Log in as ann with the password s3cret.\n" in said
    assert not (tmp_path / "first-login").exists()


def test_a_password_is_not_shown_twice(tmp_path):
    assert "changepassword" in _login_shown_once(tmp_path / "first-login")[0]


def test_ctrl_c_twice_ends_everything(manager):
    said_until(manager, "Ctrl-C stops everything")
    assert eventually(lambda: list(below(manager.pid).values()).count("sleep") == 2)
    running = below(manager.pid)
    manager.send_signal(signal.SIGINT)
    manager.send_signal(signal.SIGINT)
    manager.stdout.read()
    assert manager.wait(PATIENCE_SECONDS) == 0
    wait_for_the_end_of(running)


def test_killed_it_leaves_no_process(manager):
    said_until(manager, "Ctrl-C stops everything")
    running = below(manager.pid)
    assert len(running) == 4
    manager.kill()
    wait_for_the_end_of(running)


def test_one_that_ends_ends_the_others(port, tmp_path):
    two = '{"one": "exec python -m common.services.bound sleep 1000", "two": "exit 3"}'
    command = [
        sys.executable,
        "-c",
        RUN[: RUN.index("bound =")] + f"sys.exit(_run_processes(manager, {two}))",
    ]
    command += [str(port), str(tmp_path / "none")]
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 3


def test_a_ctrl_c_in_the_first_moments_ends_it(port, tmp_path):
    early = Manager(port=port, first_login=tmp_path / "none")
    early.add_process("one", "true")
    early.terminate()
    assert early._all_stopped()

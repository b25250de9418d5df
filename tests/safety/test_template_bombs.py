"""Templates made to eat a worker: each ends within two seconds and 256 MB, and the worker goes on."""

import json
import subprocess
import sys

from tests.safety.bombs import bombs

SECONDS, BYTES = 2.0, 256 * 2**20


def test_each_bomb_ends_in_time_and_memory_and_the_worker_lives():
    worker = [sys.executable, "-m", "tests.safety.bomb_worker"]
    ran = subprocess.run(worker, capture_output=True, text=True, timeout=300, check=False)
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0, ran.stderr[-2_000:]
    assert [one["name"] for one in told] == [bomb.name for bomb in bombs()]
    assert len(told) == 51
    assert [one for one in told if one["seconds"] > SECONDS or one["bytes"] > BYTES or not one["lives"]] == []
    assert {one["ended"] for one in told} == {"refused", "failed", "shown"}

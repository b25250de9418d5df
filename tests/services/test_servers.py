"""Real servers, started, shared, killed."""

import os
import signal

import psycopg
import redis

from common.services import places as place
from common.services import started, urls
from tests.services.conftest import eventually, processes_of, wait_for_the_end_of

SERVERS = ["postgres", "python", "valkey-server"]


def query(var, statement):
    host = str(place.places(var).postgres_run)
    with psycopg.connect(host=host, user="regards", dbname="regards", autocommit=True) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchone() if cursor.description else None


def takes_connections(var):
    try:
        return query(var, "SELECT 1") == (1,)
    except psycopg.OperationalError:
        return False


def test_the_addresses_are_known_before_anything_runs(var):
    found = urls(var)
    run = place.places(var).run
    assert found.database_url == f"postgres://regards@/{run}/postgres/regards"
    assert found.redis_url == f"unix://{run}/valkey.sock"
    assert found.broker_url == f"redis+socket://{run}/valkey.sock"
    assert not var.exists()


def test_data_are_kept_over_a_restart(var):
    with started(var):
        query(var, "CREATE TABLE kept AS SELECT 42 AS answer")
        redis.Redis.from_url(urls(var).redis_url).set("kept", "42")
    assert processes_of(var) == {}
    with started(var):
        assert query(var, "SELECT answer FROM kept") == (42,)
        assert redis.Redis.from_url(urls(var).redis_url).get("kept") == b"42"
        assert query(var, "SELECT current_setting('fsync'), current_setting('timezone')") == ("on", "UTC")


def test_a_second_process_uses_the_servers_of_the_first_and_may_outlive_it(used, program):
    first = program(used)
    running = processes_of(used)
    assert sorted(running.values()) == SERVERS
    second = program(used)
    assert second.said == "up"
    assert processes_of(used) == running
    first.end()
    assert processes_of(used) == running
    assert query(used, "SELECT 1") == (1,)
    second.end()
    assert processes_of(used) == {}
    assert not place.places(used).run.exists()


def test_a_killed_program_leaves_no_process(used, program):
    user = program(used)
    running = processes_of(used)
    user.kill()
    wait_for_the_end_of(running)
    assert processes_of(used) == {}


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_works(used, program):
    user = program(used)
    running = processes_of(used)
    os.kill(next(pid for pid, name in running.items() if name == "python"), signal.SIGKILL)
    wait_for_the_end_of(running)
    assert processes_of(used) == {}
    user.kill()
    assert program(used).said == "up"


def test_a_start_right_after_the_supervisor_was_killed_works(used, program):
    user = program(used)
    running = processes_of(used)
    os.kill(next(pid for pid, name in running.items() if name == "python"), signal.SIGKILL)
    assert program(used).said == "up"
    assert not running.keys() & processes_of(used).keys()
    user.kill()


def test_a_killed_database_is_started_again(used, program):
    program(used)
    postgres = {pid: name for pid, name in processes_of(used).items() if name == "postgres"}
    os.kill(next(iter(postgres)), signal.SIGKILL)
    wait_for_the_end_of(postgres)
    assert eventually(lambda: takes_connections(used))
    assert not postgres.keys() & processes_of(used).keys()


def test_a_pid_file_that_names_a_stranger_stops_nothing(used, program):
    (used / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{used / 'postgres'}\n0\n5432\n\n\n")
    assert program(used).said == "up"

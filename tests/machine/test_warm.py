"""A warm Python does what a cold one does: output, exit status, signals, and no memory."""

import os
import signal
import subprocess

import psutil

from workshop.machine.patience import by_clock, wait_until
from workshop.machine.warm import SHARED, Warm


def job(warm, folder, module: str, *words: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*warm.python, module, *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def test_output_arguments_folder_and_exit_status_are_those_of_the_job(warm, tmp_path):
    (tmp_path / "talk.py").write_text(
        "import os, sys\nprint(sys.argv[1:], os.getcwd())\n"
        "print('err', file=sys.stderr)\nsys.exit(3)"
    )
    done = job(warm, tmp_path, "talk", "a", "b c")
    assert done.returncode == 3
    assert done.stdout == f"['a', 'b c'] {tmp_path}\n" and done.stderr == "err\n"


def test_an_exception_is_a_traceback_and_status_1(warm, tmp_path):
    (tmp_path / "fails.py").write_text("1 / 0")
    done = job(warm, tmp_path, "fails")
    assert done.returncode == 1 and "ZeroDivisionError" in done.stderr


def test_a_job_remembers_nothing_of_the_one_before(warm, tmp_path):
    (tmp_path / "mine.py").write_text("x = 1")
    (tmp_path / "asks.py").write_text("import mine; print(mine.x)")
    assert job(warm, tmp_path, "asks").stdout == "1\n"
    (tmp_path / "mine.py").write_text("x = 22")
    assert job(warm, tmp_path, "asks").stdout == "22\n"


def test_a_file_with_a_librarys_name_is_found_before_the_library_as_in_a_cold_python(
    warm, tmp_path
):
    (tmp_path / "celery.py").write_text("x = 'mine'")
    (tmp_path / "asks.py").write_text("import celery; print(celery.x)")
    assert job(warm, tmp_path, "asks").stdout == "mine\n"


def test_a_signal_reaches_the_job_and_a_killed_asker_ends_it(warm, tmp_path):
    (tmp_path / "waits.py").write_text(
        "import os, signal\nprint(os.getpid(), flush=True)\nsignal.pause()"
    )

    def start() -> tuple[subprocess.Popen, int]:
        asker = subprocess.Popen(
            [*warm.python, "waits"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(tmp_path)},
            stdout=subprocess.PIPE,
            text=True,
        )
        return asker, int(asker.stdout.readline())

    asker, pid = start()
    asker.send_signal(signal.SIGTERM)
    assert asker.wait(by_clock(5)) == 128 + signal.SIGTERM
    asker.stdout.close()
    asker, pid = start()
    asker.kill()
    wait_until(lambda: not psutil.pid_exists(pid), limit=5, what="the job's end")
    asker.wait()
    asker.stdout.close()


def test_a_server_that_was_shared_and_has_ended_is_replaced(tmp_path, monkeypatch):
    monkeypatch.delenv(SHARED, raising=False)
    monkeypatch.setenv("WORKSHOP_HOME", str(tmp_path))
    with Warm() as lab:
        lab.wait()
        lab.share()
        with Warm() as mine:
            assert mine.socket == lab.socket
            lab._server.stdin.close()
            lab._server.wait()
            (tmp_path / "asks.py").write_text("print(1)")
            mine.wait()
            assert mine.socket != lab.socket
            assert job(mine, tmp_path, "asks").stdout == "1\n"


def test_a_job_that_comes_before_all_libraries_are_there_is_done(tmp_path, monkeypatch):
    monkeypatch.delenv(SHARED, raising=False)
    (tmp_path / "asks.py").write_text("import sys; print('celery.apps.beat' in sys.modules)")
    with Warm() as early:
        early.wait()
        first = job(early, tmp_path, "asks")  # sent at once: mostly some libraries are missing
        assert first.returncode == 0 and first.stdout in ("False\n", "True\n")
        wait_until(
            lambda: job(early, tmp_path, "asks").stdout == "True\n", limit=60, what="all of them"
        )

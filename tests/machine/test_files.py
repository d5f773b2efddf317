"""A file is whole or not there, and one process at a time holds a lock."""

import os
import subprocess
import sys

import pytest

from workshop.machine.files import link_whole, locked, write_whole


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    file = tmp_path / "kept"
    write_whole(file, "old", mode=0o700)
    with pytest.raises(UnicodeEncodeError):
        write_whole(file, "new \ud800")
    assert os.listdir(tmp_path) == ["kept"]
    assert file.read_text() == "old" and file.stat().st_mode & 0o777 == 0o700


def test_a_reader_never_sees_a_half(tmp_path):
    file, texts = tmp_path / "file", {"a" * 100_000, "b" * 100_000}
    write_whole(file, min(texts))
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from workshop.machine.files import write_whole\n"
        "while True:\n    for letter in 'ab':\n"
        "        write_whole(Path(sys.argv[1]), letter * 100_000)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(file)]) as writer:
        seen = {file.read_text() for _ in range(2000)}
        writer.kill()
    assert seen <= texts


def test_a_link_is_moved_though_one_that_was_cut_off_lies_beside_it(tmp_path):
    link = tmp_path / "link"
    (tmp_path / f".link.{os.getpid()}").symlink_to("nowhere")
    for target in (tmp_path / "one", tmp_path / "two"):
        link_whole(link, target)
        assert link.readlink() == target


def test_a_lock_is_one_processs_and_goes_with_it(tmp_path):
    file = tmp_path / "lock"
    code = (
        "import sys\nfrom pathlib import Path\nfrom workshop.machine.files import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('held', flush=True)\n    input()\n"
    )
    command = [sys.executable, "-c", code, str(file)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline()
        with locked(file, wait=False) as alone:
            assert not alone
        other.kill()
        with locked(file) as alone:
            assert alone

"""The parts of `make matrix` that need no root: what it runs, copies, counts and prints."""

import os
import re
import subprocess
import sys

import pytest

from tools import debian, matrix
from workshop import places

DEB822 = """\
# a comment
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://mirror.example/off
Suites: bookworm
Components: main
"""
ONE_LINE = """\
# deb http://mirror.example/old bookworm main
deb [arch=amd64 signed-by=/a/key.gpg] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
"""
SAID = """\
tests/test_one.py ...F
=========================== short test summary info ============================
FAILED tests/test_one.py::test_two - AssertionError: 3 passed in 1 s
============ 1 failed, 812 passed, 2 skipped, 2 errors in 834.15s (0:13:54) ============
"""


def test_both_formats_of_apts_sources_are_read():
    assert debian.sources_in(DEB822) == [
        ("http://mirror.example/debian", "bookworm", "main contrib"),
        ("http://mirror.example/debian", "bookworm-updates", "main contrib"),
        ("http://mirror.example/security", "bookworm-security", "main"),
    ]
    assert debian.sources_in(ONE_LINE) == [
        ("http://mirror.example/debian", "bookworm", "main contrib")
    ]


def test_another_release_comes_from_the_same_mirrors_and_from_debian_alone():
    here = [
        *debian.sources_in(DEB822),
        debian.Source("http://vendor.example/apt", "nodistro", "main"),
        debian.Source("http://vendor.example/apt", "bookworm-pgdg", "main"),
        debian.Source("http://vendor.example/apt", "bookworm", "stable"),
    ]
    assert debian.sources_for("trixie", here, "bookworm") == [
        ("http://mirror.example/debian", "trixie", "main"),
        ("http://mirror.example/debian", "trixie-updates", "main"),
        ("http://mirror.example/security", "trixie-security", "main"),
    ]


def test_only_what_leads_to_packages_is_taken_from_the_environment():
    given = {
        "HTTPS_PROXY": "http://proxy.example:3128",
        "no_proxy": "localhost",
        "PIP_INDEX_URL": "http://mirror.example/simple",
        "UV_INDEX_URL": "http://mirror.example/simple",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        "FORCE_COLOR": "1",
        "PYTHONPATH": "/here",
        "HOME": "/root",
        "WORKSHOP_SOLVED": "1",
    }
    kept = debian.for_the_network(given)
    assert set(kept) == set(given) - {"FORCE_COLOR", "PYTHONPATH", "HOME", "WORKSHOP_SOLVED"}


@pytest.mark.parametrize(
    ("only", "names"),
    [
        ("debian 13, user", ["debian 13, user"]),
        ("Debian 12 root", ["debian 12, root"]),
        ("13", ["debian 13, root", "debian 13, user"]),
        ("", ["debian 12, root", "debian 12, user", "debian 13, root", "debian 13, user"]),
    ],
)
def test_only_names_columns_by_their_words(only, names):
    assert [column.name for column in matrix.chosen(only)] == names


def test_a_column_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(debian.Impossible, match=r'"debian 11" names no column.*debian 12, root'):
        matrix.chosen("debian 11")


def test_tests_are_counted_by_pytests_last_line_and_nothing_else():
    assert matrix.counts(SAID) == {"passed": 812, "failed": 3, "skipped": 2}
    assert matrix.counts("1 passed in 0.10s\n2 passed in 1.5s\n") == {"passed": 3}
    assert not matrix.counts("no tests ran in 0.01s\n")


def test_the_table_has_a_line_for_each_column():
    done = matrix.Column("13", matrix.LEARNER, {"system": "Debian 13", "passed": "813"})
    head, line = matrix.table([done]).splitlines()
    assert head.split() == matrix.HEAD
    assert line.split() == ["Debian", "13", "–", "–", "–", "813", "–", "–", "–", "–"]
    assert head.index("passed") == line.index("813")


def test_a_user_has_a_path_with_a_space_and_an_accent_and_no_need_to_install():
    for column in matrix.COLUMNS:
        if column.user != "root":
            assert re.search(r" .*é", matrix.FOLDERS[column.user])
        for server in ("rabbitmq-server", "redis-server"):
            assert (server in column.packages) == (column.user != "root")


def test_without_root_one_line_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(debian.os, "geteuid", lambda: 1000)
    with pytest.raises(debian.Impossible, match="needs root"):
        debian.require()
    monkeypatch.setattr(debian.os, "geteuid", lambda: 0)
    monkeypatch.setattr(debian.shutil, "which", lambda _: None)
    with pytest.raises(debian.Impossible, match="apt-get install debootstrap"):
        debian.require()


def test_the_command_itself_ends_with_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "tools.matrix"],
        cwd=places.CHECKOUT,
        env={**os.environ, "ONLY": "windows"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1 and done.stderr.startswith("✗ make matrix: ")


def test_the_course_itself_imports_no_tool():
    for file in (places.CHECKOUT / "workshop").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) tools\b", file.read_text(), re.M), file

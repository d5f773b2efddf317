"""Any shell: what it sets is out of the way of what the course runs, or the doctor names it."""

import json
import locale
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from workshop import places
from workshop.desk import prepare, stages
from workshop.health import machine as the_machine
from workshop.health import variables
from workshop.lesson import lesson
from workshop.machine import environment, ports, process
from workshop.project import probe

JUPYTERS = {
    "FORCE_COLOR": "1",
    "CLICOLOR": "1",
    "CLICOLOR_FORCE": "1",
    "PY_COLORS": "1",
    "TERM": "xterm-color",
}
PEOPLES = {
    "COLUMNS": "200",
    "LINES": "7",
    "LANG": "ko_KR.UTF-8",
    "LC_ALL": "en_US.ISO-8859-1",
    "LC_MESSAGES": "ko_KR.UTF-8",
    "CDPATH": "/",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "latin-1",
    "PYTHONSTARTUP": "/nowhere.py",
    "PYTHONPATH": "/nowhere",
    "PYTHONSAFEPATH": "1",
    "PYTHONHOME": "/nowhere",
    "PYTHONWARNINGS": "error",
    "PYTHON_DOTENV_DISABLED": "1",
    "CELERY_BROKER_URL": "redis://",
    "DJANGO_SETTINGS_MODULE": "other.settings",
}
ASK = (
    "import json, os, shutil, sys; "
    "print(json.dumps([sys.stdout.encoding, sys.getfilesystemencoding(), "
    "shutil.get_terminal_size().columns, sys.flags.safe_path, dict(os.environ)]))"
)


@pytest.fixture
def crowded(monkeypatch):
    """A shell that sets everything there is to set."""
    for name, value in {**JUPYTERS, **PEOPLES}.items():
        monkeypatch.setenv(name, value)


def is_clean(said: list, in_a_cell: bool = False) -> bool:
    stdout, files, columns, safe, found = said
    assert (stdout, files, columns, safe) == ("utf-8", "utf-8", 80, False)
    assert not set(environment.DROPPED) & set(found) - {"NO_COLOR" if in_a_cell else ""}
    left = {n for n in found if n.startswith("PYTHON") and n not in environment.HARMLESS}
    assert left <= {"PYTHON_COLORS"}, left
    assert {n: found[n] for n in environment.FIXED} == environment.FIXED
    assert not [name for name in found if environment.overrides_files(name)]
    return True


def test_a_command_of_the_course_knows_nothing_of_the_shell(crowded, tmp_path):
    (tmp_path / "ask.py").write_text(ASK)
    with process.run(
        f"{shlex.quote(sys.executable)} ask.py; sleep 9",
        cwd=tmp_path,
        ready=process.says("]$"),
        grace=0.1,
    ) as run:
        assert is_clean(json.loads(run.text()))


def test_what_asks_a_project_knows_nothing_of_the_shell(crowded, tmp_path):
    line = shlex.join([sys.executable, "-c", ASK])
    assert is_clean(json.loads(probe.ask("subprocess:getoutput", cwd=tmp_path, cmd=line)))


def test_a_cells_line_knows_nothing_of_the_shell_but_what_the_lesson_sets(crowded):
    environment.enter()
    assert os.environ["DJANGO_SETTINGS_MODULE"] == "other.settings"
    for name in list(filter(environment.overrides_files, os.environ)):
        del os.environ[name]
    said = subprocess.run([sys.executable, "-c", ASK], capture_output=True, check=True)
    assert is_clean(json.loads(said.stdout), in_a_cell=True)


def test_begin_enters_it(learner, crowded):
    here = Path.cwd()
    try:
        lesson.begin("03")
        assert os.environ["COLUMNS"] == "80" and "FORCE_COLOR" not in os.environ
    finally:
        os.chdir(here)


def test_a_script_on_the_broker_knows_nothing_of_the_shell(crowded, broker, tmp_path):
    (tmp_path / "says.sh").write_text(
        f"{shlex.quote(sys.executable)} -c '{ASK}' > {tmp_path}/said\nrabbitmqctl -q eval 'node().'"
    )
    stage = type("Stage", (), {"solution": tmp_path, "name": "some"})
    prepare.run_script(stage, "says.sh", broker)
    assert is_clean(json.loads((tmp_path / "said").read_text()))


def test_the_nodes_own_commands_know_nothing_of_another_node(broker, monkeypatch):
    for name, value in {
        "RABBITMQ_NODENAME": "another@elsewhere",
        "RABBITMQ_CONFIG_FILES": "/nowhere",
        "ERL_LIBS": "/nowhere",
        "ERL_AFLAGS": "-no_such_flag +Z",
        "LC_ALL": "en_US.ISO-8859-1",
    }.items():
        monkeypatch.setenv(name, value)
    assert broker.node in broker.ctl("eval", "node().")


# --- the course's own command line -------------------------------------------------------


def say(*words: str, python: str = sys.executable, **more: str) -> subprocess.CompletedProcess:
    env = {**os.environ, **more}
    return subprocess.run([python, *words], capture_output=True, env=env, check=False, timeout=60)


IN_THE_WAY = [
    {"PYTHONSAFEPATH": "1", "PYTHONPATH": "/nowhere", "PYTHONSTARTUP": "/nowhere"},
    {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"},
    {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
]


@pytest.mark.parametrize("variables", IN_THE_WAY)
def test_the_command_line_works_in_any_shell(variables):
    for command in (["-m", "workshop"], [str(places.VENV_BIN / "workshop")]):
        done, count = say(*command, "status", **variables), len(stages.numbered())
        assert done.returncode == 0, done.stderr
        assert f"{count} stages · go on" in done.stdout.decode() and not done.stderr


@pytest.mark.parametrize("variables", IN_THE_WAY)
def test_the_set_up_works_in_any_shell(variables):
    done = say(str(SCRIPT), "--help", **variables)
    assert done.returncode == 0 and not done.stderr, done.stderr


SCRIPT = places.CHECKOUT / "tools" / "bootstrap.py"


def test_the_python_of_another_home(tmp_path):
    """The other's modules are Python files that this one reads; its compiled ones it cannot."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    library = tmp_path / "lib" / version
    library.mkdir(parents=True)
    for one in Path(os.__file__).parent.iterdir():
        if one.name not in ("lib-dynload", "site-packages"):
            (library / one.name).symlink_to(one)
    home = str(tmp_path)
    broken = say("-c", "import fcntl", PYTHONHOME=home)
    if not broken.returncode:
        pytest.skip("this Python has all its modules built in")
    for command in (["-m", "workshop", "status"], [str(SCRIPT), "--help"]):
        done = say(*command, PYTHONHOME=home)
        assert done.returncode == 0, done.stderr


def test_a_terminal_without_utf_8_gets_question_marks():
    code = (
        "import locale; locale.getencoding = lambda: 'ISO-8859-1'\n"
        "from workshop.machine import environment; environment.print_marks(); print('✓ été')"
    )
    assert say("-c", code).stdout == "? été\n".encode("latin-1")


def test_make_works_under_another_pythons_home():
    if not shutil.which("make"):
        pytest.skip("no make here")
    mine = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    env = {**mine, "PYTHONHOME": "/nowhere"}
    dry = subprocess.run(
        ["make", "--eval", 'ask: ; @echo "home: $$PYTHONHOME"', "ask"],
        cwd=places.CHECKOUT,
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    assert dry.stdout == "home: \n"


# --- a home that is not there --------------------------------------------------------------


def test_a_home_that_is_not_there_or_cannot_be_written_to_is_replaced(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/nowhere/at/all")
    assert environment.find_home(str(tmp_path / "home")) == "/nowhere/at/all"
    assert os.environ["HOME"] == str(tmp_path / "home") and (tmp_path / "home").is_dir()
    assert environment.find_home("/nowhere") == ""
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write where others may not
    assert environment.find_home(str(tmp_path / "other")) == str(tmp_path / "home")


def test_a_user_without_a_home_has_ports(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # as for an unknown user
    monkeypatch.chdir(tmp_path)
    assert set(ports.claim(tmp_path, {"web": 8000}, {})) == {"web"}


def test_the_course_says_that_the_home_is_not_used_and_jupyter_has_another(tmp_path):
    done = say("-m", "workshop", "status", HOME="/nowhere/at/all", WORKSHOP_HOME=str(tmp_path))
    assert done.returncode == 0
    assert "/nowhere/at/all cannot be written to" in done.stderr.decode()
    code = (
        "from workshop.machine import environment\n"
        f"environment.find_home({str(tmp_path / 'other')!r})\n"
        "from jupyter_core import paths\n"
        "print(*[paths.jupyter_runtime_dir(), paths.jupyter_config_dir()], sep='\\n')"
    )
    found = say("-c", code, HOME="/nowhere/at/all").stdout.decode().splitlines()
    assert len(found) == 2 and all(str(tmp_path / "other") in one for one in found), found


def test_a_port_of_the_shells_is_not_the_web_servers(broker, monkeypatch):
    monkeypatch.setenv("PORT", "tcp://10.0.0.1:80")
    prepare.enter(broker)
    monkeypatch.delenv("MONITOR_PORT", raising=False)
    prepare.enter(broker)
    ports = prepare.own_ports(broker)
    assert os.environ["PORT"] == str(ports["web"])
    assert os.environ["MONITOR_PORT"] == str(ports["monitor"])


# --- what the doctor names ------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "CELERY_RESULT_BACKEND",
        "CELERY_BROKER_READ_URL",
        "CELERY_BROKER_WRITE_URL",
        "CELERY_WORKER_QUEUES",
        "CELERY_APP",
        "CELERY_LOADER",
        "RESULT_BACKEND",
        "BROKER_URL",
        "DATABASE_URL",
        "DJANGO_SETTINGS_MODULE",
        "PROCFILE",
    ],
)
def test_what_stands_in_front_of_the_settings_is_named(name, monkeypatch):
    monkeypatch.setitem(environment.AT_START, name, "x")
    found = variables.environment()
    assert name in found.found and f"unset {name}; make stop; make lab" == found.cure


def test_what_a_notebook_sets_itself_is_not_the_shells(monkeypatch):
    monkeypatch.setenv("BROKER_URL", "amqp://from.the/lessons.env")
    monkeypatch.setitem(environment.AT_START, "DJANGO_SETTINGS_MODULE", "celery_testing.settings")
    assert not variables.environment().cure
    assert "BROKER_URL" not in environment.clean()


# Read, and of no consequence here: each with the reason.
OF_NO_CONSEQUENCE = {
    "C_FORCE_ROOT": "celery warns, or does not",
    "COMP_CWORD": "completion",
    "COMP_WORDS": "completion",
    "DJANGO_COLORS": "fixed",
    "DJANGO_SUPERUSER_": "asked for by createsuperuser alone",
    "DJANGO_SUPERUSER_PASSWORD": "asked for by createsuperuser alone",
    "DJANGO_TEST_PROCESSES": "how many tests abreast",
    "DJANGO_WATCHMAN_TIMEOUT": "the reloader's patience",
    "ITERM_PROFILE": "pictures in a terminal",
    "NO_COLOR": "dropped",
    "NO_WORKER": "pytest's",
    "NUMBER_OF_PROCESSORS": "Windows'",
    "PATH": "set by prepare.enter",
    "PORT": "set by prepare.enter",
    "PYTHONSTARTUP": "dropped",
    "PYTHON_DOTENV_DISABLED": "dropped",
    "RUNNING_DJANGOS_TEST_SUITE": "Django's own tests",
    "TERM": "fixed",
    "TERM_PROGRAM": "colors, which DJANGO_COLORS turns off",
    "TEST_BROKER": "tests",
    "TEST_BACKEND": "tests",
    "PATHEXT": "Windows'",
    "celery_dummy_proxy": "a marker that celery leaves",
    "TZ": "set by Django from its settings",
    "WORKER_LOGLEVEL": "tests",
}
READ = re.compile(
    r"(?:environ(?:\.get|\.pop|\.setdefault)?|getenv)[\[(]\s*['\"]([A-Za-z_]+)['\"]"
    r"|envvar=['\"]([A-Za-z_]+)['\"]"
)
# what WSGI calls environ, too
OF_A_REQUEST = re.compile("wsgi|HTTP_|REQUEST_|REMOTE_|SERVER_|SCRIPT_NAME|PATH_|QUERY_|CONTENT_")
PACKAGES = ("amqp", "billiard", "celery", "django", "dj_database_url", "django_celery_beat")
PACKAGES += ("django_celery_results", "dotenv", "honcho", "kombu", "rest_framework", "vine")


def test_everything_that_the_packages_read_is_known():
    """A later version of one that reads more fails here."""
    read: dict[str, set[str]] = {}
    for package in PACKAGES:
        folder = Path(sysconfig.get_path("purelib"), package)
        for file in folder.rglob("*.py"):
            if "transport" not in file.parts or file.stem in ("__init__", "base", "pyamqp"):
                for found in READ.findall(file.read_text(errors="replace")):
                    read.setdefault("".join(found), set()).add(f"{package}/{file.name}")
    assert len(read) > 50
    assert not {
        name: files
        for name, files in read.items()
        if not (
            environment.overrides_files(name)
            or name in OF_NO_CONSEQUENCE
            or name in environment.DROPPED
        )
        and not OF_A_REQUEST.match(name)
    }


def test_another_django_on_the_pythonpath_is_named_with_a_cure_that_helps(tmp_path, monkeypatch):
    (tmp_path / "django").mkdir()
    told = environment.DROPPED_PREFIX + "PYTHONPATH"
    monkeypatch.setenv(told, f"/nowhere{os.pathsep}{tmp_path}")
    found = variables.shell()
    assert "PYTHONPATH contains another django" in found.found and found.cure == "unset PYTHONPATH"
    monkeypatch.setenv(told, str(places.CHECKOUT))
    assert not variables.shell().cure
    # where Jupyter was started by hand, Python has it on its path by now
    monkeypatch.setitem(environment.AT_START, "PYTHONPATH", str(tmp_path))
    assert "unset PYTHONPATH" in variables.environment().cure


def test_a_package_of_another_version_on_the_pythonpath(tmp_path, monkeypatch):
    info = tmp_path / "celery-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: celery\nVersion: 1.0\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = the_machine.packages()
    assert "another celery" in found.found and "unset PYTHONPATH" in found.cure


def test_the_check_in_a_shell_with_another_django(tmp_path, no_queues):
    """Nothing is blamed on the learner, nor on the packages."""
    (tmp_path / "django").mkdir()
    (tmp_path / "django" / "__init__.py").write_text("raise ImportError('the wrong django')")
    done = say("-m", "workshop", "doctor", "--json", PYTHONPATH=str(tmp_path))
    named = {line["name"]: line["found"] for line in json.loads(done.stdout) if line["cure"]}
    assert set(named) == {"shell"}, named


def test_a_kernel_that_is_not_utf_8_is_named(monkeypatch):
    monkeypatch.setattr(locale, "getpreferredencoding", lambda _: "ISO-8859-1")
    found = variables.shell()
    assert "ISO-8859-1" in found.found and "PYTHONUTF8=1" in found.cure

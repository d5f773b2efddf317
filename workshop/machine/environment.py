"""The environment of what the course runs: the same on every machine and in every shell.

`clean` is for each command that the course starts, `enter` for this process and all that it
starts (a notebook's `!` lines), `start_again` for a command line of the course.

It needs only os and sys, and Python 3.6 syntax: bootstrap.py imports it too, and under
another Python's PYTHONHOME little more than these two can be imported.
"""

import os
import sys

# What decides how a command's output looks. No color: a lesson's text is searched with grep.
FIXED = {
    "LANG": "C.UTF-8",
    "LC_ALL": "C.UTF-8",
    "PYTHONUTF8": "1",
    "COLUMNS": "80",
    "TERM": "dumb",
    "PYTHON_COLORS": "0",
    "DJANGO_COLORS": "nocolor",
    "SHELL": "sh",  # a `!` line means the same everywhere
}
# What a developer's shell adds to every pytest is not for these tests either.
# Jupyter forces colors on what its kernels start; CDPATH makes `cd` print where it went; with
# NO_COLOR Celery 5.7 ends in a TypeError where it should print an error (celery/bin/base.py).
DROPPED = (
    "FORCE_COLOR",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "PY_COLORS",
    "LINES",
    "LANGUAGE",
    "CDPATH",
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
)

# What makes Celery, kombu, Django, honcho or the project itself do something other than what
# the learner's files say. tests/machine/test_environment.py reads the packages for more of these.
OVERRIDING = (
    *("APP", "BROKER_URL", "RESULT_BACKEND", "LOADER", "CONFIG_MODULE", "SKIP_CHECKS"),
    *("C_BENCH", "C_BENCH_EVERY", "C_FAKEFORK", "C_IMPDEBUG", "C_REMDEBUG"),
    *("C_STRICT_APP", "C_WARN_APP", "C_WNOCONF", "AUTOSCALE_KEEPALIVE", "DISABLE_TRACEBACKS"),
    *("EVENTLET_NOBLOCK", "FORKED_BY_MULTIPROCESSING", "MP_LOG", "MP_MAIN_FILE", "NOSETPS"),
    *("MULTIPROCESSING_FORKING_DISABLE", "PICKLE_PROTOCOL", "REMAP_SIGTERM", "TIMER_DEBUG"),
    *("USE_FAST_LOCALS", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "DJANGO_PROJECT_DIR"),
    *("DJANGO_ALLOW_ASYNC_UNSAFE", "DJANGO_RUNSERVER_HIDE_WARNING", "PROCFILE"),
)
# Every option of `celery` and of Flower is a variable, too: CELERY_WORKER_QUEUES is --queues.
OVERRIDING_PREFIXES = ("CELERY_", "FLOWER_", "KOMBU_", "_MP_FORK_")
# What the course's own projects set for themselves, in a notebook that imports them.
OURS = {"DJANGO_SETTINGS_MODULE": "celery_testing.settings"}

# Python's own variables are dropped, except those that do not change what is run or shown.
HARMLESS = ("PYTHONUTF8", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX")
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 2))
DROPPED_PREFIX = "COURSE_DROPPED_"  # where `start_again` leaves what it took away, for the doctor

AT_START = dict(os.environ)  # before a notebook's own code adds to it


def overrides_files(name):
    """Whether a variable overrides what the learner's files say."""
    return name in OVERRIDING or name.startswith(OVERRIDING_PREFIXES)


def active_overrides():
    """The names of such variables that this process was given."""
    return sorted(n for n, value in AT_START.items() if overrides_files(n) and OURS.get(n) != value)


def _is_foreign(name, value):
    """Whether a variable changes what Python runs."""
    own = name in HARMLESS or (name, value) == ("PYTHONPATH", ROOT)
    return name.startswith("PYTHON") and not own


def checkout_on_path():
    """PYTHONPATH with only this checkout, so that several can share one set of packages."""
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    return {"PYTHONPATH": ROOT} if ROOT in paths else {}


def _tidy(given):
    kept = {
        name: value
        for name, value in given.items()
        if not (
            name in DROPPED or name.startswith(("LC_", DROPPED_PREFIX)) or _is_foreign(name, value)
        )
    }
    kept.update(FIXED)
    kept.update(checkout_on_path())
    return kept


def clean(**more):
    """The environment of a command that the course starts, with `more` laid over it."""
    kept = {name: value for name, value in os.environ.items() if not overrides_files(name)}
    return dict(_tidy(kept), **more)


def enter():
    """Give this process, a notebook's kernel, such an environment for its `!` lines.

    Variables that override files are left alone: a lesson sets some of them on purpose.
    """
    tidied = dict(_tidy(os.environ), NO_COLOR="1")  # a `!` line writes to a terminal
    for name in set(os.environ) - set(tidied):
        del os.environ[name]
    os.environ.update(tidied)


def lab_environment():
    """The environment of JupyterLab, whose terminals keep the learner's language.

    A browser's terminal uses UTF-8, whatever the terminal that Lab was started in uses.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not (name in DROPPED or name.startswith(DROPPED_PREFIX))
    }
    locale = kept.get("LC_ALL") or kept.get("LC_CTYPE") or kept.get("LANG") or ""
    return kept if "UTF" in locale.upper() else dict(kept, LC_ALL="C.UTF-8")


def dropped():
    """The shell's Python variables that this process was started without."""
    return {
        n[len(DROPPED_PREFIX) :]: v for n, v in os.environ.items() if n.startswith(DROPPED_PREFIX)
    }


def start_again():
    """Start this command line again without the shell's Python variables, if there are any.

    It then uses UTF-8 for files and pipes, whatever the locale. Returns at once
    if nothing is in the way.
    """
    foreign = [name for name, value in os.environ.items() if _is_foreign(name, value)]
    if not foreign and sys.getfilesystemencoding().lower() in ("utf-8", "utf8"):
        return
    own = checkout_on_path()
    for name in foreign:
        os.environ[DROPPED_PREFIX + name] = os.environ.pop(name)
    os.environ.update(own, PYTHONUTF8="1")
    words = getattr(sys, "orig_argv", [sys.executable, *sys.argv])
    os.execv(sys.executable, [sys.executable, *words[1:]])


def print_marks():
    """Let a terminal without UTF-8 show the course's marks as `?` instead of ending in a traceback.

    As in Python itself, the locale C means UTF-8.
    """
    import locale

    name = getattr(locale, "getencoding", lambda: "UTF-8")()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            if "ANSI" in name.upper() or "ASCII" in name.upper():
                stream.reconfigure(errors="replace")
            else:
                stream.reconfigure(encoding=name, errors="replace")


def find_home(instead):
    """Set HOME to `instead` if it is missing or cannot be written to; return what it was, or "".

    JupyterLab, IPython, matplotlib and uv all keep something there, and end without it.
    """
    home = os.path.expanduser("~")
    if os.path.isdir(home) and os.access(home, os.W_OK | os.X_OK):
        return ""
    os.makedirs(instead, exist_ok=True)
    os.environ["HOME"] = instead
    return home

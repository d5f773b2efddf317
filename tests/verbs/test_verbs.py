"""The learner's verbs: the same words in a terminal and in a notebook, and nothing is lost."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from workshop import places, verbs
from workshop.__main__ import course
from workshop.broker.node import Broker
from workshop.desk import lessons, progress, stages
from workshop.errors import CourseError
from workshop.lab import terminal
from workshop.lesson.lesson import begin
from workshop.machine.patience import by_clock, wait_until
from workshop.machine.process import card_folder
from workshop.report import BROKEN, NOT_TRIED, PASS, WRONG, Report, Result

WORKERS = "testing/workers.py"
STEPS = ("a question", "where to look", "nearly the answer")


@pytest.fixture
def desk(learner):
    """An empty desk with nothing noted, and nothing set aside."""
    forget()
    yield places.desk()
    forget()


def forget() -> None:
    progress.file().unlink(missing_ok=True)
    for one in stages.backups():
        subprocess.run(["rm", "-r", str(one.path)], check=True)


def lay(number: str, *, solved: bool = False) -> stages.Stage:
    stage = stages.find(number)
    (stages.solve if solved else stages.reset)(stage, port=Broker().port)
    return stage


def report(*states: str) -> Report:
    return Report("03_worker", [item(n, state) for n, state in enumerate(states)])


def checked(stage: stages.Stage, found: Report) -> None:
    progress.record_check(stage, found, progress.fingerprint(stage))


def item(number: int, state: str, seen: str = "seen") -> Result:
    return Result(f"item_{number}", f"item {number}", state, seen, "a", WORKERS, STEPS)


def workshop(*words: str, **more: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "workshop", *words],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "80", **more},
    )


# --- hint ----------------------------------------------------------------------------------


def test_hints_go_on_from_a_question_to_nearly_the_answer(desk):
    stage = lay("03")
    checked(stage, report(PASS, WRONG))
    said = [str(verbs.hint(stage)) for _ in range(4)]
    for text, step in zip(said, (*STEPS, STEPS[-1]), strict=True):
        assert step in text and "item 1" in text and f"TODO a in {WORKERS}" in text
    assert "workshop hint 03" in said[0] and "workshop diff 03" in said[2]


def test_hints_go_on_over_the_tries_for_one_mistake_and_start_again_for_another(desk):
    stage = lay("03")
    for seen, hint in (
        ("it is 12", STEPS[0]),
        ("it is 13", STEPS[1]),  # the same mistake: only the number differs
        ("something else", STEPS[0]),
        ("something else", STEPS[1]),
    ):
        other = report(WRONG)
        other.items[0] = item(0, WRONG, seen)
        checked(stage, other)
        assert hint in str(verbs.hint(stage))
    verbs.reset(stage)
    checked(stage, other)
    assert STEPS[0] in str(verbs.hint(stage))


def test_a_hint_is_for_the_item_that_does_not_wait_for_another(desk):
    stage = lay("03")
    found = report(WRONG, WRONG)
    found.items[0] = replace(item(0, NOT_TRIED, ""), blocked_by=found.items[1].id)
    found.items[1] = item(1, BROKEN, "NameError")
    checked(stage, found)
    said = str(verbs.hint(stage))
    assert "NameError" in said and "TODO" not in said


def test_a_hint_looks_again_when_a_file_was_saved(desk, solved):
    stage = solved("02")
    checked(stage, Report("02_vhost", [Result("old", "old", WRONG, "old", hints=STEPS)]))
    assert "old" in str(verbs.hint(stage))
    script = stage.desk / "vhost.sh"
    script.write_text(script.read_text().replace('".*" ".*" ".*"', '"" ".*" ".*"'))
    assert "learner may declare" in str(verbs.hint(stage))


def test_what_was_saved_while_a_check_went_on_or_could_not_is_looked_at_anew(desk):
    """Nothing that was seen in older files is said of these."""
    stage = lay("03")
    file, before = stage.path / WORKERS, progress.fingerprint(stage)
    file.write_text(file.read_text() + "# saved during the check\n")
    progress.record_check(stage, report(WRONG), before)
    assert progress.last_report(stage) is None
    checked(stage, report(WRONG))
    file.write_text(file.read_text() + "# and mended\n")
    unwell = Report("03_worker", [], ["this machine is too busy"])
    checked(stage, unwell)
    assert progress.last_report(stage) is None


def test_there_is_no_hint_where_all_is_right(desk):
    stage = lay("03")
    checked(stage, report(PASS))
    assert "workshop next" in str(verbs.hint(stage))


# --- why -----------------------------------------------------------------------------------

REFUSED = "kombu.exceptions.OperationalError: [Errno 111] Connection refused"


def test_why_takes_an_error_in_words_in_a_file_and_from_a_pipe(tmp_path):
    file = tmp_path / "said.txt"
    file.write_text(f"Traceback (most recent call last):\n  …\n{REFUSED}\n")
    piped = subprocess.run(
        [sys.executable, "-m", "workshop", "why"],
        input=file.read_text(),
        capture_output=True,
        text=True,
        check=True,
    )
    for said in (workshop("why", *REFUSED.split()), workshop("why", str(file)), piped):
        assert said.returncode == 0
        cause, look, shown = said.stdout.splitlines()
        assert "nothing listens" in cause and look == "→ rabbitmqctl ping" and "stage 04" in shown


def test_why_says_so_where_it_knows_no_cause_and_where_there_is_no_error(monkeypatch):
    unknown = workshop("why", "a text of nobody's")
    assert unknown.returncode == 1 and "does not know this error" in unknown.stdout
    with pytest.raises(CourseError, match="no error to explain"):
        verbs.why("")
    monkeypatch.delattr(sys, "last_value", raising=False)
    with pytest.raises(CourseError, match="no error to explain"):
        verbs.why()


def test_why_explains_the_last_error_of_a_notebook(monkeypatch):
    try:
        try:
            raise TypeError("sum_number() missing 1 required positional argument: 'y'")
        except TypeError as first:
            raise RuntimeError("and another") from first
    except RuntimeError as error:
        monkeypatch.setattr(sys, "last_value", error, raising=False)
    assert "one argument is missing" in str(verbs.why())


# --- diff ----------------------------------------------------------------------------------


def test_diff_shows_one_file_at_a_time_in_the_order_of_the_todos(desk):
    stage = lay("04")
    said = str(verbs.diff(stage))
    assert "testing/views.py" in said.splitlines()[0]
    assert '+    return Response(data={"res": "good"})' in said
    assert "workshop diff 04 testing/urls.py" in said
    assert "sum/<int:x>" not in said
    assert "sum/<int:x>" in str(verbs.diff(stage, "testing/urls.py"))


def test_diff_of_a_finished_stage_says_so_and_of_no_such_file_names_the_files(desk):
    stage = lay("04", solved=True)
    assert "as in the solution" in str(verbs.diff(stage))
    with pytest.raises(CourseError, match="no file 'nosuch'") as error:
        verbs.diff(stage, "nosuch")
    assert "testing/views.py, testing/urls.py" in error.value.cure


# --- kept ----------------------------------------------------------------------------------


def test_what_was_set_aside_is_listed_and_comes_back(desk):
    stage = lay("03")
    (stage.desk / WORKERS).write_text("mine")
    (stage.desk / "notes.txt").write_text("mine too")
    copies = stage.desk / "testing" / ".ipynb_checkpoints"  # JupyterLab's editor's own
    copies.mkdir()
    (copies / "workers-checkpoint.py").write_text("mine")
    verbs.solve(stage)
    listed = str(verbs.kept())
    assert "notes.txt, testing/workers.py" in listed and "checkpoint" not in listed
    said = str(verbs.kept("1"))
    assert (stage.desk / WORKERS).read_text() == "mine"
    assert (stage.desk / "notes.txt").read_text() == "mine too"
    assert "your files are backed up in desk/.kept/03_worker-" in said
    [aside] = stages.backups()
    assert "sum_number" in (aside.path / WORKERS).read_text()


def test_no_such_thing_set_aside_is_answered_with_what_there_is(desk):
    stage = lay("03")
    assert "no backups" in str(verbs.kept())
    verbs.reset(stage)
    with pytest.raises(CourseError, match="03_worker-"):
        verbs.kept("9")


def test_a_terminal_in_the_folder_stands_in_it_still_after_solve(desk, monkeypatch):
    stage = lay("03")
    monkeypatch.chdir(stage.desk)
    verbs.solve(stage)
    assert os.path.samefile(".", stage.desk)
    assert "TODO" not in Path(WORKERS).read_text()


# --- status, next --------------------------------------------------------------------------


def test_status_has_every_state(desk):
    assert str(verbs.status()).count("not begun") == len(stages.all_stages())
    progress.record_begun(lay("01"))
    checked(lay("02"), report(PASS, WRONG))
    checked(lay("03"), report(PASS))
    verbs.solve(stages.find("04"))
    lines = str(verbs.status()).splitlines()
    for line, state in zip(
        lines, ("begun", "1 of 2", "done", "solved for you", "not begun", "not begun"), strict=False
    ):
        assert state in line
    assert f"2 of {len(stages.numbered())} stages" in lines[-1]
    assert all(len(line) <= 80 for line in lines)


def test_a_stage_that_was_solved_is_done_only_after_a_reset(desk):
    stage = stages.find("03")
    verbs.solve(stage)
    checked(stage, report(PASS))
    assert progress.rows()[2].state == progress.SOLVED
    verbs.reset(stage)
    assert progress.rows()[2].state == progress.BEGUN
    checked(stage, report(PASS))
    assert progress.rows()[2].state == progress.DONE


def test_status_survives_a_deleted_folder_and_names_the_way_back(desk):
    stage = lay("03")
    checked(stage, report(PASS, WRONG))
    subprocess.run(["rm", "-r", str(stage.desk)], check=True)
    said = str(verbs.status())
    assert "1 of 2" in said.splitlines()[2] and "workshop begin 03" in said


def test_a_renamed_stage_keeps_its_record_and_its_folder(desk):
    stage = next(stage for stage in stages.all_stages() if stage.former_name)
    lay(stage.name)
    file = stage.desk / stage.todo[0]
    file.write_text("mine")
    checked(stage, report(PASS, WRONG))
    old = stage.desk.with_name(stage.former_name)
    stage.desk.rename(old)
    lessons.lay_all()
    (lessons.folder() / f"{stage.former_name}.ipynb").write_text("my lesson")
    [facts] = json.loads(progress.file().read_text()).values()
    number = stage.former_name[:2]  # once the key; another stage has it now
    progress.file().write_text(json.dumps({number: {**facts, "name": stage.former_name}}))
    row = int(stage.number) - 1
    assert "1 of 2" in str(verbs.status()).splitlines()[row]
    assert "not begun" in str(verbs.status()).splitlines()[int(number) - 1]
    verbs.begin(stages.find(number))
    verbs.begin(stage)
    assert file.read_text() == "mine" and not old.exists()
    lessons.lay_all()
    [kept] = lessons.folder().glob(f"{stage.name}-*.ipynb")
    assert kept.read_text() == "my lesson"


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"03": 7}', '{"03": {"report": {"items": 1}}}'])
def test_a_spoiled_record_stops_nothing(desk, text):
    lay("03")
    progress.file().write_text(text)
    assert f"{len(stages.numbered())} stages" in str(verbs.status())
    progress.record_begun(stages.find("03"))
    assert progress.read()["03_worker"]["begun"]


def test_four_writers_at_once_lose_nothing(desk):
    code = """
from workshop.desk import progress, stages
for _ in range(100):
    with progress.record(stages.find("03")) as facts:
        facts["count"] = facts.get("count", 0) + 1
"""
    running = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(4)]
    assert [one.wait() for one in running] == [0] * 4
    assert progress.read()["03_worker"]["count"] == 400


def test_a_pause_is_not_counted_as_work(desk, monkeypatch):
    stage, now = stages.find("03"), time.time()
    for at in (now, now + 60, now + 9000):
        monkeypatch.setattr(progress.time, "time", lambda at=at: at)
        progress.record_begun(stage)
    assert progress.read()["03_worker"]["seconds"] == pytest.approx(60 + progress.PAUSE_SECONDS)


def test_next_begins_the_stage_to_go_on_with(desk, monkeypatch):
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(desk))
    said = str(verbs.next_())
    assert "01 · A broker keeps requests" in said and "make lab" in said
    assert stages.find("01").desk.exists()
    checked(stages.find("01"), report(PASS))
    assert "02 · " in str(verbs.next_())


def test_next_goes_on_from_where_a_late_joiner_is(desk):
    checked(lay("04"), report(PASS))
    assert progress.next_stage().number == "05"
    for stage in stages.all_stages()[4:]:
        checked(lay(stage.number), report(PASS))
    assert progress.next_stage().number == "01"


# --- one stage for whoever names none ------------------------------------------------------


def test_without_a_word_it_is_the_stage_one_stands_in_or_was_at_last(desk, monkeypatch):
    with pytest.raises(CourseError, match="which stage"):
        verbs.which(None)
    progress.record_begun(lay("04"))
    assert verbs.which(None).number == "04"
    monkeypatch.chdir(lay("03").desk / "testing")
    assert verbs.which(None).number == "03"


# --- terminal and notebook -----------------------------------------------------------------


def test_a_terminal_and_a_notebook_say_the_same(desk):
    cwd = os.getcwd()
    try:
        stage = begin("03")
        first = str(stage.check())
        for verb in ("diff", "kept", "status"):
            here, there = str(getattr(stage, verb)()), workshop(verb).stdout
            assert here.split() == there.split(), verb
        assert first.split() == workshop("check", "03").stdout.split()
        assert STEPS and "hint 1 of 3" in str(stage.hint())
        assert "hint 2 of 3" in workshop("hint").stdout
        assert "<table" in stage.status()._repr_html_()
    finally:
        os.chdir(cwd)


def test_a_wrong_name_is_answered_with_the_names_there_are(desk):
    for verb in ("hint", "diff", "solve", "reset", "begin", "check"):
        done = workshop(verb, "wroker")
        assert done.returncode == 1 and "03_worker" in done.stderr
        assert "Traceback" not in done.stderr


def test_help_lists_every_verb_in_its_order_and_whole_in_a_narrow_terminal():
    for columns in ("80", "50"):
        said = workshop("--help", COLUMNS=columns).stdout
        assert "workshop next" in said.split("Commands:")[0] and "..." not in said.split("\n", 1)[1]
        listed = re.findall(r"^  (\w+) ", said.split("Commands:")[1], re.M)
        assert listed[:5] == ["lab", "next", "open", "status", "check"] and len(listed) == 19
    assert "its number or name; else the one you are at" in workshop("check", "--help").stdout


def test_without_a_verb_the_verbs_are_listed():
    done = workshop()
    assert done.returncode == 2 and not done.stdout
    assert "workshop next" in done.stderr and "check  " in done.stderr


def test_a_letter_that_no_todo_has_is_named_with_those_there_are(desk):
    with pytest.raises(CourseError, match="no TODO 'x' here: the letters are a, b") as raised:
        verbs.check(lay("03"), "x")
    assert "the whole stage" in str(raised.value)


def test_a_stage_with_a_fault_has_no_files_to_compare_or_to_install(desk):
    assert "nothing to write" in workshop("begin", "19").stdout
    for verb in ("diff", "solve", "reset"):
        done = workshop(verb, "19")
        assert done.returncode == 1 and f"stage.{'reset' if verb == 'reset' else 'solve'}()" in (
            done.stderr
        )


def test_a_diagnosis_in_a_terminal(desk):
    assert "30  " in workshop("diagnose").stdout
    done = workshop("diagnose", "two", "beats")
    assert done.returncode == 1 and 'begin("19")' in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("chek 03", "Did you mean 'check'?"),
        ("check 03 a b", "(b)"),
        ("check --jsno", "Did you mean '--json'?"),
        ("status --json", "'--json'"),
        ("--nosuch status", "'--nosuch'"),
        ("completion", "bash"),
        ("completion fish", "'bash', 'zsh'"),
    ],
)
def test_what_no_verb_takes_is_named_with_where_to_look(words, said):
    done = workshop(*words.split())
    assert done.returncode == 2 and not done.stdout
    assert said in done.stderr and "--help' for help" in done.stderr
    assert "Traceback" not in done.stderr


def test_more_words_of_test_go_to_pytest(monkeypatch):
    called = []
    monkeypatch.setattr(subprocess, "call", lambda command: called.append(command) or 5)
    words = ["tests", "-k", "03 and not hint", "-xvs", "--co", "--maxfail=1", "-q"]
    assert course.commands["test"].main(words, standalone_mode=False) == 5
    assert called[0][-len(words) :] == words


# --- completion ----------------------------------------------------------------------------

TAB = """eval "$(workshop completion bash)"
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_workshop_completion "$1"
printf '%s\n' "${COMPREPLY[@]}"
"""


PATH = f"{places.VENV_BIN}{os.pathsep}{os.environ['PATH']}"


def output(*command: str) -> str:
    env = {**os.environ, "PATH": PATH}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout


def completed_by_bash(*words: str) -> list[str]:
    """What bash offers for the last word of this command line."""
    return output("bash", "-c", TAB, "bash", *words).split()


def test_bash_completes_verbs_stages_and_options():
    assert completed_by_bash("workshop", "h") == ["hint"]
    names = [stage.name for stage in stages.all_stages()]
    assert completed_by_bash("workshop", "hint", "") == names
    assert completed_by_bash("workshop", "check", "03") == ["03_worker"]
    assert "--watch" in completed_by_bash("workshop", "check", "--")
    assert completed_by_bash("workshop", "completion", "") == ["bash", "zsh"]


def test_a_terminal_of_lab_completes(tmp_path, monkeypatch):
    for name, value in {"SHELL": "bash", "WORKSHOP_HOME": tmp_path, "HOME": tmp_path}.items():
        monkeypatch.setenv(name, str(value))
    said = output(*terminal.command(PATH), "-i", "-c", "complete -p workshop")
    assert "_workshop_completion" in said


def test_zsh_completes_verbs_and_stages():
    assert "compdef _workshop_completion workshop" in workshop("completion", "zsh").stdout
    for line, found in {"workshop h": "hint", "workshop check 03": "03_worker"}.items():
        tab = {"COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        said = workshop(_WORKSHOP_COMPLETE="zsh_complete", **tab).stdout.splitlines()
        assert said[:2] == ["plain", found] and len(said) == 3


# --- watch ---------------------------------------------------------------------------------


def test_watch_looks_again_when_a_file_is_saved_and_ends_with_ctrl_c(desk):
    stage = lay("02")
    log = card_folder() / "watch.log"
    card_folder().mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        running = subprocess.Popen(
            [sys.executable, "-u", "-m", "workshop", "check", "02", "--watch"],
            stdout=out,
            stderr=subprocess.PIPE,
            # a shell that runs the tests in the background has it ignored
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    try:
        wait_until(lambda: "checks again" in log.read_text(), limit=20, what="the first look")
        assert "0 of 3" in log.read_text()
        solution = stages.localized(stage.solution / "vhost.sh", Broker().port)
        (stage.desk / "vhost.sh").write_bytes(solution)
        wait_until(
            lambda: log.read_text().count("checks again") == 2, limit=20, what="the second look"
        )
        assert "3 of 3" in log.read_text()
    finally:
        running.send_signal(2)
        _, said = running.communicate(timeout=by_clock(10))
        assert running.returncode == 130 and not said.strip()
        log.unlink()

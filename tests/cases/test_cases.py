"""Each fault is seen by the check, and each cure of it; nothing stays on the broker."""

import re
import shutil

import pytest

from workshop import cases, places, verbs
from workshop.broker import login
from workshop.cases.reset import end_case
from workshop.cases.system import System
from workshop.desk import case, progress, stages
from workshop.errors import CourseError
from workshop.health import diagnosis
from workshop.lesson.lesson import begin
from workshop.machine.patience import wait_until
from workshop.report import NOT_TRIED, PASS, WRONG

CASES = cases.all_cases()
[SICK] = [stage for stage in stages.all_stages() if stage.is_sick]
OTHER_FAULT = "visitors send the same form twice"


@pytest.fixture
def sick(learner, broker, monkeypatch, tmp_path):
    """A function that begins a fault as a notebook does; at the end, all of it is gone."""
    monkeypatch.chdir(tmp_path)  # back here at the end
    progress.file().unlink(missing_ok=True)
    lessons = []

    def lay_out(fault=None):
        lessons.append(begin(SICK.number, fault=fault))
        return lessons[-1]

    yield lay_out
    for lesson in lessons:
        lesson.stop()
    end_case(broker)
    (places.desk() / f".{SICK.name}.case.json").unlink(missing_ok=True)
    shutil.rmtree(places.desk() / ".kept", ignore_errors=True)


def states(shown) -> dict[str, str]:
    return {item.id: item.state for item in shown.report.items}


@pytest.mark.parametrize("number", CASES, ids=lambda number: f"{number:02}")
def test_a_fault_is_seen_named_and_cured(sick, number):
    stage = sick(number)
    assert stage.diagnose(OTHER_FAULT).right is False
    assert stage.diagnose(CASES[number].name).right
    found = stage.check()  # to name it is no cure
    assert states(found) == {
        "fault_is_named": PASS,
        "complaint_is_gone": WRONG,
        "all_else_works": NOT_TRIED,
        "fault_is_cured": NOT_TRIED,
    }, str(found)
    complaint = next(item for item in found.report.items if item.id == "complaint_is_gone")
    assert complaint.hints == CASES[number].hints, str(found)
    stage.solve()
    well = stage.check()
    assert well.right, str(well)
    assert case.cured(SICK) == {}  # the course has done it


# --- the cases as such -------------------------------------------------------------------------


def test_there_are_thirty_diagnoses_and_each_fault_is_one_of_them():
    known = cases.diagnoses()
    assert len(known) == len(set(known)) == 30
    assert {one.name for one in CASES.values()} < set(known)
    assert list(CASES) == list(range(1, 13))


@pytest.mark.parametrize("one", CASES.values(), ids=lambda one: one.name)
def test_a_complaint_and_the_first_hints_do_not_name_the_fault(one):
    assert re.fullmatch(r"“[^“”]+[.?!]”", one.complaint)
    assert one.hints[0].endswith("?") and len(one.hints) == 3
    assert one.name not in " ".join([one.complaint, *one.hints[:2]])


# --- what a learner types ----------------------------------------------------------------------


@pytest.fixture
def record(learner):
    """A fault that is laid out, as far as its record says; nothing runs."""
    progress.file().unlink(missing_ok=True)
    stages.begin(SICK, port=5672)
    progress.record_begun(SICK)
    yield case.lay_out(SICK, 3)
    (places.desk() / f".{SICK.name}.case.json").unlink(missing_ok=True)


def test_a_diagnosis_may_be_a_number_a_text_or_a_part_of_it(record):
    number = cases.diagnoses().index("two beats are running") + 1
    for words in (number, str(number), "Two beats are running.", "two beats"):
        assert verbs.diagnose(words).right, words
    assert len(str(verbs.diagnose()).splitlines()) > 30


def test_a_wrong_diagnosis_is_answered_with_a_question_and_never_with_the_cure(record):
    said = [str(verbs.diagnose("database is locked")) for _ in range(4)]
    assert CASES[3].hints[0] in said[0]
    assert all(CASES[3].hints[2] not in one for one in said)
    assert case.laid_out(SICK).guesses == 4 and not case.laid_out(SICK).diagnosed


@pytest.mark.parametrize("words", ["0", "31", "a worker", "gremlins", "-1"])
def test_what_is_not_in_the_list_is_refused_with_the_list(record, words):
    with pytest.raises(CourseError, match="diagnos"):
        verbs.diagnose(words)
    assert case.laid_out(SICK).guesses == 0


def test_without_a_fault_nothing_can_be_named(learner):
    with pytest.raises(CourseError, match="no system with a fault"):
        verbs.diagnose("two beats")
    found = verbs.check(SICK)
    assert states(found) == {
        "fault_is_named": WRONG,
        "complaint_is_gone": NOT_TRIED,
        "all_else_works": NOT_TRIED,
        "fault_is_cured": NOT_TRIED,
    }
    assert "no fault is laid out" in str(found)


def test_a_fault_that_is_not_there_is_refused(sick):
    with pytest.raises(CourseError, match="no fault 13"):
        sick(13)


# --- the doctor --------------------------------------------------------------------------------


def test_the_doctor_keeps_the_fault_to_itself_once_and_does_not_lie(sick, broker):
    stage = sick(4)
    # the management API knows of an alarm a few seconds later
    wait_until(lambda: broker.facts("nodes")[0]["mem_alarm"], limit=20, what="the alarm")
    lines = {one.name: one for one in diagnosis.doctor().findings}
    assert lines["alarms"].cure and "memory" not in lines["alarms"].found
    told = {one.name: one for one in diagnosis.doctor().findings}
    assert "memory" in told["alarms"].found
    assert not diagnosis.machine_problems(is_sick=True)  # or the check would not look at all
    assert diagnosis.machine_problems()  # but another stage's would be blamed for it
    stage.solve()
    wait_until(lambda: not broker.facts("nodes")[0]["mem_alarm"], limit=20, what="its end")
    assert "none" in {one.name: one for one in diagnosis.doctor().findings}["alarms"].found


def test_another_stage_ends_the_fault_on_the_broker(sick, broker):
    sick(4)
    verbs.lay_out(stages.find("03"))
    alarms = "rabbit_alarm:get_alarms()."
    assert broker.ctl("eval", alarms).strip() == "[]"
    assert not case.laid_out(SICK).is_on_broker
    assert case.current() is None


# --- other cures -------------------------------------------------------------------------------


def test_a_process_that_is_ended_by_hand_is_a_cure(sick):
    stage = sick(3)
    stage.stop()
    System(stage).start()  # somebody starts supervisor again, and nothing else
    stage.diagnose("two beats")
    assert stage.check().right
    assert list(case.cured(SICK)) == [3]


def test_a_system_that_does_not_run_is_named_as_such(sick):
    stage = sick(2)
    stage.stop()
    found = stage.check()
    assert "the system is not running" in str(found)
    assert case.laid_out(SICK)
    case.forget(SICK)  # as the next begin() does, before it lays out another one
    with pytest.raises(CourseError, match="no system with a fault"):
        stage.diagnose("two beats")


def test_a_cure_that_breaks_something_else_is_none(sick):
    stage = sick(3)
    stage.solve()
    System(stage).control("stop", "beat")
    found = states(stage.check())
    assert found["complaint_is_gone"] == WRONG or found["all_else_works"] == WRONG
    assert found["fault_is_cured"] == NOT_TRIED


def test_a_restart_hides_a_dead_connection_and_is_no_cure(sick):
    stage = sick(7)
    System(stage).control("signal", "KILL", "sums")
    assert "not yet, even if it looks so" in str(stage.check())
    stage.diagnose(CASES[7].name)
    found = stage.check()
    assert states(found)["complaint_is_gone"] == WRONG
    assert "until a connection dies the next time" in str(found)


def test_a_process_that_dies_is_reported_without_another_error(sick, broker):
    log = System(sick(9)).log("sums")
    assert "exited with 'signal 11 (SIGSEGV)'" in log and "KeyError" not in log
    end_case(broker)  # the policy is the project's own again
    [policy] = [one for one in broker.policies(login.VHOST) if one["name"] == "sums"]
    assert policy["definition"]["delivery-limit"] == 2


def test_by_chance_it_is_one_that_is_not_cured_yet(record, monkeypatch):
    from workshop.broker.node import Broker
    from workshop.lesson.sick import SickLesson

    lesson = SickLesson(SICK, Broker())
    assert lesson._next() == 3  # it is not cured yet
    record.cured = record.diagnosed = record.begun
    case.save(SICK, record)
    assert {lesson._next() for _ in range(200)} == set(CASES) - {3}
    case.lay_out(SICK, 7, is_chosen=True)  # to look at one is not to be stuck with it
    assert {lesson._next() for _ in range(200)} == set(CASES) - {3, 7}

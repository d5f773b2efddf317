"""What the small modules say: a worker's log read, a likely cause found, a picture drawn."""

import html
import io
import re
import sys
from itertools import pairwise
from types import SimpleNamespace

import nbformat
import numpy
import pytest
from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tools.refresh import masked, masks, merged, printed
from workshop import checks, show
from workshop.causes import cause_of, rows
from workshop.desk import stages
from workshop.lesson import pictures
from workshop.project.log import jobs
from workshop.report import BROKEN, NOT_TRIED, PASS, WRONG, Report, Result

LOG = """
[2026-11-23 06:33:13,481: INFO/MainProcess] celery@host ready.
[2026-11-23 06:33:13,500: INFO/MainProcess] Task t.u[a-1] received
06:33:14 worker.1 | [2026-11-23 06:33:13,600: INFO/MainProcess] Task t.u[b-2] received
[2026-11-23 06:33:14,000: INFO/ForkPoolWorker-2] Task t.u[a-1] succeeded in 0.25s: 12
"""


def test_a_workers_log_is_read_with_and_without_honchos_margin():
    first, second = jobs(LOG)
    assert (first.id, first.result, first.process, first.seconds) == (
        "a-1",
        "12",
        "ForkPoolWorker-2",
        0.25,
    )
    assert first.ended - first.begun == pytest.approx(0.25)
    assert second.id == "b-2" and not second.ended


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["example"][:60])
def test_each_cause_is_found_by_the_text_it_is_for(row):
    """No row above it takes the text, and its words have what stands in their braces."""
    found = cause_of(row["example"])
    groups = re.search(row["says"], row["example"]).groups()
    assert (found.means, found.look) == (row["means"].format(*groups), row["look"].format(*groups))
    assert not found.stage or stages.find(found.stage)


def test_a_text_without_a_known_cause_has_none():
    assert cause_of("all is well") is None
    assert cause_of("access to vhost 'shop' refused for user 'ann'") is None


def test_what_to_type_next_is_a_command_in_a_terminal_and_a_method_in_a_notebook(monkeypatch):
    assert show.typed("check", "08", "a") == "workshop check 08 a"
    assert show.typed("next") == "workshop next"
    kernel = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=True))
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    assert show.typed("check", "08", "a") == "stage.check('a')"
    assert show.typed("next") == "stage.next()"


def test_an_address_is_a_link_in_a_notebook_and_plain_text_in_a_terminal():
    answer = show.Answer(show.link("http://127.0.0.1:8888/lab?token=1&x=2"))
    address = "http://127.0.0.1:8888/lab?token=1&amp;x=2"
    assert f'<a href="{address}">' in answer._repr_html_()
    said = io.StringIO()
    answer.print(Console(file=said, width=20, force_terminal=True))
    assert said.getvalue() == "http://127.0.0.1:8888/lab?token=1&x=2\n"  # no escape around it


def test_a_refresh_keeps_an_ignored_output_with_as_many_lines():
    def out(text):
        return [nbformat.v4.new_output("stream", text=text)]

    assert printed(out("12 s\n")) == printed(out("13 s\n"))
    assert printed(out("12 s, 3 ms\n")) != printed(out("12 s\n3 ms\n"))


def test_a_report_names_every_state_by_a_mark_and_a_word():
    found = Report(
        "03_worker", [Result(s, s, s, "look there") for s in (PASS, NOT_TRIED, WRONG, BROKEN)]
    )
    shown = show.Shown(found)
    for state, mark in show.MARKS.items():
        assert f"{mark} {state}" in str(shown)
        assert mark in shown._repr_html_()
    assert "1 of 4" in str(shown) and not found.passed
    assert (
        "<script>" not in show.Shown(Report("03", [Result("x", "<script>", WRONG)]))._repr_html_()
    )


def words(shown):
    """What a notebook draws, as text: a block ends a line, nothing else does."""
    text = re.sub(r"</(div|td)>", "\n", shown._repr_html_())
    return html.unescape(re.sub(r"<[^>]*>", "", text))


SEEN = Report(
    "02_vhost",
    [
        Result("a", "learner's vhost is '/vhost' & <no other>", PASS),
        Result("b", 'it answers {"res": "good"}', WRONG, "the view answered\n  <h1>'no'</h1>"),
        Result("c", "untouched", NOT_TRIED, "as it was", "d", "vhost.sh", untouched=True),
        Result("d", "blocked", NOT_TRIED, blocked_by="b"),
        Result("e", "amqp://learner:sesame@localhost:5672//vhost", BROKEN, "[red]no markup[/red]"),
    ],
)
RIGHT = Report("03_worker", SEEN.items[:1], why={"a": "Because [it] is so.", "b": "<b>"})
ILL = Report("03_worker", [], machine_problems=["the disk is full"])


@pytest.mark.parametrize("report", [SEEN, RIGHT, ILL])
def test_a_notebook_draws_a_check_as_a_table_with_the_words_of_the_text(report):
    shown = show.Shown(report)
    drawn = shown._repr_html_()
    assert words(shown).split() == str(shown).split()
    assert "<pre" not in drawn and "<table" in drawn
    assert drawn.count("<tr") == len(report.items) + len(report.why)
    assert not re.search(r"<(no other|h1|b)>", drawn)
    assert not re.search(r"<style|class=", drawn)  # a saved notebook keeps neither


def test_a_notebook_draws_every_kind_of_part_with_the_words_of_the_text():
    table = Table(box=None, show_header=False)
    table.add_row("03", Text("2026-11-23 06:33", no_wrap=True), Text("25 min", justify="right"))
    group = Group(Text("title"), Padding(Text("→ seen"), (0, 0, 0, 2)))
    answer = show.Answer(
        table,
        group,
        Text.assemble(("- yours", show.RED), "  + <new>"),
        show.link("http://a/?b=1&c"),
    )
    drawn = answer._repr_html_()
    assert words(answer).split() == str(answer).split()
    assert '<a href="http://a/?b=1&amp;c">' in drawn and "padding-left: 2ch" in drawn
    assert "text-align: right" in drawn and f"color: {show.RED.lower()}" in drawn


def test_an_answer_may_break_a_long_address_and_no_other_word():
    address = f"amqp://learner:sesame@localhost:5672/{'/vhost' * 3}"
    shown = show.Shown(Report("02", [Result("a", f"the vhost is '/vhost', not {address}", WRONG)]))
    [broken] = re.findall(
        r'<span style="overflow-wrap: anywhere">(.*?)</span>', shown._repr_html_()
    )
    assert broken == address and "break" not in shown._repr_html_()


def test_why_is_said_where_all_is_right_and_only_there():
    why = {"a": "Because [it] is so."}
    right, wrong = (Report("03", [Result("x", "x", state)], why=why) for state in (PASS, WRONG))
    said = io.StringIO()
    listener = show.OneByOne(Console(file=said))
    for report, is_said in ((right, True), (wrong, False)):
        listener.end(report)
        for shown in (str(show.Shown(report)), said.getvalue()):
            assert (why["a"] in shown) == is_said and ("workshop diff 03" in shown) == is_said
        said.truncate(0)
    assert Report.from_data(right.as_data()) == right


def test_an_address_is_whole_in_a_narrow_terminal():
    address = f"http://127.0.0.1:8888/lab/workspaces/04_view?token={'0' * 48}"
    answer, said = show.Answer(Text("go to"), show.link(address)), io.StringIO()
    answer.print(Console(file=said, width=40))
    assert address in said.getvalue().splitlines() and address in str(answer).splitlines()


def test_pictures_are_png_with_their_alternative_text():
    drawn = [
        pictures.depth([(0, 1, 0), (1, 0, 1)], "depth & more", [(0.5, "now")]),
        pictures.durations([("a", 0.001), ("b", 1.0)], "durations"),
        pictures.timeline([pictures.Span("a", 0, 1, kind) for kind in pictures.KINDS], "timeline"),
    ]
    for picture in drawn:
        assert picture.png().startswith(b"\x89PNG")
        assert "alt=" in picture._repr_html_()
    assert 'alt="depth &amp; more"' in drawn[0]._repr_html_()


def test_the_colours_differ_in_lightness_not_in_hue_alone():
    light = sorted(
        numpy.dot([int(colour[i : i + 2], 16) for i in (1, 3, 5)], [0.299, 0.587, 0.114])
        for colour in (pictures.BLUE, pictures.ORANGE, pictures.GROUND)
    )
    assert min(b - a for a, b in pairwise(light)) > 40


def test_the_sanitizer_masks_what_varies_and_nothing_that_is_taught():
    def stream(text):
        return [{"output_type": "stream", "name": "stdout", "text": text}]

    rules = masks()
    assert masked(stream("took 3.2 s on localhost:5673"), rules) == masked(
        stream("took 4 s on localhost:5672"), rules
    )
    for a, b in (
        ("{'ready': 1}", "{'ready': 2}"),
        ("result 12", "result 13"),
        ("vhost /", "vhost shop"),
    ):
        assert masked(stream(a), rules) != masked(stream(b), rules)


def test_pieces_of_one_stream_are_one():
    pieces = [{"output_type": "stream", "name": "stdout", "text": t} for t in ("a", "b")]
    assert [output["text"] for output in merged(pieces)] == ["ab"]


def test_the_courses_own_fault_is_said_as_such(tmp_path):
    words = '[broken]\ntitle = "a broken item"\nhints = ["what", "where", "nearly"]'
    (tmp_path / "s99.toml").write_text(words)
    check = checks.Check(str(tmp_path / "s99.py"))

    @check.item()
    def broken(look):
        raise KeyError("oops")

    [result] = check.run(SimpleNamespace(busy=None))
    assert result.state == BROKEN and "the check itself failed, not your work" in result.seen

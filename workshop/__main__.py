"""The command line. The verbs' code is in the packages below, imported when a verb is used."""

import os
import sys

from workshop.machine import environment

# drop the shell's Python variables before anything else is imported
if __name__ == "__main__" or os.path.basename(sys.argv[0]) == "workshop":
    environment.start_again()

import json
import subprocess

import click

from workshop import places, verbs
from workshop.errors import CourseError


class InOrder(click.Group):
    """Lists the verbs in the order of this file, with the full help of each."""

    def list_commands(self, ctx):
        return list(self.commands)

    def add_command(self, cmd, name=None):
        cmd.short_help = cmd.help
        super().add_command(cmd, name)


@click.group(cls=InOrder, context_settings={"help_option_names": ["-h", "--help"]})
def course():
    """Where to begin: workshop next"""
    if os.geteuid() == 0 and os.environ.get("COURSE_VENV") and "COURSE_BECAME" not in os.environ:
        # in the image, `docker compose exec` starts as root: continue as the checkout's owner
        become = str(places.CHECKOUT / "docker" / "become.sh")
        os.execv(become, [become, sys.executable, "-m", "workshop", *sys.argv[1:]])
    environment.print_marks()
    if lost := environment.find_home(str(places.broker() / "home")):
        print(f"· {lost} cannot be written to: .rabbitmq/home is the course's", file=sys.stderr)


def names(_ctx, _argument, beginning):
    """The stages whose names begin this way, for shell completion."""
    from workshop.desk import stages

    return [stage.name for stage in stages.all_stages() if stage.name.startswith(beginning)]


a_stage = click.argument(
    "stage", default="", shell_complete=names, help="its number or name; else the one you are at"
)
as_data = click.option("--json", "as_data", is_flag=True, help="the same as data")


def waiting():
    """Show in a terminal that a stage is being opened: starting a broker takes seconds."""
    from rich.console import Console

    return Console(stderr=True).status("opening …")


def print_data(report) -> None:
    print(json.dumps(report.as_data(), ensure_ascii=False, indent=1))


@course.command()
def lab() -> int:
    """open the course: RabbitMQ and JupyterLab, side by side"""
    from workshop.lab.opening import open_course

    return open_course()


@course.command("next")
def next_() -> None:
    """begin the stage to go on with, and open it"""
    with waiting():
        answer = verbs.next_()
    answer.print()


@course.command("open")
@a_stage
def open_(stage) -> None:
    """begin a stage, and open it: its lesson, files and terminal side by side"""
    with waiting():
        answer = verbs.open_(verbs.which(stage))
    answer.print()


@course.command()
def status() -> None:
    """every stage with its state"""
    verbs.status().print()


@course.command()
@a_stage
@click.argument("todo", default="", metavar="[LETTER]", help="of a TODO: that one alone")
@click.option("--watch", is_flag=True, help="again after each save")
@as_data
def check(stage, todo, watch, as_data) -> int | None:
    """look at a stage: what is right, and what is not"""
    from workshop import show

    stage = verbs.which(stage)
    if watch:
        return show.after_each_save(verbs.watch(stage, todo), stage.name)
    if as_data:
        found = verbs.check(stage, todo)
        print_data(found.report)
    else:
        found = show.one_by_one(lambda listener: verbs.check(stage, todo, listener=listener))
    return 0 if found.right else 1


def of_a_stage(verb, help) -> None:
    """Add the verb of this name: it takes a stage, and prints its answer."""

    @course.command(verb, help=help)
    @a_stage
    def answer(stage) -> None:
        getattr(verbs, verb)(verbs.which(stage)).print()


of_a_stage("hint", "the next hint for the first item that is not right")
of_a_stage("begin", "create a stage's folder in desk/; your files in it are left alone")
of_a_stage("reset", "go back to the start of a stage; your files are backed up")
of_a_stage("solve", "install the solution of a stage; your files are backed up")
of_a_stage("lesson", "install the newest text of a lesson, without outputs; your copy is backed up")


@course.command()
@a_stage
@click.argument("file", default="", help="this file instead of the first")
def diff(stage, file) -> None:
    """your files against the solution's, one at a time"""
    verbs.diff(verbs.which(stage), file).print()


@course.command()
@click.argument("error", nargs=-1, help="its text, or a file that has it; else what is piped in")
def why(error) -> int:
    """what an error means, where to look, and the stage that shows it"""
    text = " ".join(error)
    if not text and not sys.stdin.isatty():
        text = sys.stdin.read()
    elif os.path.isfile(text):
        text = click.open_file(text, errors="replace").read()
    found = verbs.why(text)
    found.print()
    return 0 if found.right else 1


@course.command()
@click.argument("words", nargs=-1, help="a diagnosis or its number in the list; else, list all")
def diagnose(words) -> int:
    """name the fault of the system that stage 19 has laid out"""
    found = verbs.diagnose(" ".join(words))
    found.print()
    return 0 if found.right else 1


@course.command()
@click.argument("what", default="", help="its number or name in the list")
def kept(what) -> None:
    """list your backups; with the number or name of one, restore it"""
    verbs.kept(what).print()


@course.command()
@as_data
def doctor(as_data) -> int:
    """is this machine ready? what is wrong, why it matters, what to type"""
    from workshop.health import diagnosis

    found = diagnosis.doctor()
    if as_data:
        print_data(found)
    else:
        found.print()
    return 0 if found.right else 1


@course.command()
def demo() -> None:
    """the guide's last scene"""
    from workshop.demo import demo

    os.environ["WORKSHOP_SOLVED"] = "1"
    demo()


@course.command()
def stop() -> None:
    """end what this checkout started, and nothing else"""
    from workshop.lab.closing import close_course

    close_course()


@course.command(context_settings={"ignore_unknown_options": True})
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def test(words) -> int:
    """test every stage, every check and every notebook; more words go to pytest"""
    # half of a test's time is spent waiting for a broker or a worker, so use two more than cores
    workers = min((os.cpu_count() or 1) + 2, 6)
    command = [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "loadfile"]
    command.append("--no-loadscope-reorder")  # the longest files come first
    return subprocess.call([*command, *words])


@course.command()
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
def completion(shell) -> None:
    """print the shell's completion of verbs and stages, for eval"""
    from click.shell_completion import get_completion_class

    print(get_completion_class(shell)(course, {}, "workshop", "_WORKSHOP_COMPLETE").source())


def main() -> int | None:
    """Run the verb that was typed; return the exit status, None for 0."""
    try:
        return course.main(prog_name="workshop", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:  # Ctrl-C
        return 130
    except CourseError as error:
        print(f"✗ {error}", file=sys.stderr)
    except OSError as error:  # a full disk, a folder without write permission
        print(f"✗ {error}\n  → fix that, then type the same again", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())

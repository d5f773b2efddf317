"""The command line: a thin layer over the rest of the package."""

import os
import sys

from workshop.machine import environment

# what the shell tells Python is out of the way before anything else is imported
if __name__ == "__main__" or os.path.basename(sys.argv[0]) == "workshop":
    environment.start_again()

import argparse
import json
import subprocess

from workshop import places
from workshop.errors import CourseError


def lab(_) -> int:
    """open the course: RabbitMQ and JupyterLab, side by side"""
    from workshop.lab.opening import open_course

    return open_course()


def test(options) -> int:
    """prove every stage, every check and every notebook"""
    # half of a test's time is waiting for a broker or a worker: two more than there are cores
    workers = min((os.cpu_count() or 1) + 2, 6)
    command = [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "loadfile"]
    command.append("--no-loadscope-reorder")  # the longest files come first
    return subprocess.call([*command, *options.more])


def demo(_) -> int:
    """the guide's last scene"""
    from workshop.demo import demo

    os.environ["WORKSHOP_SOLVED"] = "1"
    demo()
    return 0


def check(options) -> int:
    """look at a stage: what is right, and what is not"""
    from workshop import show, verbs

    stage = verbs.which(options.stage)
    if options.watch:
        return show.after_each_save(verbs.watch(stage), stage.name)
    if options.json:
        found = verbs.check(stage)
        print(json.dumps(found.report.as_data(), ensure_ascii=False, indent=1))
    else:
        found = show.one_by_one(lambda listener: verbs.check(stage, listener=listener))
    return 0 if found.right else 1


def say(answer) -> int:
    """Print an answer; 0 if all in it is right."""
    answer.print()
    return 0 if answer.right else 1


def of_a_stage(options) -> int:
    """begin, hint, solve, reset, lesson: the verb of this name, on a stage"""
    from workshop import verbs

    say(getattr(verbs, options.verb)(verbs.which(options.stage)))
    return 0


def diff(options) -> int:
    """your files against the solution's, one at a time"""
    from workshop import verbs

    say(verbs.diff(verbs.which(options.stage), options.file))
    return 0


def kept(options) -> int:
    """what was set aside; with its number or name, bring it back"""
    from workshop import verbs

    return say(verbs.kept(options.what))


def status(_) -> int:
    """every stage with its state"""
    from workshop import verbs

    return say(verbs.status())


def next_(_) -> int:
    """begin the stage to go on with, and open it"""
    from workshop import verbs

    return say(verbs.next_())


def completion(options) -> int:
    """print the shell's completion of verbs and stages, for eval"""
    import shtab

    print(shtab.complete(parser(prog="workshop", with_choices=True), options.shell))
    return 0


def doctor(options) -> int:
    """is this machine ready? what is wrong, why it matters, what to type"""
    from workshop.health.diagnosis import doctor

    found = doctor()
    if options.json:
        print(json.dumps(found.as_data(), ensure_ascii=False, indent=1))
        return 0 if found.right else 1
    return say(found)


def stop(_) -> int:
    """end what this checkout started, and nothing else"""
    from workshop.lab.closing import close_course

    close_course()
    return 0


def parser(prog: str = "workshop", with_choices: bool = False):
    """The command line. `with_choices` names the stages in it, for a shell's completion."""
    top = argparse.ArgumentParser(prog=prog, description="Where to begin: workshop next")
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")

    def add(do, name: str = "", help: str = "") -> argparse.ArgumentParser:
        one = verbs.add_parser(name or do.__name__.rstrip("_"), help=help or do.__doc__)
        one.set_defaults(do=do)
        return one

    def add_stage(one: argparse.ArgumentParser) -> None:
        argument = one.add_argument(
            "stage", nargs="?", help="its number or name; else the one you are at"
        )
        if with_choices:
            from workshop.desk import stages

            argument.choices = [stage.name for stage in stages.all_stages()]

    for do in (lab, next_, status):
        add(do)
    one = add(check)
    add_stage(one)
    one.add_argument("--watch", action="store_true", help="again after each save")
    one.add_argument("--json", action="store_true", help="the same as data")
    for verb, what in (
        ("hint", "the next hint for the first item that is not right"),
        ("begin", "lay a stage out in desk/; what is there is left alone"),
        ("reset", "lay its start out again; your files are set aside"),
        ("solve", "lay its solution out; your files are set aside"),
        ("lesson", "lay its newest text out, without outputs; your copy is set aside"),
    ):
        add_stage(add(of_a_stage, verb, what))
    one = add(diff)
    add_stage(one)
    one.add_argument("file", nargs="?", default="", help="this file instead of the first")
    one = add(kept)
    one.add_argument("what", nargs="?", default="", help="its number or name in the list")
    one = add(doctor)
    one.add_argument("--json", action="store_true", help="the same as data")
    for do in (demo, stop):
        add(do)
    add(test, help=test.__doc__ + "; more words go to pytest")
    one = add(completion)
    one.add_argument("shell", choices=["bash", "zsh"])
    return top


def _become_the_learner() -> None:
    """Go on as the checkout's owner: in the image `docker compose exec` begins as root."""
    become = places.CHECKOUT / "docker" / "become.sh"
    os.execv(become, [str(become), sys.executable, "-m", "workshop", *sys.argv[1:]])


def main(words: list[str] | None = None) -> int:
    if os.geteuid() == 0 and os.environ.get("COURSE_VENV") and "COURSE_BECAME" not in os.environ:
        _become_the_learner()
    options, more = parser().parse_known_args(words)
    if more and options.do is not test:
        parser().error(f"{options.verb} takes no {' '.join(more)}")
    options.more = more
    environment.print_marks()
    try:
        if lost := environment.find_home(str(places.broker() / "home")):
            print(f"· {lost} cannot be written to: .rabbitmq/home is the course's", file=sys.stderr)
        return options.do(options)
    except CourseError as error:
        print(f"✗ {error}", file=sys.stderr)
    except OSError as error:  # a full disk, a folder without the right to write
        print(f"✗ {error}\n  → mend that, then type the same again", file=sys.stderr)
    except KeyboardInterrupt:
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())

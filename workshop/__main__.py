"""The command line: a thin layer over the rest of the package."""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time

from rich.console import Console

from workshop.errors import CourseError

console = Console(highlight=False, soft_wrap=True)


def lab(_) -> int:
    """open the course: RabbitMQ and JupyterLab, side by side"""
    from workshop import lab, setting
    from workshop.broker import Broker

    broker, begun = Broker(), time.monotonic()
    setting.enter(broker)
    trouble: list[CourseError] = []

    def start_broker() -> None:
        try:
            started = broker.start()
            took = f"started ({time.monotonic() - begun:.1f} s)" if started else "is running"
            console.print(f"✓ RabbitMQ  {took}, on localhost:{broker.port}")
        except CourseError as error:
            trouble.append(error)

    beside = threading.Thread(target=start_broker)
    beside.start()
    server = next(lab.servers(), None)
    process = None if server else lab.launch()
    try:
        if process:
            server = lab.until_ready(process)
            console.print(f"✓ Jupyter   started ({time.monotonic() - begun:.1f} s)")
        else:
            console.print("✓ Jupyter   is running")
    finally:
        beside.join()
    if trouble:
        console.print(f"✗ {trouble[0]}")
    console.print(f"\n  open  {lab.link(server)}\n")
    if process is None:
        return 1 if trouble else 0
    # SIGINT too: a program that a shell starts in the background would not hear it
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        console.print("Ctrl-C here ends JupyterLab; `make stop` ends RabbitMQ, too.")
        process.wait()
    except KeyboardInterrupt:
        lab.end(server)
        console.print("\nJupyterLab has ended. RabbitMQ still runs: `make stop` ends it.")
    return 0


def _interrupt(*_) -> None:
    raise KeyboardInterrupt


def test(options) -> int:
    """prove every stage, every check and every notebook"""
    # half of a test's time is waiting for a broker or a worker: one more than there are cores
    workers = min((os.cpu_count() or 1) + 1, 5)
    command = [sys.executable, "-m", "pytest", "-n", str(workers), "--dist", "loadfile"]
    command.append("--no-loadscope-reorder")  # the longest files come first
    return subprocess.call([*command, *options.more])


def demo(_) -> int:
    """the guide's last scene"""
    from workshop import demo

    os.environ["WORKSHOP_SOLVED"] = "1"
    demo.demo(console)
    return 0


def check(options) -> int:
    """look at a stage: what is right, and a hint for what is not"""
    from workshop import checks, report, stages

    if not options.stage:
        names = ", ".join(stage.name for stage in stages.all_stages())
        raise CourseError(f"which stage? There are: {names}", "make check STEP=03")
    found = checks.check(stages.find(options.stage))
    if options.json:
        print(json.dumps(found.as_data(), ensure_ascii=False, indent=1))
    else:
        report.Shown(found).print(Console(highlight=False))
    return 0 if found.passed else 1


def lay_out(options) -> int:
    """lay a stage out in desk/: begin it, reset it, or solve it"""
    from workshop import places, setting, stages
    from workshop.broker import Broker

    stage, broker = stages.find(options.stage), Broker()
    broker.start()
    setting.enter(broker)
    if options.verb == "begin":
        done, aside = (
            ("laid out" if stages.begin(stage, port=broker.port) else "as you left it"),
            None,
        )
    else:
        act = {"reset": stages.reset, "solve": stages.solve}[options.verb]
        done, aside = "laid out anew", act(stage, port=broker.port)
    setting.replay(stage, broker)
    if aside:
        console.print(f"what stood there is now in {aside.relative_to(places.home())}")
    console.print(f"{stage.path.relative_to(places.home())}: {done}")
    console.print(f"your files: {', '.join(stage.todo)}")
    return 0


def doctor(_) -> int:
    """is this machine ready?"""
    from workshop.diagnosis import doctor

    found = doctor()
    print(found)
    return 0 if found.is_fine else 1


def stop(_) -> int:
    """end what this checkout started, and nothing else"""
    from workshop import lab, lesson, process
    from workshop.broker import Broker

    running = list(process.running())
    lesson.end_others()
    for found in running:
        console.print(f"✓ ended     {found.command}")
    for server in list(lab.servers()):
        lab.end(server)
        console.print("✓ ended     JupyterLab")
    if Broker().stop():
        console.print("✓ ended     RabbitMQ")
    console.print("nothing of this checkout is running")
    return 0


def refresh(options) -> int:
    """run every notebook again and save what it shows"""
    from workshop import places
    from workshop.refresh import in_a_home_of_its_own, refresh

    asked = options.words or [file.stem for file in sorted(places.NOTEBOOKS.glob("*.ipynb"))]
    with in_a_home_of_its_own():
        for name in asked:
            begun = time.monotonic()
            new = refresh(places.NOTEBOOKS / f"{name}.ipynb")
            what = f"{len(new)} cells show something new" if new else "as it was"
            console.print(f"✓ {name:<14} {what} ({time.monotonic() - begun:.0f} s)")
    return 0


def bench(options) -> int:
    """the course's own figures, as a table"""
    from workshop.bench import bench

    return bench(Console(highlight=False), options.words)


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m workshop", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for do in (lab, demo, doctor, stop):
        verbs.add_parser(do.__name__, help=do.__doc__).set_defaults(do=do)
    verbs.add_parser("test", help=test.__doc__ + "; more words go to pytest").set_defaults(do=test)
    one = verbs.add_parser("refresh", help=refresh.__doc__)
    one.add_argument("words", nargs="*", metavar="NOTEBOOK", help="these alone, e.g. 03_worker")
    one.set_defaults(do=refresh)
    one = verbs.add_parser("bench", help=bench.__doc__)
    one.add_argument("words", nargs="*", metavar="MEASURE", help="these alone, e.g. request")
    one.set_defaults(do=bench)
    one = verbs.add_parser("check", help=check.__doc__)
    one.add_argument("stage", nargs="?", help="its number or its name")
    one.add_argument("--json", action="store_true", help="the same as data")
    one.set_defaults(do=check)
    for verb, what in (
        ("begin", "lay a stage out in desk/; what is there is left alone"),
        ("reset", "lay its start out again; your files are set aside"),
        ("solve", "lay its solution out; your files are set aside"),
    ):
        one = verbs.add_parser(verb, help=what)
        one.add_argument("stage", help="its number or its name")
        one.set_defaults(do=lay_out)
    return top


def main(words: list[str] | None = None) -> int:
    options, more = parser().parse_known_args(words)
    if more and options.do is not test:
        parser().error(f"{options.verb} takes no {' '.join(more)}")
    options.more = more
    try:
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

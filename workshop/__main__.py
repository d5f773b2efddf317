"""The command line: a thin layer over the rest of the package."""

import argparse
import json
import sys

from rich.console import Console

from workshop.errors import CourseError


def check(options) -> int:
    """Look at a stage: what is right, and a hint for what is not."""
    from workshop import checks, report, stages

    if not options.stage:
        raise CourseError("which stage?", "make check STEP=03")
    found = checks.check(stages.find(options.stage))
    if options.json:
        print(json.dumps(found.as_data(), ensure_ascii=False, indent=1))
    else:
        report.Shown(found).print(Console(highlight=False))
    return 0 if found.passed else 1


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m workshop", description=__doc__)
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    one = verbs.add_parser("check", help=check.__doc__)
    one.add_argument("stage", nargs="?", help="its number or its name")
    one.add_argument("--json", action="store_true", help="the same as data")
    one.set_defaults(do=check)
    return top


def main(words: list[str] | None = None) -> int:
    options = parser().parse_args(words)
    try:
        return options.do(options)
    except CourseError as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

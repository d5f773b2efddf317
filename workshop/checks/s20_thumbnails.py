"""Stage 20: thumbnails that are whole or not there, one message for each, a page that fills."""

from typing import Any

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, wait_until
from workshop.project.manage import manage

check = Check(__file__)
TASKS, SERVICES, VIEWS = (f"thumbnails/{name}.py" for name in ("tasks", "services", "views"))
LONGEST = 160  # pixels
WIDE, HIGH = (160, 120), (48, 160)
SHAPE = 0.05  # width / height may differ by this: pixels are whole
COUNT = 12  # pictures


def made(look: Look) -> dict[str, Any]:
    look.needs_file(TASKS)
    look.migrate()
    return look.once("thumbnails", lambda: look.ask("thumbnails"))


def expect_right(one: dict[str, Any], wanted: tuple[int, int]) -> None:
    """Raise Wrong unless it is a JPEG of about this shape, and its row says that it is done."""
    if one["error"]:
        raise check.wrong("no_thumbnail", error=one["error"])
    width, height = one["size"]
    if max(width, height) > LONGEST:
        raise check.wrong("too_large", width=width, height=height)
    if abs(width / height - wanted[0] / wanted[1]) > SHAPE:
        raise check.wrong("other_shape", width=width, height=height)
    if one["format"] != "JPEG":
        raise check.wrong("other_format", format=one["format"])
    if not one["done"]:
        raise check.wrong("not_marked")


@check.item(todo="a", file=TASKS)
def thumbnail_is_made(look: Look) -> str:
    found = made(look)
    if error := next(filter(None, found["errors"]), ""):
        raise check.wrong("raised", error=error)
    expect_right(found["wide"], WIDE)
    expect_right(found["high"], HIGH)
    if not found["original"]:
        raise check.wrong("original_changed")
    return check.says("made", width=WIDE[0], height=WIDE[1])


@check.item(todo="a", file=TASKS, needs=(thumbnail_is_made,))
def task_may_run_twice(look: Look) -> None:
    found = made(look)
    if found["again"] or found["twice"]["error"]:
        raise check.wrong("not_twice", error=found["again"] or found["twice"]["error"])
    if found["broken"]["done"] or not found["of_broken"]:
        raise check.wrong("hides_an_error")


@check.item(todo="a", file=TASKS, needs=(thumbnail_is_made,))
def thumbnail_is_whole(look: Look) -> None:
    found = look.ask("killed")
    left = found["left"]
    if found["killed"] and left["done"]:
        raise check.wrong("done_too_early")
    if found["killed"] and left["error"] != "no file":
        raise check.wrong("half_a_file", error=left["error"] or "a whole file")
    if found["error"] or found["after"]["error"]:
        raise check.wrong("never_again", error=found["error"] or found["after"]["error"])
    if found["in_place"]:
        raise check.wrong("in_place")


def sent(look: Look, accepted: int) -> dict[str, Any]:
    look.needs_file(SERVICES)
    look.migrate()
    return look.once(f"sent {accepted}", lambda: look.ask("sent_pictures", accepted=accepted))


@check.item(todo="b", file=SERVICES)
def each_is_sent(look: Look) -> str:
    first, second = (sent(look, 99)[name] for name in ("first", "second"))
    if not first["names"]:
        raise check.wrong("nothing_sent", said=first["said"])
    if sorted(map(str, first["names"])) != [f"{number}.jpg" for number in range(5)]:
        raise check.wrong("other_messages", names=first["names"])
    if first["retries"]:
        raise check.wrong("tries_for_minutes")
    if first["marked"] != 5:
        raise check.wrong("not_marked_as_sent", count=first["marked"])
    if first["undone"]:
        raise check.wrong("undoes_done")
    if second["names"]:
        raise check.wrong("sent_again", count=len(second["names"]))
    return check.says("messages", count=5, bytes=first["bytes"])


@check.item(todo="b", file=SERVICES, needs=(each_is_sent,))
def what_is_refused_is_sent_later(look: Look) -> None:
    first, second = (sent(look, 2)[name] for name in ("first", "second"))
    if first["said"] != "NotSent":
        raise check.wrong("no_error", said=first["said"])
    if first["marked"] != len(first["names"]):
        raise check.wrong("marked_otherwise", marked=first["marked"], count=len(first["names"]))
    names = {*map(str, first["names"]), *map(str, second["names"])}
    if len(names) != 5:
        raise check.wrong("some_lost", count=5 - len(names))


@check.item(todo="c", file=VIEWS)
def page_stops_asking(look: Look) -> str:
    look.needs_file(VIEWS)
    look.migrate()
    found = look.ask("grids")
    if found["some"]["status"] != 200:
        raise check.wrong("stops_early", status=found["some"]["status"])
    if found["some"]["images"] != 2 or found["all"]["images"] != 3:
        raise check.wrong("other_images", some=found["some"]["text"], all=found["all"]["text"])
    if found["all"]["status"] != 286:
        raise check.wrong("never_stops", status=found["all"]["status"])
    return check.says("stops", text=found["all"]["text"])


@check.item(needs=(thumbnail_is_whole, what_is_refused_is_sent_later), is_drill=True)
def workers_make_them(look: Look) -> str:
    """Twelve pictures, from the folder to the thumbnails, with a real worker."""
    env = {**look.environment, "MEDIA_ROOT": str(look.folder / "media")}
    code = "from thumbnails.services import *; find_new(); print(send_all())"
    manage(look.path, env, "draw", str(COUNT))
    manage(look.path, env, "shell", "--verbosity", "0", "-c", code)
    look.start_worker(env={"MEDIA_ROOT": env["MEDIA_ROOT"]})
    folder = look.folder / "media" / "thumbnails"

    names = [file.name for file in (look.folder / "media" / "pictures").glob("*.jpg")]

    def done() -> int:
        return sum((folder / name).exists() for name in names)

    try:
        wait_until(lambda: done() == COUNT, limit=30, what="the thumbnails")
    except NotYet:
        raise check.wrong("too_few", count=done(), whole=COUNT) from None
    return check.says("all_made", count=COUNT)

"""Stage E1: an order and its message are written together, sent at least once, and done once."""

import contextlib
import sqlite3
from typing import Any

from workshop.checks.items import Check
from workshop.checks.look import Look
from workshop.machine.patience import NotYet, by_clock, wait_until
from workshop.project.manage import manage

check = Check(__file__)
SERVICES, OUTBOX, TASKS = (f"orders/{name}.py" for name in ("services", "outbox", "tasks"))
COUNT = 5  # messages, in the questions of facts/; of the drill, orders
PLACE = f"from orders.services import place; [place(str(n)) for n in range({COUNT})]"


def placed(look: Look) -> dict[str, Any]:
    look.needs_file(SERVICES)
    look.migrate()
    return look.once("placed", lambda: look.ask("placed"))


@check.item(todo="a", file=SERVICES)
def message_is_written(look: Look) -> str:
    found = placed(look)
    if found["sent"]:
        raise check.wrong("sends_itself", task=found["sent"][0])
    if found["count"] != [1, 1]:
        orders, messages = found["count"]
        raise check.wrong("other_rows", orders=orders, messages=messages)
    if not found["returned"]:
        raise check.wrong("returns_nothing")
    message = found["message"]
    if message["task"] != "orders.tasks.pack":
        raise check.wrong("other_task", task=message["task"])
    if message["args"] != [message["order"]]:
        raise check.wrong("other_args", args=message["args"], order=message["order"])
    if message["marked"]:
        raise check.wrong("marked_already")
    return check.says("written", args=message["args"])


@check.item(todo="a", file=SERVICES, needs=(message_is_written,))
def both_or_neither(look: Look) -> None:
    found = placed(look)
    orders, messages = found["failed"]
    if orders or messages:
        raise check.wrong("one_is_left", orders=orders, messages=messages)
    orders, messages = found["undone"]
    if orders or messages:
        raise check.wrong("rollback_left", orders=orders, messages=messages)


def relayed(look: Look, accepted: int) -> dict[str, Any]:
    look.needs_file(OUTBOX)
    look.migrate()
    return look.once(f"relayed {accepted}", lambda: look.ask("relayed", accepted=accepted))


def expect_messages(sent: dict[str, Any]) -> None:
    """Raise Wrong unless these are the five messages, in their order."""
    if not sent["args"]:
        raise check.wrong("nothing_sent", said=sent["said"])
    if sorted(map(str, sent["args"])) != [str(number) for number in range(COUNT)]:
        raise check.wrong("other_messages", args=sent["args"])
    if sent["tasks"] != ["orders.tasks.pack"]:
        raise check.wrong("other_name", tasks=", ".join(sent["tasks"]))
    if sent["args"] != sorted(sent["args"]):
        raise check.wrong("other_order", args=sent["args"])


@check.item(todo="b", file=OUTBOX)
def all_are_sent(look: Look) -> str:
    found = relayed(look, 99)
    first, second = found["first"], found["second"]
    expect_messages(first)
    if found["retries"]:
        raise check.wrong("tries_for_minutes")
    if first["marked"] != COUNT:
        raise check.wrong("not_marked", count=COUNT, marked=first["marked"])
    if second["args"]:
        raise check.wrong("sent_again", count=len(second["args"]))
    if first["keys"] != found["keys"]:
        raise check.wrong("other_key")
    return check.says("sent", count=COUNT)


@check.item(todo="b", file=OUTBOX, needs=(all_are_sent,))
def what_is_refused_stays(look: Look) -> None:
    found = relayed(look, 2)
    first, second = found["first"], found["second"]
    if first["marked"] != len(first["args"]):
        raise check.wrong("marked_otherwise", marked=first["marked"], count=len(first["args"]))
    if first["said"] != "UNSENT":
        raise check.wrong("no_error", said=first["said"])
    if len({*first["args"], *second["args"]}) != COUNT:
        raise check.wrong("some_lost", args=second["args"])


@check.item(todo="b", file=OUTBOX, needs=(all_are_sent,))
def a_kill_loses_nothing(look: Look) -> None:
    found = look.ask("relay_killed")
    if found["before"]:
        raise check.wrong("marked_before", count=found["before"])
    if found["after"] != 1:
        raise check.wrong("marked_late", count=found["after"])


@check.item(todo="b", file=OUTBOX, needs=(all_are_sent,))
def two_relays_share_the_work(look: Look) -> None:
    found = look.ask("two_relays")
    if found["errors"]:
        raise check.wrong("relay_raised", error=found["errors"][0])
    twice = len(found["sent"]) - len(set(found["sent"]))
    if twice:
        raise check.wrong("sent_by_both", count=twice, whole=len(set(found["sent"])))
    lock = look.ask("row_lock")
    if not lock["locked"]:
        raise check.wrong("no_lock")
    if lock["nowait"]:
        raise check.wrong("does_not_wait")


@check.item(todo="c", file=TASKS)
def packed_once(look: Look) -> str:
    look.needs_file(TASKS)
    look.migrate()
    found = look.ask("packed_twice")
    if error := next(filter(None, found["errors"]), ""):
        raise check.wrong("raised", error=error)
    if found["parcels"] != ["a chair", "a lamp"]:
        raise check.wrong("other_parcels", parcels=", ".join(found["parcels"]) or "none")
    if found["again"]:
        raise check.wrong("raised_the_second_time", error=found["again"])
    if not found["kept"]:
        raise check.wrong("packed_again")
    if found["hides"]:
        raise check.wrong("hides_an_error")
    return check.says("packed")


def parcels(look: Look) -> int:
    with contextlib.closing(sqlite3.connect(look.database, timeout=by_clock(20))) as tables:
        return tables.execute("select count(*) from orders_parcel").fetchone()[0]


@check.item(needs=(both_or_neither, all_are_sent, packed_once), is_drill=True)
def orders_are_packed(look: Look) -> str:
    """Five orders, from the outbox through a real relay, broker and worker to their parcels."""
    before = parcels(look)
    manage(look.path, look.environment, "shell", "--verbosity", "0", "-c", PLACE)
    look.start_worker()
    look.start("python manage.py relay", lambda running: True, "relay")
    try:
        wait_until(lambda: parcels(look) == before + COUNT, limit=30, what="the parcels")
    except NotYet:
        raise check.wrong("too_few", count=parcels(look) - before, whole=COUNT) from None
    return check.says("all_packed", count=COUNT)

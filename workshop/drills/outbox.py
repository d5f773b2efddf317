"""Kill processes between a commit and a message, where a kill does the most harm, and count.

Nothing is left to chance: a process counts what it publishes, and kills itself right before, or
right after, the broker has accepted a message.
"""

import json
import textwrap
from typing import Literal

from workshop.errors import CourseError
from workshop.project.manage import manage
from workshop.project.project import Project

COUNT, PROCESSES = 200, 20  # orders, and processes that place them one after the other

# For `manage.py shell`. It forks for each process, and gets a byte for each accepted message.
CODE = """
import os, signal, traceback
from django.db import connection
from kombu.messaging import Producer
from orders.models import Message, Order, Parcel
from orders.outbox import send_all
from orders.services import place

whole, left, when = Producer.publish, 0, {when!r}
accepted, note = os.pipe()

def publish(self, *args, **options):
    global left
    if "task" not in (options.get("headers") or {{}}):  # an event about a task
        return whole(self, *args, **options)
    left -= 1
    if (left, when) == (0, "before"):
        os.kill(os.getpid(), signal.SIGKILL)
    whole(self, *args, **options)
    os.write(note, b".")
    if (left, when) == (0, "after"):
        os.kill(os.getpid(), signal.SIGKILL)

def fork(work, at):
    global left
    if pid := os.fork():
        return pid
    left = at
    try:
        work()
    except BaseException:
        traceback.print_exc()
    os.kill(os.getpid(), signal.SIGKILL)

def ask(query):
    count = query.count()
    connection.close()  # a child must not use its parent's
    return count

unsent = Message.objects.filter(sent=None)
Producer.publish = publish
{work}
os.close(note)
messages = len(os.read(accepted, 65536))
import json
print(json.dumps({{"accepted": messages, "orders": ask(Order.objects), "unsent": ask(unsent)}}))
"""
PLACE = """
for model in (Parcel, Order, Message):
    model.objects.all().delete()
connection.close()
for number in range({processes}):
    def place_some():
        for _ in range({each}):
            place("a lamp")
    os.waitpid(fork(place_some, {each}), 0)
"""
RELAY = """
before = None
while (now := ask(unsent)) and now != before:
    before = now
    for pid in [fork(send_all, {kill_every}) for _ in range({processes})]:
        os.waitpid(pid, 0)
"""


def place_orders(project: Project, kill: Literal["before", "after"] = "before") -> dict[str, int]:
    """Place 200 orders in 20 processes; each is killed at its tenth order.

    The kill comes right before that order's message is sent, or right after the broker has accepted
    it; if placing an order sends no message, it comes after the order. Returns the number of
    `orders` and of `messages`, in the broker and in the outbox. Earlier orders are deleted.
    """
    work = PLACE.format(processes=PROCESSES, each=COUNT // PROCESSES)
    found = _run(project, work, kill)
    return {"orders": found["orders"], "messages": found["accepted"] + found["unsent"]}


def relay(project: Project, processes: int = 1, kill_every: int = 0) -> dict[str, int]:
    """Send the messages in the outbox, in `processes` that run at the same time.

    With `kill_every`, a process is killed right after the broker has accepted this many messages,
    and the next one takes over. Returns how many messages the broker has `accepted`, and how many
    are still `unsent`.
    """
    found = _run(project, RELAY.format(processes=processes, kill_every=kill_every), "after")
    return {"accepted": found["accepted"], "unsent": found["unsent"]}


def _run(project: Project, work: str, when: str) -> dict[str, int]:
    project.migrate()
    code = CODE.format(when=when, work=textwrap.dedent(work))
    done = manage(project.path, project.env, "shell", "--verbosity", "0", "-c", code)
    *said, last = done.stdout.strip().splitlines() or [""]
    if done.returncode or not last.startswith("{"):
        text = "\n".join([*said[-8:], last])
        raise CourseError(
            f"placing or sending the orders ended with an error:\n{text}", "stage.check()"
        )
    return json.loads(last)

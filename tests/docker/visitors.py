"""Visitors of the web servers at the addresses given as arguments.

For each line on standard input, one of them posts a sum, again and again until a server has
accepted it, and prints the job's id. A line is a sum: its key, and the numbers x and y.
"""

import contextlib
import itertools
import json
import sys

import httpx

from workshop.machine.patience import wait_until


def visit(servers: list[str]) -> None:
    turns = itertools.cycle(servers)
    server = next(turns)
    with httpx.Client(timeout=10) as client:

        def accepted(key: str, x: int, y: int) -> str | None:
            """The job's id; None if this server has not accepted it. Then the next one is asked."""
            nonlocal server
            # What a proxy with a certificate would add, for a visitor with this address
            headers = {"X-Forwarded-For": key, "X-Forwarded-Proto": "https"}
            headers |= {"Host": "localhost", "Idempotency-Key": key}
            address = f"http://{server}/api/sums/"
            with contextlib.suppress(httpx.HTTPError):  # nobody there, or gone before it answered
                answer = client.post(address, json={"x": x, "y": y}, headers=headers)
                if answer.status_code == 202:
                    return answer.json()["id"]
                if answer.status_code < 500:
                    sys.exit(f"{answer.status_code} {answer.text}")
            server = next(turns)
            return None

        for line in sys.stdin:
            one = json.loads(line)
            found = wait_until(
                lambda one=one: accepted(*one), limit=300, what=f"an answer to {one}"
            )
            print(found, flush=True)


if __name__ == "__main__":
    visit(sys.argv[1:])

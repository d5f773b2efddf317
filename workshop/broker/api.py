"""Query and change a node, with `rabbitmqctl` and the HTTP API of its management plugin."""

import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from workshop.broker.config import NodeFolder
from workshop.errors import CourseError
from workshop.machine.patience import by_clock, run_through, wait_until

# The course's own user on the broker, so that learners may do what they like with guest.
ADMIN_USER = "workshop"


class _Client(httpx.Client):
    def request(self, *args, **words) -> httpx.Response:
        try:
            return super().request(*args, **words)
        except httpx.TransportError as error:
            raise CourseError(f"the broker does not answer: {error}.", "make doctor") from None


class Api(NodeFolder):
    """A running node, to query and to change."""

    def __init__(self, folder: Path | None = None):
        super().__init__(folder)
        self._http: httpx.Client | None = None
        self._credentials: tuple[str, str] | None = None

    def _api_answers(self) -> bool:
        try:
            return self.api.get("/api/whoami").status_code in (200, 401)
        except CourseError:
            return False

    def ctl(self, *words: str, check: bool = True) -> str:
        """Run `rabbitmqctl` with these words; return its output. Raises CourseError if it fails."""
        done = run_through(
            [str(self.bin / "rabbitmqctl"), "-q", *words],
            limit=60,  # its own, for what it asks the node
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        )
        if check and done.returncode:
            raise CourseError(f"rabbitmqctl {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def rows(self, *words: str) -> list[tuple[str, str]]:
        """The first two columns of a rabbitmqctl listing, without its header."""
        lines = self.ctl(*words, "--no-table-headers").splitlines()
        columns = (line.split("\t") for line in lines if "\t" in line)
        return [(first, second) for first, second, *_ in columns]

    def wait_for_log_line(self, *words: str) -> str:
        """Wait for a line in the node's log that has all these words; return the last one."""

        def line() -> str:
            found = ""
            for one in self.log.read_text(errors="replace").splitlines():
                found = one if all(word in one for word in words) else found
            return found

        return wait_until(line, limit=10, what=f"a line with {words} in the broker's log")

    @property
    def api(self) -> httpx.Client:
        """The management HTTP API, as the course's own user."""
        credentials = (self.management_url, self.kept["password"])
        if self._http is None or self._credentials != credentials:
            self._credentials = credentials  # a new one, if the folder was deleted and made again
            self._http = _Client(
                base_url=self.management_url,
                auth=(ADMIN_USER, credentials[1]),
                timeout=by_clock(10),  # an answer takes a few milliseconds
                verify=False,  # plain HTTP on loopback: no certificates to read
                trust_env=False,  # and no proxy
                # a connection kept open makes RabbitMQ wait five seconds for it when it stops
                limits=httpx.Limits(max_keepalive_connections=0),
            )
        return self._http

    def _ensure_admin_user(self) -> None:
        if self.api.get("/api/whoami").status_code == 200:
            return
        password = self.kept["password"]
        user = {"password": password, "tags": "administrator"}
        made = httpx.put(
            f"{self.management_url}/api/users/{ADMIN_USER}",
            json=user,
            auth=("guest", "guest"),
            trust_env=False,
        )
        if made.is_error:  # guest is gone, or has another password: use rabbitmqctl
            self.ctl("add_user", ADMIN_USER, password, check=False)
            self.ctl("change_password", ADMIN_USER, password)
            self.ctl("set_user_tags", ADMIN_USER, "administrator")

    def policy_of(self, vhost: str, queue: str) -> dict[str, Any]:
        """What a queue's policy sets now; {} if it has none, as for a moment when that changes."""
        return dict(self.facts("queues", vhost, queue)["effective_policy_definition"] or {})

    def facts(self, *path: str) -> Any:
        """GET /api/…; None where there is no such thing."""
        answer = self.api.get("/api/" + "/".join(quote(part, safe="") for part in path))
        return None if answer.status_code == 404 else answer.raise_for_status().json()

    def queues(self, vhost: str) -> dict[str, dict[str, int]]:
        """Each queue of a vhost with its messages: `ready`, `unacked`, `total`. Exact.

        The totals come from the queues themselves, because the figures that the management
        plugin keeps lag by up to five seconds.
        """
        answer = self.api.get(
            "/api/queues", params={"disable_stats": "true", "enable_queue_totals": "true"}
        ).raise_for_status()
        return {
            queue["name"]: {
                "ready": queue.get("messages_ready", 0),
                "unacked": queue.get("messages_unacknowledged", 0),
                "total": queue.get("messages", 0),
            }
            for queue in answer.json()
            if queue["vhost"] == vhost
        }

    def remove(self, *path: str) -> None:
        """DELETE /api/…; it is fine if the resource is already gone.

        Only a user with permissions in its vhost can remove a queue: ours gets them for a moment.
        """
        address = "/api/" + "/".join(quote(part, safe="") for part in path)
        answer = self.api.delete(address)
        if answer.status_code == 401 and path[0] == "queues":
            self.set_permissions(
                path[1], ADMIN_USER, dict.fromkeys(("configure", "write", "read"), ".*")
            )
            answer = self.api.delete(address)
            self.remove("permissions", path[1], ADMIN_USER)
        if answer.status_code == 401:
            answer.raise_for_status()

    def clear(self, names: re.Pattern, even_in_use: bool = True) -> None:
        """Remove the vhosts and queues whose names match.

        Unless `even_in_use`, a vhost that a client is connected to stays.
        """
        used = set() if even_in_use else {one["vhost"] for one in self.facts("connections") or ()}
        for vhost in self.facts("vhosts"):
            if names.fullmatch(vhost["name"]) and vhost["name"] not in used:
                self.remove("vhosts", vhost["name"])
        found = self.api.get("/api/queues", params={"disable_stats": "true"}).raise_for_status()
        for queue in found.json():
            if names.fullmatch(queue["name"]):
                self.remove("queues", queue["vhost"], queue["name"])

    def make_vhost(self, name: str, user: str) -> None:
        """Make a vhost, with all permissions in it for this user."""
        self.api.put(f"/api/vhosts/{quote(name, safe='')}").raise_for_status()
        self.set_permissions(name, user, dict.fromkeys(("configure", "write", "read"), ".*"))

    def policies(self, vhost: str) -> list[dict[str, Any]]:
        """The policies of a vhost, as the management API has them."""
        return self.facts("policies", vhost) or []

    def set_policies(self, vhost: str, policies: list[dict[str, Any]]) -> None:
        """Set these policies in a vhost; they may come from another vhost or broker."""
        for policy in policies:
            body = {key: policy[key] for key in ("pattern", "definition", "priority", "apply-to")}
            path = f"/api/policies/{quote(vhost, safe='')}/{quote(policy['name'], safe='')}"
            self.api.put(path, json=body).raise_for_status()

    def set_permissions(self, vhost: str, user: str, rights: dict[str, str]) -> None:
        """Set a user's configure, write and read expressions in a vhost."""
        body = {key: rights[key] for key in ("configure", "write", "read")}
        path = f"/api/permissions/{quote(vhost, safe='')}/{quote(user, safe='')}"
        self.api.put(path, json=body).raise_for_status()

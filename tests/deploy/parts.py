"""What systemd, Swarm and Kubernetes are told to run, read from deploy/ as the same plain data."""

import configparser
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from workshop import places

DEPLOY = places.CHECKOUT / "deploy"
UNITS = DEPLOY / "systemd"
COMMON = UNITS / "course-.service.d" / "common.conf"
BINARIES = "/srv/course/.venv/bin/"
# to a line of the Procfile: the default would be one process for each core of the node
ADDED = {"sums": " --concurrency=2"}


@dataclass(frozen=True)
class Part:
    """A part of the project that keeps running."""

    command: str
    grace: int  # seconds from SIGTERM to SIGKILL
    alone: bool  # a second one never runs at the same time


def seconds(text: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(s|min|m)", text).groups()
    return int(number) * (1 if unit == "s" else 60)


def units() -> dict[str, dict[str, dict[str, str]]]:
    """Each unit, by its name, as systemd merges it with the lines for all of them."""
    found = {}
    for file in sorted(UNITS.glob("*.service")):
        unit = configparser.RawConfigParser()
        unit.optionxform = str
        unit.read([file, COMMON])
        found[file.stem] = {name: dict(unit[name]) for name in unit.sections()}
    return found


def stack() -> dict:
    return yaml.safe_load((DEPLOY / "stack.yml").read_text())


def manifests() -> list[dict]:
    """Every object that kustomization.yaml lists, and the example of a Secret."""
    folder = DEPLOY / "kubernetes"
    files = yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]
    return [
        manifest
        for file in [*files, "secret.example.yaml"]
        for manifest in yaml.safe_load_all((folder / file).read_text())
    ]


def in_systemd(units: dict) -> dict[str, Part]:
    return {
        name.removeprefix("course-"): Part(
            command=unit["Service"]["ExecStart"].removeprefix(BINARIES).replace("%%", "%"),
            grace=seconds(unit["Service"]["TimeoutStopSec"]),
            alone="@" not in name,
        )
        for name, unit in units.items()
    }


def in_swarm(stack: dict) -> dict[str, Part]:
    found = {}
    for name, service in stack["services"].items():
        deploy = service["deploy"]
        orders = {deploy[when]["order"] for when in ("update_config", "rollback_config")}
        found[name] = Part(
            command=service.get("command", ""),
            grace=seconds(service.get("stop_grace_period", "10s")),
            alone=deploy["replicas"] == 1 and orders == {"stop-first"},
        )
    return found


def in_kubernetes(manifests: list[dict]) -> dict[str, Part]:
    scaled = {
        manifest["spec"]["scaleTargetRef"]["name"]
        for manifest in manifests
        if manifest["kind"] == "ScaledObject"
    }
    found = {}
    for manifest in manifests:
        if manifest["kind"] != "Deployment":
            continue
        name, spec = manifest["metadata"]["name"], manifest["spec"]
        [container] = spec["template"]["spec"]["containers"]
        recreated = spec.get("strategy", {}).get("type") == "Recreate"
        found[name] = Part(
            command=shlex.join(container["args"]),
            grace=spec["template"]["spec"]["terminationGracePeriodSeconds"],
            alone=spec.get("replicas") == 1 and recreated and name not in scaled,
        )
    return found


def default(text: str) -> str:
    """An image's name, where the variable before it is not set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def faults(parts: dict[str, Part], procfile: dict[str, str], limit: int) -> Iterator[str]:
    """What would go wrong; `limit` is that of a task, in seconds."""
    for name in ("sums", "quick", "beat"):
        if name not in parts:
            yield f"{name} is missing"
            continue
        part = parts[name]
        if part.command.removesuffix(ADDED.get(name, "")) != procfile[name]:
            yield f"{name} runs {part.command}, not {procfile[name]}"
        if name != "beat" and part.grace <= limit:
            yield f"{name} is killed after {part.grace} s, and a task may take {limit} s"
        if name == "beat" and not part.alone:
            yield "a second beat may run"


def procfile(project: Path) -> dict[str, str]:
    lines = (project / "Procfile").read_text().splitlines()
    return dict(line.split(": ", 1) for line in lines)

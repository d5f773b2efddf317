"""deploy/ runs what the newest project's Procfile says, and what it says is valid.

Nothing is deployed here. Kubernetes' schemas are 108 MB, so they are not in the lock of what every
learner installs: `make manifests` gets them.
"""

import copy
import json
import os
import re
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import jsonschema
import parts
import pytest
import yaml

from workshop import places

SCHEMAS = Path(__file__).parent / "schemas"
COMPOSE = yaml.safe_load((places.CHECKOUT / "docker-compose.yml").read_text())["services"]
VERSIONS = ("1.30", "1.37")  # 1.30 is the first one that can sleep in preStop
KUBERNETES = parts.DEPLOY / "kubernetes"
KUSTOMIZATION = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
MANIFESTS = parts.manifests()
CUSTOM = {file.stem for file in SCHEMAS.glob("*.json")}


def named(manifest: dict) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def find(kind: str, name: str, manifests: list[dict] = MANIFESTS) -> dict:
    [found] = [one for one in manifests if named(one) == f"{kind} {name}"]
    return found


@pytest.fixture(scope="session")
def limit(settings):
    """The seconds that a task may take."""
    return settings(DJANGO_SECRET_KEY="none")["limit"]


# --- what runs, everywhere ---------------------------------------------------------------------

READ = {
    "systemd": (parts.units, parts.in_systemd),
    "swarm": (parts.stack, parts.in_swarm),
    "kubernetes": (parts.manifests, parts.in_kubernetes),
}


def faults(project: Path, limit: int, where: str, change=lambda deployed: None) -> list[str]:
    read, understand = READ[where]
    deployed = read()
    change(deployed)
    return list(parts.faults(understand(deployed), parts.procfile(project), limit))


@pytest.mark.parametrize("where", READ)
def test_workers_and_beat_run_as_in_the_procfile(where, project, limit):
    assert faults(project, limit, where) == []


BROKEN = {
    "a unit with another queue": (
        "systemd",
        lambda units: units["course-sums"]["Service"].update(
            ExecStart=parts.BINARIES + "celery -A celery_testing worker -Q sum"
        ),
        "sums runs celery -A celery_testing worker -Q sum, not",
    ),
    "a unit that is killed too early": (
        "systemd",
        lambda units: units["course-quick"]["Service"].update(TimeoutStopSec="90s"),
        "quick is killed after 90 s",
    ),
    "a template of beat": (
        "systemd",
        lambda units: units.update({"course-beat@1": units.pop("course-beat")}),
        "beat is missing",
    ),
    "a service that is killed as the task's limit ends": (
        "swarm",
        lambda stack: stack["services"]["sums"].update(stop_grace_period="10m"),
        "sums is killed after 600 s, and a task may take 600 s",
    ),
    "two services of beat": (
        "swarm",
        lambda stack: stack["services"]["beat"]["deploy"].update(replicas=2),
        "a second beat may run",
    ),
    "a new beat before the old one ends": (
        "swarm",
        lambda stack: stack["services"]["beat"]["deploy"]["update_config"].update(
            order="start-first"
        ),
        "a second beat may run",
    ),
    "two pods of beat": (
        "kubernetes",
        lambda manifests: find("Deployment", "beat", manifests)["spec"].update(replicas=2),
        "a second beat may run",
    ),
    "a rolling update of beat": (
        "kubernetes",
        lambda manifests: find("Deployment", "beat", manifests)["spec"].pop("strategy"),
        "a second beat may run",
    ),
    "a pod that is killed too early": (
        "kubernetes",
        lambda manifests: find("Deployment", "sums", manifests)["spec"]["template"]["spec"].update(
            terminationGracePeriodSeconds=30
        ),
        "sums is killed after 30 s",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_deployment_is_found(name, project, limit):
    where, change, expected = BROKEN[name]
    [fault] = faults(project, limit, where, change)
    assert fault.startswith(expected)


def test_the_web_server_runs_as_in_compose():
    command = re.search(r"exec (gunicorn [^\"]+)\"", COMPOSE["web"]["command"])[1]
    assert parts.in_swarm(parts.stack())["web"].command == command
    assert parts.in_kubernetes(MANIFESTS)["web"].command == command
    behind_a_proxy = command.replace("0.0.0.0", "127.0.0.1")
    assert parts.in_systemd(parts.units())["web"].command == behind_a_proxy


# --- Swarm -------------------------------------------------------------------------------------


def test_each_service_of_compose_is_in_the_stack():
    services = parts.stack()["services"]
    stack = {name for name, service in COMPOSE.items() if "stack" in service.get("profiles", ())}
    # a Docker secret has the broker's definitions
    assert stack - {"secrets"} == services.keys()
    for name in services:
        assert parts.default(services[name]["image"]) == parts.default(COMPOSE[name]["image"])
    for name in ("migrate", "beat", "sums", "quick"):
        assert services[name]["command"] == COMPOSE[name]["command"]
    for name in ("rabbitmq", "db"):
        assert services[name]["healthcheck"] == COMPOSE[name]["healthcheck"]


def test_no_password_is_in_a_services_environment():
    for name, service in parts.stack()["services"].items():
        for variable in service.get("environment", {}):
            secret = re.search("PASSWORD|KEY", variable)
            assert not secret or variable.endswith("_FILE"), (name, variable)


def test_what_is_read_only_has_a_folder_for_temporary_files():
    for name, service in parts.stack()["services"].items():
        assert "tmpfs" not in service, f"{name}: Swarm ignores it, and does not warn"
        temporary = {"type": "tmpfs", "target": "/tmp"}
        assert not service.get("read_only") or temporary in service["volumes"], name


def docker_says(stack: dict) -> str:
    """What Docker finds wrong with a stack; it asks no engine."""
    command = ["docker", "stack", "config", "-c", "-"]
    done = subprocess.run(
        command, cwd=parts.DEPLOY, input=yaml.dump(stack), capture_output=True, text=True
    )
    if "unknown" in done.stderr and "-c" in done.stderr:
        pytest.skip("`docker stack config` needs Docker 23 or later")
    return done.stderr if done.returncode else ""


@pytest.mark.skipif(not shutil.which("docker"), reason="there is no `docker` here")
def test_docker_accepts_the_stack_and_refuses_a_broken_one():
    stack = parts.stack()
    assert docker_says(stack) == ""
    stack["services"]["web"]["deploy"]["replica"] = 2
    assert "replica" in docker_says(stack)


# --- Kubernetes --------------------------------------------------------------------------------


def refused(manifest: dict, version: str = VERSIONS[-1]) -> str:
    """What is wrong with an object; of the custom kinds, with the fields that deploy/ uses."""
    if manifest["kind"] in CUSTOM:
        schema = json.loads((SCHEMAS / f"{manifest['kind']}.json").read_text())
        errors = jsonschema.Draft202012Validator(schema).iter_errors(manifest)
        return "; ".join(error.message for error in errors)
    if not find_spec("kubernetes_validate") and not os.environ.get("CI"):
        pytest.skip("kubernetes-validate is not on this machine: make manifests")
    import kubernetes_validate

    try:
        kubernetes_validate.validate(manifest, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return error.message
    return ""


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=named)
def test_an_object_is_valid(manifest, version):
    assert refused(manifest, version) == ""


INVALID = {
    "a number in words": (
        "Deployment web",
        lambda web: web["spec"].update(replicas="two"),
        "'two' is not of type 'integer'",
    ),
    "a misspelled field": (
        "Deployment sums",
        lambda sums: sums["spec"].update(minReadySecond=3),
        "'minReadySecond' was unexpected",
    ),
    "a misspelled probe": (
        "Deployment web",
        lambda web: web["spec"]["template"]["spec"]["containers"][0].update(livenesProbe={}),
        "'livenesProbe' was unexpected",
    ),
    "a cluster's number in words": (
        "RabbitmqCluster rabbitmq",
        lambda cluster: cluster["spec"].update(replicas="three"),
        "'three' is not of type 'integer'",
    ),
    "a cluster's misspelled field": (
        "RabbitmqCluster rabbitmq",
        lambda cluster: cluster["spec"]["persistence"].update(size="1Gi"),
        "'size' was unexpected",
    ),
    "a trigger's number that is no text": (
        "ScaledObject sums",
        lambda scaled: scaled["spec"]["triggers"][0]["metadata"].update(value=20),
        "20 is not of type 'string'",
    ),
    "a trigger's deprecated field": (
        "ScaledObject sums",
        lambda scaled: scaled["spec"]["triggers"][0]["metadata"].update(queueLength="20"),
        "'queueLength' was unexpected",
    ),
    "a reference without a key": (
        "TriggerAuthentication rabbitmq",
        lambda auth: auth["spec"]["secretTargetRef"][0].pop("key"),
        "'key' is a required property",
    ),
    "a policy for nothing": (
        "Policy sums",
        lambda policy: policy["spec"].pop("pattern"),
        "'pattern' is a required property",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_object_is_refused(name):
    which, change, expected = INVALID[name]
    manifest = copy.deepcopy(find(*which.split()))
    change(manifest)
    assert expected in refused(manifest)


# the objects that run containers
PODS = {
    named(manifest): manifest["spec"]["template"]
    for manifest in MANIFESTS
    if manifest["kind"] in ("Deployment", "Job")
}
CONTAINERS = [
    container
    for pod in PODS.values()
    for container in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]
]


def test_every_pod_has_few_rights():
    dockerfile = (places.CHECKOUT / "Dockerfile").read_text()
    uid = int(re.search(r"useradd --uid (\d+) .*stack", dockerfile)[1])
    for pod in PODS.values():
        assert pod["spec"]["securityContext"] == {
            "runAsNonRoot": True,
            "runAsUser": uid,
            "runAsGroup": uid,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert pod["spec"]["automountServiceAccountToken"] is False
    for container in CONTAINERS:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"]["memory"]


def test_every_container_has_the_image_of_compose():
    assert {container["image"] for container in CONTAINERS} == {COMPOSE["migrate"]["image"]}
    cluster = find("RabbitmqCluster", "rabbitmq")["spec"]
    assert cluster["image"] == parts.default(COMPOSE["rabbitmq"]["image"])
    images = KUSTOMIZATION["images"]
    assert [image["name"] for image in images] == [COMPOSE["migrate"]["image"]]


def references(value: object, key: str) -> set[str]:
    """The names in each `key: {name: …}`, at any depth."""
    if isinstance(value, list):
        return {name for one in value for name in references(one, key)}
    if not isinstance(value, dict):
        return set()
    here = {value[key]["name"]} if isinstance(value.get(key), dict) else set()
    return here | {name for one in value.values() for name in references(one, key)}


def test_every_name_leads_to_an_object():
    names = {named(manifest) for manifest in MANIFESTS}
    # RabbitMQ's operator makes it, for the cluster of that name
    names.add(f"Secret {find('RabbitmqCluster', 'rabbitmq')['metadata']['name']}-default-user")
    for key, kind in {
        "configMapRef": "ConfigMap",
        "secretRef": "Secret",
        "secretKeyRef": "Secret",
        "scaleTargetRef": "Deployment",
        "authenticationRef": "TriggerAuthentication",
        "rabbitmqClusterReference": "RabbitmqCluster",
    }.items():
        found = references(MANIFESTS, key)
        assert found and {f"{kind} {name}" for name in found} <= names
    for target in find("TriggerAuthentication", "rabbitmq")["spec"]["secretTargetRef"]:
        assert f"Secret {target['name']}" in names


def test_every_selector_finds_its_pods():
    for name in ("web", "sums", "quick", "beat"):
        labels = find("Deployment", name)["spec"]["selector"]["matchLabels"]
        assert labels == PODS[f"Deployment {name}"]["metadata"]["labels"]
    labels = PODS["Deployment web"]["metadata"]["labels"]
    assert find("Service", "web")["spec"]["selector"] == labels
    assert find("PodDisruptionBudget", "web")["spec"]["selector"]["matchLabels"] == labels


def test_keda_scales_the_worker_of_the_queue_it_looks_at():
    scaled = find("ScaledObject", "sums")["spec"]
    [trigger] = scaled["triggers"]
    assert scaled["scaleTargetRef"]["name"] == trigger["metadata"]["queueName"] == "sums"
    assert "replicas" not in find("Deployment", "sums")["spec"], "they would fight over it"
    host = f"amqp://rabbitmq.{KUSTOMIZATION['namespace']}.svc:5672/"
    assert trigger["metadata"]["host"] == host


def test_the_broker_has_the_vhost_and_the_policy_of_compose():
    definitions = json.loads((places.CHECKOUT / "docker" / "definitions.json").read_text())
    [vhost], [policy] = definitions["vhosts"], definitions["policies"]
    found = dict(find("Policy", "sums")["spec"])
    del found["rabbitmqClusterReference"]
    assert found == {"applyTo" if key == "apply-to" else key: policy[key] for key in policy}
    config = find("RabbitmqCluster", "rabbitmq")["spec"]["rabbitmq"]["additionalConfig"]
    assert config == f"default_vhost = {vhost['name']}\n"
    assert (
        find("ScaledObject", "sums")["spec"]["triggers"][0]["metadata"]["vhostName"]
        == (vhost["name"])
    )


def test_the_example_of_a_secret_has_no_secret():
    assert set(find("Secret", "course")["stringData"].values()) == {""}


def test_kustomize_is_given_every_file_but_the_example():
    files = {file.name for file in KUBERNETES.iterdir()}
    assert files - {"kustomization.yaml", "secret.example.yaml"} == set(KUSTOMIZATION["resources"])


@pytest.mark.skipif(not shutil.which("kubectl"), reason="there is no `kubectl` here")
def test_kustomize_builds_every_object():
    command = ["kubectl", "kustomize", str(KUBERNETES)]
    built = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    objects = list(yaml.safe_load_all(built))
    assert {named(one) for one in objects} == {named(one) for one in MANIFESTS} - {"Secret course"}
    assert {one["metadata"]["namespace"] for one in objects} == {KUSTOMIZATION["namespace"]}


# --- systemd -----------------------------------------------------------------------------------

TARGETS = ("basic", "multi-user", "network", "network-online", "shutdown", "sysinit")


@pytest.fixture
def machine(tmp_path):
    """A root directory in which the units are installed, with the files that they run."""
    folder = tmp_path / "etc/systemd/system"
    shutil.copytree(parts.UNITS, folder)
    for target in TARGETS:
        (folder / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
    for path in (f"{parts.BINARIES}celery", f"{parts.BINARIES}gunicorn", "/bin/kill"):
        file = tmp_path / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o755)
    return tmp_path


def analyzed(machine: Path, *words: str) -> str:
    command = ["systemd-analyze", f"--root={machine}", *words]
    return subprocess.run(command, capture_output=True, text=True).stderr


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_accepts_the_units_and_refuses_broken_ones(machine):
    names = [f"{name}.service" for name in parts.units()]
    assert len(names) == 4 and analyzed(machine, "verify", *names) == ""
    common = machine / "etc/systemd/system" / parts.COMMON.relative_to(parts.UNITS)
    common.write_text(common.read_text().replace("KillMode", "KillMod"))
    assert "Unknown key" in analyzed(machine, "verify", *names)
    (machine / f"{parts.BINARIES}celery"[1:]).unlink()
    assert "celery is not executable" in analyzed(machine, "verify", "course-beat.service")


def test_every_unit_ends_its_main_process_first_and_has_few_rights():
    for name, unit in parts.units().items():
        service = unit["Service"]
        assert (service["Type"], service["KillMode"]) == ("exec", "mixed"), name
        assert service["User"] == "course" and service["NoNewPrivileges"] == "yes"
        assert not re.search(r"[;&|]|sh -c", service["ExecStart"]), "systemd is no shell"


def test_the_example_of_variables_names_what_the_settings_read():
    text = (parts.UNITS / "course.env.example").read_text()
    names = set(re.findall(r"^(\w+)=", text, re.M)) - {"DJANGO_SETTINGS_MODULE"}
    deployed = (places.CHECKOUT / "docker" / "deployed.py").read_text()
    read = set(re.findall(r'(?:secret\(|environ\.get\()"(\w+)"', deployed))
    assert names - {"WEB_HOSTS"} <= read
    for secret in ("DJANGO_SECRET_KEY", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD"):
        assert f"\n{secret}=\n" in text

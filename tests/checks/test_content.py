"""What a learner reads of a check is in the `.toml` beside it, whole, and nothing else is there."""

import ast
import importlib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

from workshop import checks, places
from workshop.desk import stages

CHECKS = Path(checks.__file__).parent
STAGES = stages.all_stages()


def words_of(name: str) -> dict:
    return tomllib.loads((CHECKS / f"{name}.toml").read_text(encoding="utf-8"))


def said_by(file: Path) -> Iterator[tuple[str, str, set[str]]]:
    """Each text that a module asks for by its name: whose it is, which, and what it is given."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(
                    ast.Name("check" | "common" as whose), "says" | "wrong" | "hints"
                ),
                args=[ast.Constant(name)],
            ):
                yield whose, name, {word.arg for word in node.keywords} - {"where", "hints"}


def rows_of(file: Path) -> Iterator[tuple[str, set[str]]]:
    """Each name in a table that a module reads from its top, and what its text is given."""
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.Call(
                func=ast.Attribute(ast.Name("check"), "first_wrong"), args=[ast.Name(table), _]
            ):
                module = importlib.import_module(f"workshop.checks.{file.stem}")
                seen = {word.arg for word in node.keywords}
                for pattern, name in getattr(module, table):
                    yield name, seen | set(re.compile(pattern).groupindex)


def fields(told: str | dict) -> set[str]:
    """The names that a text has in braces, its hints' too."""
    texts = [told] if isinstance(told, str) else [told.get("seen", ""), *told["hints"]]
    found = {field for text in texts for _, field, _, _ in Formatter().parse(text) if field}
    return {re.split(r"[.\[]", field)[0] for field in found}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_each_item_has_a_title_and_three_hints(stage):
    items = checks.of(stage).items
    content = words_of(f"s{stage.name}")
    content.pop("says")
    assert set(content.pop("why")) == {item.todo for item in items if item.todo}
    assert list(content) == [item.id for item in items]
    assert len({item.title for item in items}) == len(items)
    for words in content.values():
        assert set(words) == {"title", "hints"} and len(words["hints"]) == 3, words


@pytest.mark.parametrize("file", sorted(CHECKS.glob("*.py")), ids=lambda file: file.stem)
def test_a_text_is_given_the_names_that_stand_in_its_braces(file):
    for whose, name, given in said_by(file):
        told = words_of("common" if whose == "common" else file.stem)["says"][name]
        assert given == fields(told), name


@pytest.mark.parametrize("file", sorted(CHECKS.glob("s*_*.py")), ids=lambda file: file.stem)
def test_a_text_named_in_a_table_is_given_what_stands_in_its_braces(file):
    for name, given in rows_of(file):
        assert fields(words_of(file.stem)["says"][name]) <= given, name


@pytest.mark.parametrize("file", sorted(CHECKS.glob("*.toml")), ids=lambda file: file.stem)
def test_every_text_is_said_somewhere(file):
    modules = [file.with_suffix(".py")]
    if file.stem == "common":
        modules = [module for module in CHECKS.glob("*.py") if not re.match(r"s\d\d_", module.name)]
    nodes = [node for module in modules for node in ast.walk(ast.parse(module.read_text()))]
    named = {node.value for node in nodes if isinstance(node, ast.Constant)}
    named |= {node.id for node in nodes if isinstance(node, ast.Name)}  # of a type: type.__name__
    says = words_of(file.stem)["says"]
    assert set(says) <= named
    assert all(len(told["hints"]) == 3 for told in says.values() if isinstance(told, dict))


def test_no_check_has_a_text_of_its_own():
    for file in CHECKS.glob("*.py"):
        calls = re.findall(r"\bWrong\(", file.read_text())
        assert not calls or file.name in ("content.py", "wrong.py"), file.name


# names that a hint or a message may mention, and that no file of the course contains
FROM_OUTSIDE = {
    *("add_user", "authenticate_user", "clear_permissions", "clear_policy", "delete_user"),
    *("delete_vhost", "list_permissions", "list_users"),  # rabbitmqctl's
    *("root_id", "task_received"),  # Celery's
    *("CELERY_TASK_ALWAYS_EAGER", "CELERY_TASK_IGNORE_RESULT", "task_always_eager"),
    *("apply_async", "auto_delete", "broker_url", "ignore_result", "on_commit"),
    *("re_path", "task_ignore_result"),
}


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_a_hint_names_nothing_that_the_stage_does_not_have(stage):
    """So that a function's new name reaches the hints."""
    files = [
        file
        for folder in ("steps", "solutions")
        for one in [*stages.before(stage), stage]
        for file in (places.CHECKOUT / folder / one.name).rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    ]
    there = "\n".join(file.read_text(encoding="utf-8") for file in files)
    said = (CHECKS / f"s{stage.name}.toml").read_text(encoding="utf-8")
    values = re.sub(r"(?m)^#.*$|^\w+ = |^\[.*\]$|\{[^}]*\}", "", said)
    named = set(re.findall(r"\b[A-Za-z]\w*_\w+", values))
    assert not {name for name in named - FROM_OUTSIDE if name not in there}

"""The house is as its README says: no room that is not named there, and none that is not there."""

import ast
import importlib
import re
import sys

import pytest

from workshop import places

HOUSE = places.CHECKOUT / "workshop"
# before the packages are there, or in a process that must start at once
ALONE = (
    "tools/bootstrap.py",
    "workshop/broker/binaries.py",
    "workshop/machine/environment.py",
    "workshop/machine/forkclient.py",
    "workshop/machine/forkserver.py",
    "workshop/machine/guard.py",
)
OURS = ("workshop.broker.binaries", "workshop.machine")


def test_the_readme_names_every_room():
    table = (HOUSE / "README.md").read_text().split("## ")[0]
    named = {name for row in table.splitlines() for name in re.findall(r"`(\w+(?:/|\.py))`", row)}
    there = {f"{one.name}/" for one in HOUSE.iterdir() if (one / "__init__.py").exists()}
    there |= {one.name for one in HOUSE.glob("*.py") if one.name != "__init__.py"}
    inside = {one.name + "/" * one.is_dir() for one in HOUSE.glob("*/*")}
    assert there <= named <= there | inside | {"tools/"}


def test_a_file_that_the_readme_names_is_there():
    text = (HOUSE / "README.md").read_text()
    for name in re.findall(r"`((?:\w+/)*\w+\.(?:cfg|md|py|toml|yml))`", text):
        folders = (HOUSE, places.CHECKOUT, *HOUSE.iterdir())
        one_of_many = "NN_name" in name or name == "mistake.toml"
        assert one_of_many or any((folder / name).exists() for folder in folders), name


@pytest.mark.parametrize("file", ALONE)
def test_what_must_start_without_any_package_imports_none(file):
    tree = ast.parse((places.CHECKOUT / file).read_text())
    names = [a.name for node in tree.body if isinstance(node, ast.Import) for a in node.names]
    names += [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    others = {name.split(".")[0] for name in names if name not in OURS}
    assert others <= set(sys.stdlib_module_names)


@pytest.mark.parametrize(
    "room", ["workshop", "workshop.checks", "workshop.drills", "workshop.verbs"]
)
def test_a_face_gives_what_its_name_says_not_the_module_it_stands_in(room):
    face = importlib.import_module(room)
    for name in face.__all__:
        assert getattr(face, name).__name__.rpartition(".")[2] == name
        assert callable(getattr(face, name)) or name == "pictures"
    with pytest.raises(AttributeError):
        face.no_such_name  # noqa: B018

"""Each folder of tests/mistakes and tests/ways is a mistake, or another right way.

The mistakes themselves are collected by conftest.py: each `mistake.toml` is a test.
"""

import tomllib
from pathlib import Path

from workshop import checks
from workshop.desk import stages

HERE = Path(__file__).parents[1]


def test_a_mistake_is_files_of_its_stage_that_differ_from_the_solution():
    for kind in ("mistakes", "ways"):
        for folder in (HERE / kind).glob("*/*/"):
            stage = stages.find(folder.parent.name)
            solved = stages.content(stage, solved=True)
            changed = [
                name for name in stages.files_in(folder) if name not in ("way.toml", "mistake.toml")
            ]
            assert changed, folder
            for name in changed:
                is_new = "/migrations/" in name or Path(name).name.startswith("test_")
                assert name in stage.todo or is_new, f"{folder}: {name}"
                is_ours = (
                    name in solved and (folder / name).read_bytes() == solved[name].read_bytes()
                )
                assert not is_ours, folder


def test_a_mistake_names_an_item_of_its_stage():
    for file in (HERE / "mistakes").glob("*/*/mistake.toml"):
        items = {item.id for item in checks.of(stages.find(file.parts[-3])).items}
        told = tomllib.loads(file.read_text())
        assert set(told) - {"whole"} == {"item", "seen"} and told["item"] in items, file

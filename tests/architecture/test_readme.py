"""The README stays in step with the code: tables, diagrams, commands, addresses, files."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from tests.architecture.readme import SECTIONS, rewritten

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


class TestReadme:
    @pytest.mark.parametrize("section", SECTIONS)
    def test_has_the_section_as_the_code_would_write_it(self, section: str) -> None:
        start, end = f"<!-- made:{section} -->", f"<!-- /made:{section} -->"
        written = README.partition(start)[2].partition(end)[0]
        assert written.strip() == "\n".join(SECTIONS[section]()).strip()

    def test_is_not_changed_by_making_it_anew(self) -> None:
        assert rewritten(README) == README

    def test_refuses_a_readme_without_its_marks(self) -> None:
        with pytest.raises(ValueError, match="made:settings"):
            rewritten("# syncserver")

    def test_names_only_commands_that_exist_and_all_of_ours(self) -> None:
        ours = {name for name, app in get_commands().items() if app == "migration"}
        named = set(re.findall(r"`(?:python manage\.py )?(migration_[a-z_]+)`", README)) - {
            "migration_queryable_record"
        }
        assert named == ours - {"seed_demo"}

    def test_names_only_make_targets_that_exist(self) -> None:
        targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
        assert set(re.findall(r"`make ([a-z]+)", README)) <= targets

    def test_links_and_pictures_lead_somewhere(self) -> None:
        places = [place for place in re.findall(r"\]\(([^)]+)\)", README) if "://" not in place]
        assert [place for place in places if not (ROOT / place).exists()] == []

    def test_names_every_room_on_its_floor(self) -> None:
        rooms = {path.name for path in (ROOT / "migration").iterdir() if (path / "__init__.py").exists()}
        assert {room for room in rooms - {"migrations"} if f"`{room}`" not in README} == set()

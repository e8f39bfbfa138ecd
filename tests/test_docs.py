"""What the documents name exists, and what exists is named."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
import typer

from edge.config import Settings
from edge.results import Alarm, HalfOrbitResult, WindowScore
from edge.station.alarms import StationAlarm
from edge.station.status import Counts, StationStatus, Trouble

ROOT = Path(__file__).resolve().parent.parent


def section(title: str) -> str:
    """Give what stands below a heading, up to the next one."""
    text = (ROOT / "docs" / "files.md").read_text(encoding="utf-8")
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#|\Z)", text, re.M | re.S)
    assert found is not None, title
    return found[1]


@pytest.mark.parametrize(
    "record", [HalfOrbitResult, WindowScore, Alarm, StationAlarm, StationStatus, Settings]
)
def test_files_names_every_field_and_no_other(record: type) -> None:
    cells = re.findall(r"^\| (`.*?) \|", section(record.__name__), re.M)
    named = [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
    assert sorted(named) == sorted(record.__struct_fields__)


def test_files_names_what_status_holds() -> None:
    text = section("StationStatus")
    for name in (*Counts.__struct_fields__, *Trouble.__struct_fields__):
        assert f"`{name}`" in text


DOCUMENTS = ["README.md", *sorted(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) < 900


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_somewhere(document: str) -> None:
    path = ROOT / document
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert target.startswith("https://") or (path.parent / target).exists(), target


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("program", ["edge-score", "edge-train"])
def test_commands_that_documents_show_exist(document: str, program: str) -> None:
    module = "edge.cli" if program == "edge-score" else "trainer.cli"
    group = typer.main.get_command(import_module(module).app)
    text = (ROOT / document).read_text(encoding="utf-8")
    start = r"(?:`|^ {4}(?:\$ )?)(?:\.venv/bin/)?"
    shown = re.findall(rf"{start}{program} +([a-z][a-z-]*)", text, re.M)
    assert set(shown) <= set(group.commands)

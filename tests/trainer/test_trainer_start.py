"""``edge-train`` where the trainer's packages are not installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

WITHOUT = """
import sys
sys.modules[{missing!r}] = None
sys.argv = ["edge-train", *{arguments!r}]
from trainer.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("missing", "arguments"),
    [
        ("dask", ["prepare", "nowhere"]),
        ("numpy", ["pretrain", "nowhere", "--recipe", "cnn.toml", "--out", "o"]),
    ],
)
def test_a_missing_package_is_one_line_with_the_python_it_is_for(
    tmp_path: Path, missing: str, arguments: list[str]
) -> None:
    code = WITHOUT.format(missing=missing, arguments=arguments)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    version = ".".join(map(str, sys.version_info[:2]))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr == (
        f"edge-train: {missing} is not installed: expected the extra 'trainer' of "
        f"seqnetquake-edge, for Python 3.11 to 3.13; this is {version}\n"
    )

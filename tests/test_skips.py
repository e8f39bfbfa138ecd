"""The rule of conftest.py: in CI, only listed skips pass."""

from __future__ import annotations

from pathlib import Path

import pytest

LISTED = "the data are absent"


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Make a project whose only own files are our conftest and a list of one allowed reason."""
    monkeypatch.setenv("CI", "true")
    pytester.makeconftest(Path(__file__).with_name("conftest.py").read_text(encoding="utf-8"))
    pytester.path.joinpath("allowed_skips.txt").write_text(f"# listed\n\n{LISTED}\n")
    return pytester


def skipping_test(reason: str) -> str:
    return f"import pytest\ndef test_it(): pytest.skip({reason!r})\ndef test_ok(): pass\n"


def test_listed_skip_passes(project: pytest.Pytester) -> None:
    project.makepyfile(skipping_test(f"{LISTED}: no file"))
    result = project.runpytest("-rs")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["SKIPPED *the data are absent: no file"])
    result.stdout.no_fnmatch_line("NOT ALLOWED*")


def test_unlisted_skip_fails_above_the_summary(project: pytest.Pytester) -> None:
    project.makepyfile(skipping_test("it was raining"))
    result = project.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        ["NOT ALLOWED *::test_it: it was raining", "* 1 passed, 1 skipped*"]
    )
    assert "1 passed, 1 skipped" in result.outlines[-1]


@pytest.mark.parametrize(
    "source",
    [
        "import pytest\npytest.importorskip('no_such_module_at_all')\n",
        "import pytest\npytest.skip('whole module', allow_module_level=True)\n",
        "import pytest\n@pytest.mark.skip(reason='a mark')\ndef test_it(): pass\n",
        "import pytest\n@pytest.mark.skipif(True, reason='a condition')\ndef test_it(): pass\n",
    ],
    ids=["importorskip", "module", "mark", "condition"],
)
def test_every_kind_of_skip_is_seen(project: pytest.Pytester, source: str) -> None:
    project.makepyfile(source)
    assert project.runpytest().ret == pytest.ExitCode.TESTS_FAILED


def test_expected_failure_is_no_skip(project: pytest.Pytester) -> None:
    project.makepyfile("import pytest\n@pytest.mark.xfail\ndef test_it(): assert False\n")
    assert project.runpytest().ret == pytest.ExitCode.OK


def test_failure_stays_a_failure(project: pytest.Pytester) -> None:
    project.makepyfile(skipping_test("it was raining") + "def test_bad(): assert False\n")
    result = project.runpytest()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.assert_outcomes(passed=1, skipped=1, failed=1)


def test_rule_sleeps_outside_ci(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI")
    project.makepyfile(skipping_test("it was raining"))
    assert project.runpytest().ret == pytest.ExitCode.OK

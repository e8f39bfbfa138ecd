"""Fixtures for every test, and the rule that CI accepts listed skips alone."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

pytest_plugins = ["pytester"]

HERE = Path(__file__).parent
ABSENT = "../shared/data is absent"

settings.register_profile("ci", derandomize=True, deadline=None, max_examples=60)
settings.register_profile("explore", deadline=None, max_examples=2000)
# Under emulation an example costs ten times as much.
settings.register_profile("emulated", derandomize=True, deadline=None, max_examples=5)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


class SkipRule:
    """Collects the reasons of skips and, in CI, fails the session over unlisted ones."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        self.unlisted: list[str] = []

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        where = report.longrepr
        reason = where[2] if isinstance(where, tuple) else str(where)
        reason = reason.removeprefix("Skipped: ")
        if not reason.startswith(self.allowed):
            self.unlisted.append(f"{report.nodeid}: {reason}")

    pytest_runtest_logreport = _note
    pytest_collectreport = _note

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a success with unlisted skips into a failure."""
        if self.unlisted and session.exitstatus in (
            pytest.ExitCode.OK,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the unlisted skips above pytest's own last line."""
        if self.unlisted:
            terminalreporter.section("skips that tests/allowed_skips.txt does not list", red=True)
            for line in self.unlisted:
                terminalreporter.write_line(f"NOT ALLOWED {line}")


def pytest_configure(config: pytest.Config) -> None:
    """Apply the rule where CI=true."""
    if os.environ.get("CI") != "true":
        return
    lines = HERE.joinpath("allowed_skips.txt").read_text(encoding="utf-8").splitlines()
    allowed = tuple(line for line in lines if line.strip() and not line.startswith("#"))
    config.pluginmanager.register(SkipRule(allowed), "skip-rule")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep TensorFlow from the edge's interpreter, and run property tests first on aarch64.

    There, tflite-runtime makes the process flush subnormals to zero once it is loaded, and
    hypothesis then refuses to draw floats.
    """
    if len({item.get_closest_marker("tensorflow") is None for item in items}) > 1:
        raise pytest.UsageError("tests of TensorFlow need a process of their own: -m tensorflow")
    if platform.machine() == "aarch64":
        items.sort(key=lambda item: item.get_closest_marker("hypothesis") is None)


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return HERE.parent


@pytest.fixture(scope="session")
def shared_data(repository: Path) -> Path:
    """Folder of real data beside the checkout, or the one that SEQNETQUAKE_SHARED names."""
    default = repository.parent / "shared" / "data"
    folder = Path(os.environ.get("SEQNETQUAKE_SHARED", default))
    if not folder.is_dir():
        pytest.skip(ABSENT)
    return folder


@pytest.fixture(scope="session")
def real_hpm(shared_data: Path) -> Path:
    """The one real half-orbit of the CSES magnetometer."""
    found = sorted(shared_data.glob("CSES_01_HPM_5_*.h5"))
    if not found:
        pytest.skip(f"{ABSENT}: no CSES_01_HPM_5_*.h5 in it")
    return found[0]


@pytest.fixture(scope="session")
def simulated_cses(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated CSES archive: six hours, night side, PAP on, strong perturbations."""
    return _simulate("cses", "2020-03-20T00:00", "2020-03-20T06:00", tmp_path_factory)


@pytest.fixture(scope="session")
def simulated_demeter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated DEMETER archive: three hours, night side."""
    return _simulate("demeter", "2008-03-20T00:00", "2008-03-20T03:00", tmp_path_factory)


def _simulate(mission: str, start: str, end: str, factory: pytest.TempPathFactory) -> Path:
    simulate = pytest.importorskip("trainer.simulate")
    out = factory.mktemp(mission)
    simulate.simulate_mission(
        mission,
        np.datetime64(start, "ms"),
        np.datetime64(end, "ms"),
        seed=11,
        injection=8.0,
        out=out,
        night_only=True,
        pap_off=0.0,
        events_per_day=60.0,
    )
    return out

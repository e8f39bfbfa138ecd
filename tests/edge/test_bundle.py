from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from edge.bundle import default_bundle_path, file_sha256, load_bundle, load_card
from edge.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_bundle_path(), tmp_path / "plasma"))


def change(bundle: Path, **values: object) -> None:
    card = json.loads((bundle / "card.json").read_text(encoding="utf-8"))
    (bundle / "card.json").write_text(json.dumps(card | values), encoding="utf-8")


def test_the_shipped_bundle_is_whole_and_says_what_it_was_trained_on() -> None:
    bundle = load_bundle()
    assert bundle.card.simulated
    assert bundle.card.training.data == "simulated"
    assert bundle.card.parity.windows >= 500
    assert bundle.card.quantisation == "int8"
    assert all(m.simulated for m in bundle.card.training.missions)


def test_everything_shipped_stays_under_two_megabytes() -> None:
    models = default_bundle_path().parent
    assert sum(f.stat().st_size for f in models.rglob("*") if f.is_file()) < 2 * 1024 * 1024


def test_an_altered_file_is_refused(bundle: Path) -> None:
    model = bundle / load_card(bundle).model
    model.write_bytes(model.read_bytes()[:-1] + b"\0")
    with pytest.raises(BundleError, match=rf"{model.name} was altered"):
        load_bundle(bundle)


def test_a_missing_file_is_refused(bundle: Path) -> None:
    (bundle / load_card(bundle).climatology).unlink()
    with pytest.raises(BundleError, match="No such file"):
        load_bundle(bundle)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"format": 99}, "99"),
        ({"threshold": 1.5}, "threshold is 1.5; valid is 0 to 1"),
        ({"profile": "waves"}, "waves"),
        ({"observables": ["te"]}, "observables te"),
        ({"extra": 1}, "extra"),
        ({"length": "long"}, "length"),
        ({"files": {"../card.json": "00"}}, "no sha256"),
    ],
)
def test_a_bad_card_is_one_clear_line(bundle: Path, values: dict[str, object], found: str) -> None:
    change(bundle, **values)
    with pytest.raises(BundleError, match="bundle plasma") as caught:
        load_bundle(bundle)
    assert found in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_out_of_the_bundle_is_refused(bundle: Path) -> None:
    card = load_card(bundle)
    change(bundle, files=card.files | {"../secret": "00"})
    with pytest.raises(BundleError, match="not a file of the bundle"):
        load_bundle(bundle)


def test_no_card_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"card\.json: No such file"):
        load_bundle(tmp_path)


def test_the_sum_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a").startswith("ba7816bf")

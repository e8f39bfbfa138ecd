from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from edge.bundle import (
    CARD_FILE,
    CARD_SUM_FILE,
    card_sum,
    default_bundle_path,
    file_sha256,
    load_bundle,
    load_card,
)
from edge.errors import BundleError


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(default_bundle_path(), tmp_path / "plasma"))


def change(bundle: Path, **values: object) -> None:
    card = json.loads((bundle / CARD_FILE).read_text(encoding="utf-8"))
    write_card(bundle, json.dumps(card | values).encode())


def write_card(bundle: Path, raw: bytes) -> None:
    """Put another card in place as its maker would, with its sum."""
    (bundle / CARD_FILE).write_bytes(raw)
    (bundle / CARD_SUM_FILE).write_bytes(card_sum(raw))


def test_the_shipped_bundle_is_whole_and_says_what_it_was_trained_on() -> None:
    bundle = load_bundle()
    assert bundle.card.simulated
    assert bundle.card.training.data == "simulated"
    assert {p.file for p in bundle.card.parity} >= {bundle.card.model}
    for parity in bundle.card.parity:
        assert parity.windows + parity.verdict_windows >= 500
        assert parity.auc_keras - parity.auc_tflite <= 0.002
        assert parity.verdict_flips <= 0.005
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
        ({"threshold": 1.5}, "threshold: expected 0 to 1, got 1.5"),
        ({"profile": "waves"}, "waves"),
        ({"observables": ["te"]}, "of profile plasma, got te"),
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


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"format": 1, "name": "\xff"}', "can't decode byte 0xff"),
        (b"[" * 100_000, "recursion"),
        (b"\xef\xbb\xbf{}", "malformed"),
        (b"", "truncated"),
    ],
)
def test_a_card_that_is_no_json_is_one_clear_line(bundle: Path, raw: bytes, found: str) -> None:
    write_card(bundle, raw)
    with pytest.raises(BundleError, match=r"^bundle plasma: card\.json: ") as caught:
        load_card(bundle)
    assert found in str(caught.value)
    assert str(caught.value).isprintable()


def test_every_flipped_bit_of_the_card_and_of_its_sum_is_refused(bundle: Path) -> None:
    for name in (CARD_FILE, CARD_SUM_FILE):
        file = bundle / name
        whole = file.read_bytes()
        size = 8 * len(whole)
        bits = range(size) if size < 1000 else random.Random(9).sample(range(size), 400)
        for bit in bits:
            damaged = bytearray(whole)
            damaged[bit // 8] ^= 1 << bit % 8
            file.write_bytes(damaged)
            with pytest.raises(BundleError, match=r"^bundle plasma: .* was altered: ") as caught:
                load_card(bundle)
            assert str(caught.value).isprintable()
        file.write_bytes(whole)
    assert load_card(bundle).threshold > 0.5


def test_a_card_without_its_sum_is_refused_and_the_way_out_works(bundle: Path) -> None:
    (bundle / CARD_SUM_FILE).unlink()
    with pytest.raises(BundleError, match=r"card\.json\.sha256 is missing") as caught:
        load_card(bundle)
    shell = str(caught.value).rsplit("run: ", 1)[1]
    subprocess.run(shell, shell=True, cwd=bundle, check=True)
    subprocess.run(["sha256sum", "--quiet", "-c", CARD_SUM_FILE], cwd=bundle, check=True)
    assert load_bundle(bundle).card.simulated
    # As `sha256sum -b` and Windows write it.
    file = bundle / CARD_SUM_FILE
    file.write_bytes(file.read_bytes().replace(b"  ", b" *"))
    assert load_card(bundle).simulated


def test_the_shipped_sum_is_that_of_sha256sum() -> None:
    subprocess.run(["sha256sum", "-c", CARD_SUM_FILE], cwd=default_bundle_path(), check=True)


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

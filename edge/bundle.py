"""The bundle: a folder with the model, the climatology, golden windows and the card."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from edge import __version__
from edge.errors import BundleError, one_line
from edge.observables import GRID_STEP_S, PROFILES, Profile
from edge.versions import installed_runtime

if TYPE_CHECKING:
    from edge.arrays import AnyArray

#: Version of the card's layout.
CARD_FORMAT = 2
#: Between the middles of bins: as at the nearest one, or linear in place and season.
ClimatologyForm = Literal["nearest", "interpolated"]
CARD_FILE = "card.json"
#: The card's sha256 as sha256sum writes it: every other file's stands in the card.
CARD_SUM_FILE = f"{CARD_FILE}.sha256"
DEFAULT_BUNDLE = "plasma"

_PACKAGE = Path(__file__).resolve().parent


class AlarmRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Radius and duration of an alarm."""

    radius_km: float
    duration_h: float


class OperatingPoint(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the threshold costs on unselected half-orbits, storms included.

    ``alarmed_share`` is the share of space-time alarmed: windows over the threshold
    among all scored windows. ``base_rate`` is the share of windows that lie in an event's circle
    and lead time, ``precision`` that share among alarmed windows.
    """

    half_orbits: int
    windows: int
    alarms_per_night_half_orbit: float
    alarmed_share: float
    base_rate: float
    precision: float | None
    recall: float | None


class Metric(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A metric on the test split with its 95 % interval from resampling events."""

    name: str
    value: float
    low: float
    high: float


class Parity(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One TFLite file against Keras on validation, in a process that has no TensorFlow.

    Attributes
    ----------
    windows : int
        Matched ones.
    largest_difference, mean_difference : float
        Of scores of these and of all others.
    auc_keras, auc_tflite, mcc_keras, mcc_tflite : float
        Of matched windows.
    verdict_windows : int
        Of every half-orbit, none selected.
    verdict_flips : float
        Share of them that are an alarm of one and not of the other.
    """

    file: str
    runtime: str
    windows: int
    largest_difference: float
    mean_difference: float
    auc_keras: float
    auc_tflite: float
    mcc_keras: float
    mcc_tflite: float
    verdict_windows: int
    verdict_flips: float


class MissionData(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The archive of one mission that a model has seen."""

    mission: str
    simulated: bool
    start: str
    end: str
    half_orbits: int
    train_windows: int
    positive_windows: int
    parameters: dict[str, str | int | float | bool | None] = {}


class Training(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What the model was trained on."""

    data: Literal["simulated", "real", "mixed"]
    missions: list[MissionData]
    catalogue: str
    catalogue_sha256: str
    events: int
    seed: int


class Golden(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Windows with known scores; a runtime that gives others is not to be trusted.

    Attributes
    ----------
    tolerance : float
        Largest difference of a score that is accepted.
    measured : dict of str to float
        Largest difference that each interpreter showed where the bundle was made.
    """

    file: str
    windows: int
    tolerance: float
    measured: dict[str, float]


class Card(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What a bundle is, how it is to be used and how good it is.

    Attributes
    ----------
    run, source : str
        sha256 of the trained model, and of all that the bundle was made from.
    model, float_model, climatology : str
        File names within the bundle; `float_model` is the same network before quantisation, None
        where it was left out.
    quantisation : {"int8", "float32"}
    length : int
        Rows in a window, L.
    clip : float
        Residuals are held within this many spreads.
    slope, intercept : float
        score = 1 / (1 + exp(-(slope * logit + intercept))); calibrated on validation.
    threshold : float
        Scores at or above it are alarms; chosen on validation.
    minimum_coverage : float
        Below it a window's verdict is ``insufficient``.
    files : dict of str to str
        sha256 of every other file of the bundle.
    climatology_form : {"nearest", "interpolated"}
        As `edge.climatology.Climatology.form`.
    """

    format: int
    name: str
    run: str
    source: str
    profile: str
    observables: list[str]
    transforms: list[str]
    grid_step_s: int
    length: int
    night: Literal["dark", "paper"]
    clip: float
    model: str
    float_model: str | None
    quantisation: Literal["int8", "float32"]
    climatology: str
    slope: float
    intercept: float
    threshold: float
    minimum_coverage: float
    alarm: AlarmRule
    operating_point: OperatingPoint
    training: Training
    metrics: list[Metric]
    parity: list[Parity]
    golden: Golden
    code_version: str
    network: str
    files: dict[str, str]
    climatology_form: ClimatologyForm = "nearest"

    @property
    def simulated(self) -> bool:
        """Whether any of the training data was simulated."""
        return self.training.data != "real"

    @property
    def trained_on(self) -> str:
        """``simulated`` where any of the training data was, else ``real``."""
        return "simulated" if self.simulated else "real"


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle on disk."""

    path: Path
    card: Card
    profile: Profile

    @property
    def model_path(self) -> Path:
        """The TFLite file."""
        return self.path / self.card.model

    @property
    def climatology_path(self) -> Path:
        """The climatology."""
        return self.path / self.card.climatology

    @property
    def golden_path(self) -> Path:
        """The golden windows."""
        return self.path / self.card.golden.file


def models_path() -> Path:
    """Folder of what ships: beside the package in a wheel, the project's own in a checkout."""
    shipped = _PACKAGE / "_models"
    return shipped if shipped.is_dir() else _PACKAGE.parent / "models"


def default_bundle_path() -> Path:
    """Folder of the bundle that ships."""
    return models_path() / DEFAULT_BUNDLE


def file_sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load_arrays(path: Path) -> dict[str, AnyArray]:
    """Read every array of a ``.npz`` file of a bundle.

    Raises
    ------
    BundleError
        The file is missing or damaged, or holds anything but plain arrays.
    """
    # numpy only where a bundle is used: showing its card is to stay cheap.
    import numpy as np

    try:
        with path.open("rb") as stream:
            found = np.load(stream, allow_pickle=False)
            if not isinstance(found, np.lib.npyio.NpzFile):
                raise BundleError(f"{path.name}: not a .npz file")
            with found:
                return {name: found[name] for name in found.files}
    except BundleError:
        raise
    except Exception as error:
        # zipfile, zlib, tokenize and numpy each raise errors of their own on damaged bytes.
        raise BundleError(f"{path.name}: not a .npz file: {one_line(str(error))}") from None


def card_sum(raw: bytes) -> bytes:
    """Content of the file beside a card that ``sha256sum -c`` checks it with."""
    return f"{hashlib.sha256(raw).hexdigest()}  {CARD_FILE}\n".encode()


def load_card(path: Path | None = None) -> Card:
    """Read, verify and validate the card of a bundle.

    Parameters
    ----------
    path : Path, optional
        The bundle's folder; the shipped one by default.

    Raises
    ------
    BundleError
        It is missing, unreadable, not what its sha256 says, of another format, or has an unknown
        or impossible value.
    """
    path = path or default_bundle_path()
    raw = _read(path, CARD_FILE)
    _check_sum(path, raw)
    try:
        found = msgspec.json.decode(raw)
        version = found.get("format") if isinstance(found, dict) else None
        if version != CARD_FORMAT:
            raise BundleError(
                f"bundle {path.name}: expected card format {CARD_FORMAT}, got {version!r}"
            )
        card = msgspec.convert(found, Card)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise BundleError(f"bundle {path.name}: {CARD_FILE}: {error}") from None
    _check_values(path, card)
    return card


def load_bundle(path: Path | None = None) -> Bundle:
    """Open a bundle and verify every file against the card.

    Parameters
    ----------
    path : Path, optional
        The bundle's folder; the shipped one by default.

    Raises
    ------
    BundleError
        The card is not valid, or a file is missing or altered.
    """
    path = path or default_bundle_path()
    card = load_card(path)
    for name in filter(None, (card.model, card.float_model, card.climatology, card.golden.file)):
        if name not in card.files:
            raise BundleError(f"bundle {path.name}: {name} has no sha256 in the card")
    for name, expected in card.files.items():
        if Path(name).name != name:
            raise BundleError(f"bundle {path.name}: {name!r} is not a file of the bundle")
        found = hashlib.sha256(_read(path, name)).hexdigest()
        if found != expected:
            raise BundleError(
                f"bundle {path.name}: {name} was altered: expected sha256 {expected[:12]}..., "
                f"got {found[:12]}..."
            )
    return Bundle(path, card, PROFILES[card.profile])


def profile_and_fingerprint(
    bundle: Path | None,
    night: str | None = None,
    minimum_coverage: float | None = None,
    runtime: str = "auto",
) -> tuple[Profile, str]:
    """Profile of a bundle, and a hash of what a result depends on beside its files.

    Parameters
    ----------
    bundle : Path or None
        Its folder; None for the one that ships.
    minimum_coverage : float, optional
        Where they are not the card's.
    runtime : {"auto", "tflite", "litert"}, optional
        Its version counts: scores differ a little from one to the other.

    Raises
    ------
    BundleError
        There is no such bundle, or its card is not valid.
    ConfigError
        The runtime is not installed.

    Notes
    -----
    Kp is left out: no score depends on it, and its file grows every day, which would have all
    that lies in the inbox scored again. Results take what is known when they are made.
    """
    path = bundle or default_bundle_path()
    card = load_card(path)
    parts = (
        file_sha256(path / CARD_FILE),
        night,
        minimum_coverage,
        __version__,
        installed_runtime(runtime),
    )
    return PROFILES[card.profile], hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _read(path: Path, name: str) -> bytes:
    try:
        return (path / name).read_bytes()
    except OSError as error:
        raise BundleError(f"bundle {path.name}: {name}: {error.strerror}") from None


def _check_sum(path: Path, raw: bytes) -> None:
    again = f"look at the card, then run: sha256sum {CARD_FILE} > {CARD_SUM_FILE}"
    if not (path / CARD_SUM_FILE).exists():
        raise BundleError(
            f"bundle {path.name}: {CARD_SUM_FILE} is missing, without which nothing tells a "
            f"damaged {CARD_FILE}; {again}"
        )
    expected = card_sum(raw)
    # The whole line, to the last byte: what is damaged is not trusted. "*" marks binary mode.
    if _read(path, CARD_SUM_FILE) not in (expected, expected.replace(b"  ", b" *")):
        raise BundleError(
            f"bundle {path.name}: {CARD_FILE} or {CARD_SUM_FILE} was altered: the sha256 of the "
            f"card is {expected[:12].decode()}...; if the change is meant, {again}"
        )


def _check_values(path: Path, card: Card) -> None:
    profile = PROFILES.get(card.profile)
    if profile is None:
        raise BundleError(
            f"bundle {path.name}: expected a profile of {', '.join(PROFILES)}, got {card.profile!r}"
        )
    if tuple(card.observables) != profile.names:
        raise BundleError(
            f"bundle {path.name}: expected the observables {', '.join(profile.names)} of profile "
            f"{profile.name}, got {', '.join(card.observables)}"
        )
    checks: tuple[tuple[str, Any, float, float], ...] = (
        ("grid_step_s", card.grid_step_s, GRID_STEP_S, GRID_STEP_S),
        ("length", card.length, 2, 1000),
        ("clip", card.clip, 1, 100),
        ("threshold", card.threshold, 0, 1),
        ("minimum_coverage", card.minimum_coverage, 0, 1),
        ("alarm.radius_km", card.alarm.radius_km, 1, 20_000),
        ("alarm.duration_h", card.alarm.duration_h, 0, 10_000),
        ("golden.tolerance", card.golden.tolerance, 0, 1),
    )
    for name, value, low, high in checks:
        if not low <= value <= high:
            raise BundleError(
                f"bundle {path.name}: {name}: expected {low:g} to {high:g}, got {value}"
            )

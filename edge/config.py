"""Settings: one TOML file, or ``EDGE_SCORE_...`` variables, or the command line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, get_args, get_type_hints

import msgspec

from edge.errors import ConfigError
from edge.results import RESULT_FORMATS, ResultFormat

_PREFIX = "EDGE_SCORE_"
FILE_VARIABLE = "EDGE_SCORE_CONFIG"

_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
_Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0 * 30)]

_Days = Annotated[float, msgspec.Meta(ge=1.0, le=36_500.0)]


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What can be set; the card's value holds where one is None.

    Attributes
    ----------
    bundle : str or None
        Folder of the bundle; the shipped one where None.
    night : {"dark", "paper"} or None
    min_coverage : float or None
        0 to 1.
    kp : str or None
        GFZ's file of Kp; geomagnetic activity is unknown where None.
    runtime : {"auto", "tflite", "litert"}
    threads : int
        1 to 64.
    settle : float or None
        Seconds that a file must be unchanged: 30, or 0 with ``--once``, where None.
    wait : float
        Seconds that an incomplete half-orbit is held back after its newest file.
    poll : float
        Seconds between two looks at the inbox where no file event comes.
    on_alarm, on_failure : str or None
        A line for the shell that gets the message as JSON on standard input, and has taken it
        when it exits with 0: each new, changed or withdrawn alarm; each failure once a day.
    log_format : {"text", "json", "journal"} or None
        Form of the lines of `stream`; text where None. ``journal`` is for systemd's, which adds
        the time itself.
    metrics : str or None
        A file that ends in ``.prom``, for the textfile collector of Prometheus' node_exporter;
        none where None.
    results : list of str
        Files of a half-orbit that are written: ``jsonl``, which all else is made of and must be
        among them, ``csv``, ``geojson``. `export` makes either of these later.
    page : bool
        Whether `stream` keeps ``report.html`` in the output folder up to date.
    keep_input_days, keep_results_days : float or None
        Days after its acquisition that `stream` removes a half-orbit's files from the inbox, or
        its results; counted to the newest acquisition; never where None.
    keep_disk_free : float or None
        Gigabytes (1e9 bytes) that are kept free on the disks of inbox and results by removing
        the oldest input, then the oldest results; nothing is removed for it where None.
    """

    bundle: str | None = None
    night: Literal["dark", "paper"] | None = None
    min_coverage: _Share | None = None
    kp: str | None = None
    runtime: Literal["auto", "tflite", "litert"] = "auto"
    threads: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    settle: _Seconds | None = None
    wait: _Seconds = 0.0
    poll: Annotated[float, msgspec.Meta(ge=1.0, le=3600.0)] = 30.0
    on_alarm: str | None = None
    on_failure: str | None = None
    log_format: Literal["text", "json", "journal"] | None = None
    metrics: str | None = None
    results: tuple[ResultFormat, ...] = RESULT_FORMATS
    page: bool = False
    keep_input_days: _Days | None = None
    keep_results_days: _Days | None = None
    keep_disk_free: Annotated[float, msgspec.Meta(gt=0.0, le=1e6)] | None = None

    def __post_init__(self) -> None:
        """Refuse results that nothing could be read back from."""
        if "jsonl" not in self.results:
            raise ValueError(
                f"results: expected 'jsonl' and perhaps others, got {list(self.results)!r}"
            )

    @property
    def bundle_folder(self) -> Path | None:
        """Folder of the bundle; None for the one that ships."""
        return Path(self.bundle) if self.bundle else None


def load_settings(
    file: Path | None, environment: Mapping[str, str], options: Mapping[str, object]
) -> Settings:
    """Put the settings together: the file, over it the environment, over it the options.

    Parameters
    ----------
    file : Path, optional
        TOML; ``EDGE_SCORE_CONFIG`` names one where this is None.
    options : mapping of str to object
        From the command line; None where an option was not given.

    Raises
    ------
    ConfigError
        A key is unknown or a value out of range.
    """
    merged: dict[str, object] = {}
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    if file is not None:
        merged |= _read_toml(file)
        _convert(merged, file.name)
    variables: dict[str, object] = {
        key.removeprefix(_PREFIX).lower(): value
        for key, value in environment.items()
        if key.startswith(_PREFIX) and key != FILE_VARIABLE
    }
    if isinstance(formats := variables.get("results"), str):
        variables["results"] = [name.strip() for name in formats.split(",")]
    _convert(variables, "environment", _PREFIX, strict=False)
    merged |= variables
    merged |= {key: value for key, value in options.items() if value is not None}
    return _convert(merged, "settings", strict=False)


def _read_toml(file: Path) -> dict[str, object]:
    import tomllib

    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file.name}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file.name}: not TOML: {error}") from None


def _convert(
    values: Mapping[str, object], where: str, prefix: str = "", strict: bool = True
) -> Settings:
    unknown = sorted(values.keys() - set(Settings.__struct_fields__))
    if unknown:
        known = ", ".join(Settings.__struct_fields__)
        name = (prefix + unknown[0].upper()) if prefix else unknown[0]
        raise ConfigError(f"{where}: unknown key {name!r}; known are {known}")
    try:
        return msgspec.convert(dict(values), Settings, strict=strict)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_explain(str(error), values, prefix)}") from None


def _explain(message: str, values: Mapping[str, object], prefix: str) -> str:
    """Say which key has which value, and what was expected."""
    expected, _, key = message.rstrip("`").partition(" - at `$.")
    # Of an element of a list.
    key = key.partition("[")[0]
    if key not in values:
        return message
    choices = [repr(c) for a in get_args(get_type_hints(Settings)[key]) for c in get_args(a) or ()]
    choices = choices or [repr(c) for c in get_args(get_type_hints(Settings)[key])]
    if expected.startswith("Invalid enum value"):
        expected = f"Expected {' or '.join(choices)}"
    name = prefix + key.upper() if prefix else key
    expected = expected.partition(", got")[0]
    return f"{name}: {expected[0].lower()}{expected[1:]}, got {values[key]!r}"

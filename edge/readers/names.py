"""File names of half-orbit payloads, and what they promise about the content.

Patterns as data; nothing here opens a file.

Notes
-----
CSES Level 2: 66 characters, ``CSES_01_<PLD>_<n>_<LVL>_A<k>_<ooooos>_<start>_<end>_<vvv>.h5``,
with ``02`` for the second satellite.
DEMETER N1: ``DMT_N1_<apid>_<ooooos>_<start>_<end>.DAT`` (DMT-SP-9-CM-6054-LPC, 3.2).
The last digit of the orbit field is the direction: CSES 0 descending (day), 1
ascending (night); DEMETER 0 downward (day), 1 upward (night). Some file systems fold letters
to one case: names are known in either.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from edge.errors import NotAHalfOrbitFile, UnsupportedPayload
from edge.observables import MissionName

#: A half-orbit lasts 50 minutes at the most (DEMETER: 2970.8 s); names pad it.
LONGEST_HALF_ORBIT = timedelta(minutes=75)

# DEMETER flew from 2004: a name with a time far before or after is damaged.
_EARLIEST, _LATEST = datetime(2000, 1, 1), datetime(2100, 1, 1)

# Not \d, which takes the digits of every script.
_STAMP = r"[0-9]{8}_[0-9]{6}"
# Year, month, day, hour, minute, second.
_FIELDS = ((0, 4), (4, 6), (6, 8), (9, 11), (11, 13), (13, 15))
_CSES = re.compile(
    rf"CSES_0(?P<spacecraft>[12])_(?P<pld>[A-Z]{{3}})_(?P<n>[0-9])_(?P<level>L02|L2A)_A(?P<k>[0-9])_(?P<orbit>[0-9]{{5}})"
    rf"(?P<dir>[01])_(?P<start>{_STAMP})_(?P<end>{_STAMP})_(?P<version>[0-9]{{3}})\.h5",
    # Without the first, letters such as the long s would fold to ASCII.
    re.ASCII | re.IGNORECASE,
)
_DEMETER = re.compile(
    rf"DMT_N1_(?P<apid>[0-9]{{4}})_(?P<orbit>[0-9]{{5}})(?P<dir>[01])"
    rf"_(?P<start>{_STAMP})_(?P<end>{_STAMP})\.DAT",
    re.ASCII | re.IGNORECASE,
)
_PACKED = re.compile(
    r".*?\.(zarr(\.zip)?|((h5|dat)\.)?(gz|zip|bz2|xz|zst|z|7z|tar|tgz|rar))", re.IGNORECASE
)

#: Payloads that can be read. The rest of a mission's files is refused by name.
CSES_PAYLOADS = (
    "EFD_1",
    "EFD_2",
    "EFD_3",
    "HPM_5",
    "HPM_6",
    "LAP_1",
    "LAP_2",
    "PAP_0",
    "SCM_1",
    "SCM_2",
    "SCM_3",
)

#: Payloads of CSES-01 that are refused, with what they are.
CSES_REFUSED = {
    "EFD_4": "HF",
    "GRO": "GNSS occultation",
    "HEP": "particles",
    "HPM_1": "FGM 1 at full rate",
    "HPM_2": "FGM 2 at full rate",
    "HPM_3": "CDSM at full rate",
    "TBB": "tri-band beacon",
}

#: Of CSES-02 the payloads that csespy reads as CSES-01's, and those that are so by convention.
CSES_02_PAYLOADS = ("HPM_5", "HPM_6", "LAP_1", "LAP_2", "PAP_0")

#: Payloads of CSES-02 that are refused where CSES-01's are read, with the reason.
CSES_02_REFUSED = {
    "EFD": "electric field: its bands and datasets are not those of CSES-01",
    "SCM": "search coil: its layout was published nowhere",
}

DEMETER_PAYLOADS = tuple(str(apid) for apid in range(1129, 1145))

_DIRECTION = {
    "cses": ("descending", "ascending"),
    "demeter": ("downward", "upward"),
}


@dataclass(frozen=True, slots=True)
class FileName:
    """What the name of a payload file says.

    Attributes
    ----------
    mission : {"cses", "demeter"}
    payload : str
        ``HPM_5``, ``LAP_1``, ..., or the APID of a DEMETER file.
    orbit : int
    direction : int
        0 or 1; on both missions 1 is the night side.
    start, end : datetime
        UTC without a time zone; they bracket the data.
    spacecraft : int
        Of the mission's satellites: 1 or 2 for CSES, 1 for DEMETER.
    """

    mission: MissionName
    payload: str
    orbit: int
    direction: int
    start: datetime
    end: datetime
    spacecraft: int = field(default=1, kw_only=True)

    @property
    def satellite(self) -> str:
        """``CSES-01``, ``CSES-02`` or ``DEMETER``."""
        return f"CSES-{self.spacecraft:02d}" if self.mission == "cses" else "DEMETER"

    @property
    def half_orbit(self) -> str:
        """Key of the half-orbit, the same for all of its payloads and for no other satellite's."""
        # The first satellite's keys are in ledgers and file names from before the second.
        which = "" if self.spacecraft == 1 else f"_{self.spacecraft:02d}"
        return f"{self.mission.upper()}{which}_{self.orbit:05d}{self.direction}"

    @property
    def direction_name(self) -> str:
        """``ascending`` or ``descending`` (CSES), ``upward`` or ``downward`` (DEMETER)."""
        return _DIRECTION[self.mission][self.direction]

    @property
    def night_side(self) -> bool:
        """Whether the direction is that of the mission's night half-orbits."""
        return self.direction == 1


def looks_like_payload(name: str) -> bool:
    """Whether a file of this name is meant for us, well formed or not."""
    return name.upper().startswith(("CSES_", "DMT_N1_"))


def parse_name(path: Path | str) -> FileName:
    """Read a file name.

    Parameters
    ----------
    path : Path or str
        Only the last component is looked at.

    Returns
    -------
    FileName

    Raises
    ------
    NotAHalfOrbitFile
        The name follows neither pattern, is that of a packed file, or its times are impossible.
    UnsupportedPayload
        A half-orbit file of a payload whose layout no reader knows.
    """
    path = Path(path)
    spacecraft = 1
    if match := _CSES.fullmatch(path.name):
        mission: MissionName = "cses"
        payload = f"{match['pld']}_{match['n']}".upper()
        spacecraft = int(match["spacecraft"])
        known: tuple[str, ...] = CSES_PAYLOADS if spacecraft == 1 else CSES_02_PAYLOADS
    elif match := _DEMETER.fullmatch(path.name):
        mission = "demeter"
        payload = match["apid"]
        known = DEMETER_PAYLOADS
    elif looks_like_payload(path.name) and _PACKED.fullmatch(path.name):
        raise NotAHalfOrbitFile(
            path, "is packed: unpack it; expected a plain .h5 (CSES) or .DAT (DEMETER) file"
        )
    else:
        raise NotAHalfOrbitFile(
            path,
            "not the name of a CSES-01 or CSES-02 Level 2 (CSES_01_..._000.h5) or "
            "DEMETER N1 (DMT_N1_....DAT) half-orbit file",
        )
    if mission == "cses":
        _refuse_unknown_layout(path, payload, spacecraft, known)
    if payload not in known:
        raise UnsupportedPayload(
            path, f"payload {payload} is not supported; supported are {', '.join(known)}"
        )
    try:
        start, end = _time(match["start"]), _time(match["end"])
    except ValueError:
        raise NotAHalfOrbitFile(
            path, f"{match['start']} to {match['end']} in the name are not two UTC times"
        ) from None
    if not (start >= _EARLIEST and end < _LATEST):
        raise NotAHalfOrbitFile(
            path,
            f"expected a year from {_EARLIEST.year} to {_LATEST.year - 1} in the name, "
            f"got {start.year}",
        )
    # A file of one record has the same time twice.
    if not timedelta(0) <= end - start <= LONGEST_HALF_ORBIT:
        raise NotAHalfOrbitFile(
            path,
            f"the name spans {(end - start).total_seconds():.0f} s; a half-orbit has 0 to "
            f"{LONGEST_HALF_ORBIT.total_seconds():.0f} s",
        )
    return FileName(
        mission,
        payload,
        int(match["orbit"]),
        int(match["dir"]),
        start,
        end,
        spacecraft=spacecraft,
    )


def _time(stamp: str) -> datetime:
    # A tenth of strptime's time, of which each look at an inbox asks for every file.
    year, month, day, hour, minute, second = (int(stamp[a:b]) for a, b in _FIELDS)
    return datetime(year, month, day, hour, minute, second)


def _refuse_unknown_layout(
    path: Path, payload: str, spacecraft: int, known: tuple[str, ...]
) -> None:
    what = CSES_REFUSED.get(payload) or CSES_REFUSED.get(payload[:3])
    if what:
        raise UnsupportedPayload(
            path, f"{payload} ({what}): its layout is not known; readable are {', '.join(known)}"
        )
    why = CSES_02_REFUSED.get(payload[:3])
    if spacecraft == 2 and why:
        raise UnsupportedPayload(
            path, f"{payload} of CSES-02 ({why}); readable are {', '.join(known)}"
        )

"""What a half-orbit says of itself in a console."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge.readers import parse_name, read_half_orbit


def test_a_half_orbit_and_its_parts_are_one_line_without_arrays(
    make_cses: Callable[..., Path], tmp_path: Path
) -> None:
    density = 2e10 + 1e8 * np.arange(40.0)
    density[:4] = -9999.0
    failed = tmp_path / make_cses("PAP_0", 40).name
    failed.write_bytes(b"")
    files = [make_cses("LAP_1", 40, A311=density), failed]
    half_orbit = read_half_orbit({f: parse_name(f) for f in files})
    (payload,) = half_orbit.payloads.values()
    assert repr(half_orbit) == (
        "<HalfOrbit CSES_096791 (CSES-01, night side): LAP_1; failed: PAP_0>"
    )
    assert repr(payload).startswith("<Payload LAP_1 of CSES_096791: 40 records; channels: A311, ")
    assert repr(payload.channels["A311"]) == "<Channel LAP_1/A311: (40,) in m^-3, 90.0% valid>"
    assert repr(payload.track) == (
        "<Track: 40 records, 3 s, 2020-03-01T02:00:00.000Z to 2020-03-01T02:01:57.000Z>"
    )

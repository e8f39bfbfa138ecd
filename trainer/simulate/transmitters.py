"""Ground transmitters of very low frequency: lines in the spectra, and where they are heard."""

from __future__ import annotations

import numpy as np

from trainer.simulate import geometry
from trainer.simulate.geometry import Floats
from trainer.simulate.orbits import Pass

#: Name, frequency in Hz, latitude, longitude. Navy stations, and the three of the Alpha system,
#: which send all three frequencies. Those below 17 kHz lie in the notches of the bands.
TRANSMITTERS = (
    *(
        (f"Alpha {name}", hz, latitude, longitude)
        for name, latitude, longitude in (
            ("Novosibirsk", 55.8, 84.4),
            ("Krasnodar", 45.4, 38.2),
            ("Khabarovsk", 50.1, 136.6),
        )
        for hz in (11_905.0, 12_649.0, 14_881.0)
    ),
    ("HWU", 15_100.0, 46.7, 1.2),
    ("VTX", 16_300.0, 8.4, 77.8),
    ("JXN", 16_400.0, 67.0, 13.9),
    ("VTX", 18_200.0, 8.4, 77.8),
    ("HWU", 18_300.0, 46.7, 1.2),
    ("NWC", 19_800.0, -21.8, 114.2),
    ("ICV", 20_270.0, 40.9, 9.7),
    ("NPM", 21_400.0, 21.4, -158.2),
    ("JJI", 22_200.0, 32.1, 130.8),
    ("DHO", 23_400.0, 53.1, 7.6),
    ("NAA", 24_000.0, 44.6, -67.3),
    ("NLK", 24_800.0, 48.2, -121.9),
)
#: A transmitter is heard within about this distance of itself and of its conjugate point, km.
REACH_KM = 1500.0


def heard(track: Pass) -> Floats:
    """How well each transmitter is heard along a track.

    Parameters
    ----------
    track : Pass
        Times and places, (k,).

    Returns
    -------
    (k, T) float64
        ``exp(-(d / 1500 km)**2)`` for the nearer of the transmitter and its conjugate point,
        which in a centred dipole has the opposite latitude and the same longitude.
    """
    axes = geometry.dipole_axes(track.time[0])
    place = geometry.unit_vector(track.latitude, track.longitude)
    latitude, longitude = (np.array([t[i] for t in TRANSMITTERS]) for i in (2, 3))
    direct = geometry.unit_vector(latitude, longitude)
    conjugate = ((direct @ axes.T) * (1.0, 1.0, -1.0)) @ axes
    near = np.maximum(place @ direct.T, place @ conjugate.T)
    distance = geometry.EARTH_RADIUS_KM * np.arccos(np.clip(near, -1.0, 1.0))
    return np.exp(-((distance / REACH_KM) ** 2))

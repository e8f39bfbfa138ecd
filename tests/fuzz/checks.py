"""What a payload promises, whatever the file."""

from __future__ import annotations

import numpy as np

from edge.readers import Payload


def check_payload(payload: Payload) -> None:
    """Hold what was read against what a payload promises.

    Parameters
    ----------
    payload : Payload

    Raises
    ------
    AssertionError
    """
    tracks = {id(c.track): c.track for c in payload.channels.values()}
    for track in (payload.track, *tracks.values()):
        n = track.time.size
        assert n > 0, "no record"
        assert (np.diff(track.time.astype(np.int64)) > 0).all(), "time does not rise"
        for position in (track.latitude, track.longitude, track.altitude):
            assert position.shape == (n,), "position of another shape"
    for channel in payload.channels.values():
        assert channel.values.shape == channel.valid.shape, "shapes differ"
        assert channel.values.shape[0] == channel.time.size, "rows differ from the track's"
        assert channel.values.dtype == np.float64, "not float64"
        assert np.isfinite(channel.values[channel.valid]).all(), "a valid value is not finite"
    assert all(note.isprintable() for note in payload.notes), "a note is not one line"

"""Placebo catalogues keep what they promise and change the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geodesy import dipole_latitude
from trainer.common.sphere import unit_vectors
from trainer.inputs.catalogue import Catalogue, read_catalogue
from trainer.inputs.declustering import Clusters, decluster
from trainer.inputs.placebos import placebo


def some_catalogue(seed: int, n: int = 60) -> Catalogue:
    rng = np.random.default_rng(seed)
    days = np.sort(rng.uniform(0.0, 400.0, n))
    time = np.datetime64("2019-01-01", "ms") + (days * 86_400_000.0).astype("m8[ms]")
    # A few sequences close together, one of them at a pole and one at the date line.
    centres = np.array([(90.0, 0.0), (0.0, 179.95), (-35.0, -72.0), (38.0, 142.0)])
    place = centres[rng.integers(0, 4, n)] + rng.normal(0.0, 0.2, (n, 2))
    latitude = np.clip(place[:, 0], -90.0, 90.0)
    longitude = (place[:, 1] + 180.0) % 360.0 - 180.0
    name = np.array([f"e{i:03d}" for i in range(n)])
    magnitude = np.round(rng.uniform(5.0, 7.5, n), 1)
    return Catalogue(
        name="x",
        sha256="",
        id=name,
        time=time,
        latitude=latitude,
        longitude=longitude,
        depth=np.full(n, 10.0),
        magnitude=magnitude,
    )


def apart(catalogue: Catalogue) -> np.ndarray:
    points = unit_vectors(catalogue.latitude, catalogue.longitude)
    return np.linalg.norm(points[:, None] - points[None], axis=-1)


@given(st.integers(0, 2**32))
def test_random_epicentres_move_whole_clusters_rigidly(seed):
    real = some_catalogue(seed)
    clusters = decluster(real)
    found, same = placebo(real, clusters, "epicentres", seed)
    assert same is clusters
    for name in ("id", "time", "magnitude", "depth"):
        np.testing.assert_array_equal(getattr(found, name), getattr(real, name))
    inside = clusters.cluster[:, None] == clusters.cluster[None]
    np.testing.assert_allclose(apart(found)[inside], apart(real)[inside], atol=1e-9)
    main = clusters.mainshock
    dipole = dipole_latitude(found.time[main], found.latitude[main], found.longitude[main])
    assert np.abs(dipole).max() <= 50.0 + 0.1
    assert (np.abs(found.latitude) <= 90.0).all()
    assert ((found.longitude >= -180.0) & (found.longitude < 180.0)).all()


def test_random_epicentres_are_uniform_by_area():
    n = 20_000
    rng = np.random.default_rng(0)
    time = np.datetime64("2019-01-01", "ms") + np.arange(n) * np.timedelta64(60_000, "ms")
    ones = np.ones(n)
    real = Catalogue(
        name="x",
        sha256="",
        id=time.astype(str),
        time=time,
        latitude=10.0 * ones,
        longitude=20.0 * ones,
        depth=ones,
        magnitude=rng.uniform(5, 6, n),
    )
    alone = Clusters(np.arange(n), np.ones(n, dtype=bool))
    found, _ = placebo(real, alone, "epicentres", 1)
    sine = np.sin(np.radians(dipole_latitude(found.time, found.latitude, found.longitude)))
    highest = np.sin(np.radians(50.0))
    share = np.histogram(sine, bins=10, range=(-highest, highest))[0] / n
    np.testing.assert_allclose(share, 0.1, atol=0.01)
    # In longitude about the dipole's axis too, so nearly in longitude.
    east = np.histogram(found.longitude, bins=6, range=(-180, 180))[0] / n
    np.testing.assert_allclose(east, 1 / 6, atol=0.03)


def test_seeds_tell_random_epicentres_apart():
    real = some_catalogue(3)
    clusters = decluster(real)
    one, again, other = (placebo(real, clusters, "epicentres", s)[0] for s in (1, 1, 2))
    np.testing.assert_array_equal(one.latitude, again.latitude)
    np.testing.assert_array_equal(one.longitude, again.longitude)
    assert np.abs(one.latitude - other.latitude).min() > 0.0


@given(st.integers(0, 2**32), st.floats(-900.0, 900.0).filter(lambda d: abs(d) > 1.0))
def test_a_time_shift_is_circular_and_keeps_every_event(seed, days):
    real = some_catalogue(seed)
    clusters = decluster(real)
    found, moved = placebo(real, clusters, "time", amount=days)
    assert (np.diff(found.time) >= np.timedelta64(0, "ms")).all()
    assert sorted(found.id) == sorted(real.id)
    order = np.argsort(found.id)
    for name in ("latitude", "longitude", "magnitude", "depth"):
        np.testing.assert_array_equal(getattr(found, name)[order], getattr(real, name))
    span = real.time[-1] - real.time[0]
    span += span // (real.size - 1)
    late = (found.time[order] - real.time) % span
    assert np.unique(late).size == 1
    assert found.time[0] >= real.time[0]
    # The same events together, under numbers in the order of their first events.
    ours, theirs = moved.cluster[order], clusters.cluster
    np.testing.assert_array_equal(ours[:, None] == ours[None], theirs[:, None] == theirs[None])
    np.testing.assert_array_equal(moved.mainshock[order], clusters.mainshock)
    first = np.unique(moved.cluster, return_index=True)[1]
    assert (np.diff(first) > 0).all()


def test_a_longitude_shift_keeps_distances_and_latitudes():
    real = some_catalogue(9)
    clusters = decluster(real)
    found, _ = placebo(real, clusters, "longitude", amount=25.0)
    np.testing.assert_array_equal(found.latitude, real.latitude)
    np.testing.assert_allclose(apart(found), apart(real), atol=1e-12)
    np.testing.assert_allclose((found.longitude - real.longitude) % 360.0, 25.0)
    assert ((found.longitude >= -180.0) & (found.longitude < 180.0)).all()
    assert decluster(found).cluster.tolist() == clusters.cluster.tolist()


@pytest.mark.parametrize(
    ("kind", "amount", "message"),
    [
        ("time", 0.0, "time shift is 0 days"),
        ("time", np.nan, "time shift is nan"),
        ("longitude", 360.0, "longitude shift is 360 degrees"),
        ("depth", 1.0, "known are epicentres, time, longitude"),
    ],
)
def test_shifts_that_change_nothing_are_refused(kind, amount, message):
    real = some_catalogue(1)
    with pytest.raises(ValueError, match=message):
        placebo(real, decluster(real), kind, amount=amount)


def test_the_real_catalogue_moves_as_a_whole(shared_data: Path):
    path = shared_data / "usgs_shallow40_m5_20040701-20231104.csv.gz"
    real = read_catalogue(path, 5.0, 40.0, last=np.datetime64("2010-12-31", "ms"))
    clusters = decluster(real)
    found, _ = placebo(real, clusters, "epicentres", 7)
    # Bands of the Earth that have no earthquakes have now as many as others have.
    box = (np.abs(found.latitude) < 20.0) & (np.abs(found.longitude + 150.0) < 20.0)
    before = (np.abs(real.latitude) < 20.0) & (np.abs(real.longitude + 150.0) < 20.0)
    assert before.mean() < 0.005
    assert box.mean() > 0.02

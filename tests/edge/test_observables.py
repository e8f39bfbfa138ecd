from __future__ import annotations

import pytest

from edge.observables import PLASMA, PROFILES
from edge.readers.names import CSES_PAYLOADS, DEMETER_PAYLOADS


def test_the_plasma_profile_has_its_five_columns_in_order():
    assert PLASMA.names == ("log_ne", "te", "log_o", "ti", "b_rms")


def test_demeter_lacks_the_magnetic_column_alone():
    assert PLASMA.available("cses") == (True,) * 5
    assert PLASMA.available("demeter") == (True, True, True, True, False)


def test_a_profile_names_the_payloads_and_channels_that_it_needs():
    assert PLASMA.payloads("cses") == {
        "LAP_1": {"A311": (), "A321": ()},
        "PAP_0": {"A315": (), "A322": ()},
        "HPM_5": {"B_FGM": ()},
    }
    assert PLASMA.payloads("demeter") == {
        "1144": {"Ne": (), "Te": ()},
        "1143": {"Ne": (), "Te": ()},
        "1140": {"n_O+": (), "Ti": ()},
        "1139": {"n_O+": (), "Ti": ()},
    }


@pytest.mark.parametrize("profile", list(PROFILES.values()), ids=list(PROFILES))
def test_every_profile_is_consistent(profile):
    assert PROFILES[profile.name] is profile
    assert len(set(profile.names)) == len(profile.names)
    for observable in profile.observables:
        low, high = observable.plausible
        assert low < high
        assert observable.transform != "log10" or low > 0.0
        assert observable.sources
        for mission, source in observable.sources.items():
            known = CSES_PAYLOADS if mission == "cses" else DEMETER_PAYLOADS
            assert set(source.payloads) <= set(known)


def test_profiles_cannot_be_changed():
    with pytest.raises(AttributeError, match="immutable"):
        PLASMA.name = "other"

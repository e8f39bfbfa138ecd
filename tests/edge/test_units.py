from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.observables import PROFILES
from edge.readers.cses_tables import ALSO, PAYLOADS
from edge.readers.demeter_tables import APIDS
from edge.units import canonical_unit, conversion_factor


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("m-3", "m^-3"),
        ("1/m^3", "m^-3"),
        ("m⁻³", "m^-3"),
        ("cm^-3 ", "cm^-3"),
        ("#/cm3", "cm^-3"),
        ("KELVIN", "K"),
        (" k", "K"),
        ("NT", "nT"),
        ("degree", "deg"),
        ("volt", "V"),
        ("m s-1", "m/s"),
        ("\xb5V^2/m^2/Hz", "uV^2/m^2/Hz"),
        ("\u03bcV^2/m^2/Hz", "uV^2/m^2/Hz"),
        ("furlong", "furlong"),
        ("", ""),
    ],
)
def test_spellings_are_folded_into_one(text, unit):
    assert canonical_unit(text) == unit


@given(st.text())
def test_folding_twice_changes_nothing_more(text):
    assert canonical_unit(canonical_unit(text)) == canonical_unit(text)


def test_a_density_per_cubic_metre_is_a_million_times_that_per_cubic_centimetre():
    assert conversion_factor("m^-3", "cm^-3") == 1e-6
    assert conversion_factor("K", "K") == 1.0


def test_units_of_different_quantities_are_refused():
    with pytest.raises(ValueError, match=r"no conversion from 'K' to 'cm\^-3'"):
        conversion_factor("K", "cm^-3")


def test_every_source_of_every_observable_can_be_converted():
    for profile in PROFILES.values():
        for observable in profile.observables:
            for mission, source in observable.sources.items():
                for payload in source.payloads:
                    if mission == "cses":
                        own = PAYLOADS[payload].datasets[source.channel].unit
                        units = (own, *ALSO.get(own, ()))
                    else:
                        # Of bands a reader gives the linear unit.
                        own = APIDS[payload].channels[source.channel].unit
                        units = (own.removeprefix("log(").removesuffix(")"),)
                    for unit in units:
                        assert conversion_factor(unit, observable.unit) > 0.0

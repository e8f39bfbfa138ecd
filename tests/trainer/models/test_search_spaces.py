"""Ranges of the search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from edge.errors import ConfigError
from trainer.models.registry import KINDS, NETWORK_KINDS, make_classifier
from trainer.models.search_spaces import DROPPING, search_space, suggest


class End:
    """A trial that suggests one end of every range."""

    def __init__(self, high: bool) -> None:
        self.high = high

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1) -> int:
        assert (high - low) % step == 0
        return high if self.high else low

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        assert 0.0 < low < high or not log
        return high if self.high else low

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return choices[-1 if self.high else 0]


def test_every_kind_has_a_space() -> None:
    searched = [kind for kind in KINDS if search_space(kind)]
    assert searched == [kind for kind in KINDS if KINDS[kind][0] != "trainer.models.baselines"]
    with pytest.raises(ConfigError, match="no search space of 'oracle'; known are seqnetquake"):
        suggest("oracle", End(True))


def test_ranges_are_the_papers() -> None:
    low, high = suggest("seqnetquake", End(False)), suggest("seqnetquake", End(True))
    found = {name: (low[name], high[name]) for name in low}
    assert found["convolutions"] == (2, 4)
    assert found["kernel"] == (2, 3)
    assert found["lstm_layers"] == (1, 5)
    assert found["lstm"] == found["dense"] == (64, 512)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in NETWORK_KINDS])
@pytest.mark.parametrize("high", [False, True])
def test_suggestions_are_parameters(kind: str, high: bool) -> None:
    suggested = suggest(kind, End(high))
    assert make_classifier(kind, suggested, 0).parameters().items() >= suggested.items()


def test_some_parameters_are_searched_alone() -> None:
    names = ("noise", "dropping", "rows")
    low, high = (suggest("cnn", End(high), names) for high in (False, True))
    assert low == {"noise": 0.0, "dropping": DROPPING["none"]}
    assert high == {"noise": 1.0, "dropping": DROPPING["much"]}
    assert suggest("lightgbm", End(True), names) == {"rows": 1.0}


def test_optuna_is_such_a_trial() -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for kind in KINDS:
        trial = study.ask()
        assert suggest(kind, trial).keys() == trial.params.keys()

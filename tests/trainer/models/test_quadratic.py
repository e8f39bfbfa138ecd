"""The quadratic detector against the likelihood ratio that it stands for."""

from __future__ import annotations

import numpy as np
import pytest

pytestmark = [pytest.mark.tensorflow, pytest.mark.usefixtures("tensorflow")]


def test_a_detector_is_the_likelihood_ratio_of_a_random_amplitude() -> None:
    from scipy.stats import multivariate_normal

    from trainer.models.quadratic import Detectors

    rng = np.random.default_rng(1)
    length, observables, mean = 6, 3, 0.7
    layer = Detectors(1)
    layer.build((None, length, 2 * observables))
    weight, track = rng.normal(size=(observables, 1)), rng.normal(size=(length, 1))
    layer.set_weights([weight, track, np.array([mean])])
    template = (track * weight[:, 0]).ravel()
    values = rng.normal(size=(4, length, observables))
    valid = rng.random(values.shape) < np.array([1.0, 0.7, 0.4, 0.0])[:, None, None]
    inputs = np.concatenate([values * valid, valid], axis=2).astype(np.float32)
    found = layer(inputs).numpy()[:, 0]
    for i, there in enumerate(valid.reshape(4, -1)):
        if not there.any():
            assert found[i] == 0.0
            continue
        x, s = values[i].ravel()[there], template[there]
        noise = np.eye(s.size)
        ratio = multivariate_normal.logpdf(x, mean * s, noise + np.outer(s, s))
        ratio -= multivariate_normal.logpdf(x, np.zeros(s.size), noise)
        assert found[i] == pytest.approx(ratio, abs=1e-4)


def test_the_scale_of_the_noise_is_taken_out() -> None:
    from trainer.models.quadratic import PRIOR, WindowScale

    rng = np.random.default_rng(2)
    values = rng.normal(size=(2, 200, 5)) * np.array([1.0, 10.0])[:, None, None]
    inputs = np.concatenate([values, np.ones_like(values)], axis=2).astype(np.float32)
    layer = WindowScale()
    found = layer(inputs).numpy()
    assert found[:, :, :5].std(axis=(1, 2)) == pytest.approx([1.0, 1.0], abs=0.06)
    assert (found[:, :, 5:] == 1.0).all()
    # Nothing valid: nothing to take a scale from.
    assert not layer(np.zeros((1, 200, 10), np.float32)).numpy().any()
    one = np.zeros((1, 4, 2), np.float32)
    one[0, 0] = 3.0, 1.0
    few = WindowScale()(one).numpy()[0, 0, 0]
    assert few == pytest.approx(3.0 / np.sqrt((9.0 + PRIOR) / (1.0 + PRIOR)))


def test_either_sign_is_found() -> None:
    from sklearn.metrics import roc_auc_score

    from trainer.models.registry import make_classifier
    from trainer.models.window_set import windows_of_arrays

    rng = np.random.default_rng(3)

    def windows(n: int) -> object:
        label = (np.arange(n) % 2).astype(np.int8)
        sign = np.where(rng.random(n) < 0.5, -1.0, 1.0) * label
        values = rng.normal(size=(n, 8, 3)) + sign[:, None, None] * np.array([0.7, -0.7, 0.7])
        inputs = np.concatenate([values, np.ones_like(values)], axis=2)
        return windows_of_arrays(inputs.astype(np.float32), label, ("a", "b", "c"))

    train, validation = windows(1200), windows(800)
    area = {}
    for kind in ("quadratic", "logistic"):
        more = {"epochs": 25, "rate": 0.01, "noise": 0.0} if kind == "quadratic" else {}
        model = make_classifier(kind, more, 1)
        model.fit(train, validation)
        area[kind] = roc_auc_score(validation.label, model.predict_proba(validation))
    assert area["quadratic"] > 0.9
    assert area["logistic"] < 0.6

"""The reference: how probable a perturbation is in a window, for one who knows the simulator.

It sees what the models see, the L x F values of a window and which of them are valid, before the
climatology and the clip. It knows the background's mean and covariance (`moments`), the prior of
positive windows (`bayes_prior`) and that of bubbles (`bayes_bubbles`), and gives the likelihood
ratio of a perturbed window against a clear one,

    LR = 1 - o + o mean_j exp(s_j' C^-1 r - s_j' C^-1 s_j / 2),

o the occurrence and s_j the draws of the signal, which marginalise amplitude, offset along the
track, miss distance, magnitude, sign and lead time. Where bubbles can be, both hypotheses are
summed over them too. By the lemma of Neyman and Pearson nothing that sees the same values ranks
windows better, as far as the model is exact.

Exact up to the quadrature is a background of normal noise, without ``b_rms``, bubbles or the
defects of files: there it is called the Bayes reference. Else it is called the matched-filter
reference, and `Reference.approximations` says what is approximate. It is no ceiling then.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, cholesky
from scipy.special import logsumexp
from threadpoolctl import threadpool_limits

from edge.observables import FULL, MissionName, Profile
from trainer.research.bayes_prior import GROUND_KM_S, PositivePrior, prior_draws, signal_shapes
from trainer.research.bayes_windows import BubbleBins, WindowValues, bubble_bins
from trainer.simulate.geometry import Floats
from trainer.simulate.moments import columns_of, window_covariance
from trainer.simulate.parameters import PARAMETERS, BackgroundParameters
from trainer.simulate.precursor_model import observable_spread, weights

BAYES, MATCHED_FILTER = "Bayes reference", "matched-filter reference"
_B_RMS = FULL.names.index("b_rms")
# An analyser that records every 4.4 s leaves a quarter of the cells of 3 s to interpolation.
_SLOW = {"demeter": ("log_o", "ti"), "cses": ()}
# A record lost or out of its second leaves a cell between two, or within the fit of 60 s.
_SPARSE = {"demeter": (), "cses": ("log_ne", "te", "b_rms")}
#: Masks whose factorised covariance is kept.
_CACHED = 1200
#: The same for tables of bubbles, a few MB each.
_TABLES = 128
#: Hypotheses less likely than the likeliest by this factor's logarithm are left out.
_NEGLIGIBLE = 30.0


@dataclass(frozen=True, eq=False)
class _Block:
    """What one group of observables says, for one mask: its signal and bubble responses.

    W (m, 2L) is ``C^-1 D``, G (2L, 2L) ``D' C^-1 D``; for bubbles the same with V.
    """

    kept: NDArray[np.bool_]
    filter_: Floats
    gram: Floats
    bubble_filter: Floats | None = None
    bubble_gram: Floats | None = None
    cross: Floats | None = None


@dataclass(frozen=True, eq=False)
class _BubbleTable:
    """Of each of K bubble hypotheses: determinant, quadratic terms, and those with J signals.

    The last two are for a strength of 1, and go with its square and with itself.
    """

    logdet: Floats
    energy: Floats
    gain: Floats
    with_signal: Floats
    crossed: Floats


class Reference:
    """Likelihood ratios of windows for a known strength.

    Parameters
    ----------
    mission : {"cses", "demeter"}
    profile : Profile
        F observables.
    strength : float
        Of the perturbations, standard deviations.
    length : int, optional
        Cells of a window, L; the label is that of cell L // 2.
    prior : PositivePrior, optional
    parameters : BackgroundParameters, optional
        By default those of the mission.
    draws : int, optional
        Of the prior, a power of two.
    outliers : bool, optional
        Whether the values come from files that hold outliers and other defects, which the
        reference does not model.
    filled : bool, optional
        False where no valid cell is without samples of its own, as where values are drawn cell
        by cell; by default what the mission's cadences leave to interpolation is reckoned with.

    Attributes
    ----------
    name : str
        ``Bayes reference`` or ``matched-filter reference``.
    approximations : tuple of str
        What is not exact; empty for the former.
    """

    def __init__(
        self,
        mission: MissionName,
        profile: Profile,
        strength: float,
        length: int = 20,
        prior: PositivePrior | None = None,
        parameters: BackgroundParameters | None = None,
        draws: int = 1024,
        outliers: bool = False,
        filled: bool = True,
    ) -> None:
        self.mission, self.profile, self.length = mission, profile, length
        self.prior = prior or PositivePrior()
        self.parameters = parameters or PARAMETERS[mission]
        self._columns = columns_of(profile)
        self._scale = (weights() * observable_spread(self.parameters))[self._columns]
        self._draws = draws
        self._set_strength(strength)
        self._bubbles: BubbleBins | None = None
        p = self.parameters.bubbles
        if p.rate > 0.0 and (self._columns < 4).any():
            self._bubbles = bubble_bins(p, length, 1 if mission == "cses" else 3)
        # What a fall of log10 Ne by one does to each observable.
        response = np.zeros(len(FULL.names))
        response[:4] = -1.0, p.te_k, p.o_plus, 0.0
        self._response = response[self._columns]
        self._blocks: OrderedDict[bytes, _Block] = OrderedDict()
        self._tables: OrderedDict[bytes, _BubbleTable] = OrderedDict()
        self.approximations = tuple(self._approximate(outliers, filled))
        self.name = MATCHED_FILTER if self.approximations else BAYES

    def at_strength(self, strength: float) -> Reference:
        """Give the reference for another strength; what is factorised serves both."""
        other = copy.copy(self)
        other._set_strength(strength)
        return other

    def _set_strength(self, strength: float) -> None:
        self.strength = strength
        rise = max(strength * self.parameters.b_rms_sigma, 1e-6)
        speed = GROUND_KM_S[self.mission]
        positives = prior_draws(self.prior, self._draws)
        unit = signal_shapes(positives, self.length, self.length // 2, speed, rise)
        self.shapes = strength * unit
        #: Of the sampled observables, for a strength of 1.
        self._unit = np.ascontiguousarray(unit[:, : self.length])

    def _approximate(self, outliers: bool, filled: bool) -> list[str]:
        found = []
        available = np.array(self.profile.available(self.mission))
        if (self._columns[available] == _B_RMS).any():
            found.append("b_rms is taken as normal, and its rise as independent of its level")
        if self._bubbles is not None:
            found.append("bubbles are bins of their prior, normal within each, one a window")
        sparse = _SLOW[self.mission] + (_SPARSE[self.mission] if outliers else ())
        if filled and set(sparse) & set(self.profile.names):
            found.append("interpolated cells, which models see, are left out")
        if outliers:
            found.append("outliers and other defects of files are not modelled")
        return found

    def log_ratio(self, windows: WindowValues) -> Floats:
        """Logarithm of the likelihood ratio of each window.

        Parameters
        ----------
        windows : WindowValues
            n windows of the reference's mission, profile and length.

        Returns
        -------
        (n,) float64
            0 for a window without a valid value.
        """
        # Many small systems: more threads only wait for one another on a busy machine.
        with threadpool_limits(1):
            return self._log_ratio(windows)

    def _log_ratio(self, windows: WindowValues) -> Floats:
        shape = windows.residual.shape[1:]
        if shape != (self.length, len(self.profile.names)):
            raise ValueError(f"windows are {shape}, not {self.length} x {len(self.profile.names)}")
        result = np.empty(len(windows.residual))
        groups = [self._columns < 4, self._columns == _B_RMS, self._columns > _B_RMS]
        for i, (residual, samples) in enumerate(
            zip(windows.residual, windows.samples, strict=True)
        ):
            projected = np.zeros(2 * self.length)
            gram = np.zeros((2 * self.length, 2 * self.length))
            chance = windows.bubble_chance[i]
            plasma = None
            for group in groups:
                if not group.any():
                    continue
                block, key = self._block(samples, group)
                values = residual[block.kept]
                projected += block.filter_.T @ values
                gram += block.gram
                if block.bubble_filter is not None and chance.any():
                    plasma = (block, key, block.bubble_filter.T @ values)
            each = self.shapes @ projected - 0.5 * np.einsum(
                "ji,ik,jk->j", self.shapes, gram, self.shapes, optimize=True
            )
            if plasma is None:
                log_mean = logsumexp(each) - np.log(each.size)
            else:
                log_mean = self._with_bubbles(each, *plasma, chance)
            occurrence = self.prior.model.occurrence
            with np.errstate(divide="ignore"):
                result[i] = np.logaddexp(np.log1p(-occurrence), np.log(occurrence) + log_mean)
        return result

    def _block(self, samples: NDArray[np.int64], group: NDArray[np.bool_]) -> tuple[_Block, bytes]:
        """Factorise the covariance of a group of observables under a mask, once."""
        mine = np.where(group, samples, 0).astype(np.int16)
        key = mine.tobytes()
        if key in self._blocks:
            self._blocks.move_to_end(key)
            return self._blocks[key], key
        kept = mine > 0
        row, column = np.nonzero(kept)
        signal = np.zeros((row.size, 2 * self.length))
        place = row + np.where(self._columns[column] == _B_RMS, self.length, 0)
        signal[np.arange(row.size), place] = self._scale[column]
        factor = (
            cholesky(window_covariance(self.parameters, self.profile, mine.astype(np.int64)), True),
            True,
        )
        filter_ = cho_solve(factor, signal)
        block = _Block(kept, filter_, signal.T @ filter_)
        if self._bubbles is not None and (self._columns[group] < 4).all():
            fall = np.zeros((row.size, self.length))
            fall[np.arange(row.size), row] = self._response[column]
            back = cho_solve(factor, fall)
            block = _Block(kept, filter_, block.gram, back, fall.T @ back, fall.T @ filter_)
        self._blocks[key] = block
        if len(self._blocks) > _CACHED:
            self._blocks.popitem(last=False)
        return block, key

    def _table(self, block: _Block, key: bytes) -> _BubbleTable:
        """Compute what is the same for all windows of a mask, for each bubble."""
        if key in self._tables:
            return self._tables[key]
        assert self._bubbles is not None
        shape, covariance = self._bubbles.shape, self._bubbles.covariance
        gram, cross = block.bubble_gram, block.cross
        assert gram is not None
        assert cross is not None
        inner = np.eye(self.length) + covariance @ gram
        gain = np.linalg.solve(inner, covariance)
        crossed = cross[:, : self.length] @ self._unit.T
        table = _BubbleTable(
            np.linalg.slogdet(inner)[1],
            0.5 * np.einsum("ki,ij,kj->k", shape, gram, shape, optimize=True),
            gain,
            0.5 * np.einsum("ij,kij->kj", crossed, gain @ crossed, optimize=True),
            crossed,
        )
        self._tables[key] = table
        if len(self._tables) > _TABLES:
            self._tables.popitem(last=False)
        return table

    def _with_bubbles(
        self, each: Floats, block: _Block, key: bytes, projected: Floats, chance: Floats
    ) -> float:
        """Logarithm of the mean ratio over signals, both hypotheses summed over bubbles."""
        assert self._bubbles is not None
        table, gram = self._table(block, key), block.bubble_gram
        assert gram is not None
        shape = self._bubbles.shape
        rest = projected - shape @ gram
        reached = np.einsum("kij,kj->ki", table.gain, rest)
        with np.errstate(divide="ignore"):
            prior = np.log(chance * self._bubbles.share)
            none = np.log(max(1.0 - float(chance.sum()) * self._bubbles.share, 1e-3))
        alone = (
            prior
            - 0.5 * table.logdet
            + shape @ projected
            - table.energy
            + 0.5 * np.einsum("ki,ki->k", rest, reached)
        )
        likely = np.flatnonzero(alone > max(float(alone.max()), none) - _NEGLIGIBLE)
        clear = logsumexp(np.append(alone[likely], none))
        both = (
            alone[likely, None]
            + self.strength**2 * table.with_signal[likely]
            - self.strength * ((shape[likely] + reached[likely]) @ table.crossed)
        )
        perturbed = np.logaddexp(none, _log_sums(both)) if likely.size else none
        return float(logsumexp(each + perturbed) - np.log(each.size) - clear)


def _log_sums(values: Floats) -> Floats:
    """Logarithm of sums of exponentials over the first axis; that of scipy takes thrice as long."""
    most = values.max(axis=0)
    result: Floats = np.log(np.exp(values - most).sum(axis=0)) + most
    return result

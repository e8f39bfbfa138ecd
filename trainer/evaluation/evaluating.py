"""An evaluation from runs to a report: first validation decides, then the test block opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edge import __version__
from edge.arrays import FloatArray
from edge.bundle import CARD_FILE as BUNDLE_CARD_FILE
from edge.bundle import OperatingPoint, file_sha256
from edge.errors import one_line
from edge.outputs import replace_file
from trainer.common.code_hash import identity_of
from trainer.common.errors import TrainError
from trainer.datasets.dataset_card import DATASET_FILE, read_card
from trainer.datasets.splits import NAMES
from trainer.datasets.stream import StreamWindows, open_stream
from trainer.evaluation.comparison import compare_models
from trainer.evaluation.decide import logit_of, operating_point
from trainer.evaluation.evaluation_options import Options
from trainer.evaluation.judged_run import (
    CARD_FORMAT,
    JudgedBundle,
    JudgedRun,
    RunCard,
    find_bundle,
    find_runs,
    note_opening,
    read_run_card,
    require_same_windows,
    write_card,
)
from trainer.evaluation.matched import (
    Decided,
    MatchedResult,
    decide,
    group_of,
    judge_matched,
    sample_of,
)
from trainer.evaluation.negative_controls import judge_null_runs, judge_placebos, shift_placebo
from trainer.evaluation.reference_share import read_reference, reference_share
from trainer.evaluation.report import words as report_words
from trainer.evaluation.report.data import (
    PAGE_FILE,
    REPORT_FILE,
    REPORT_FORMAT,
    Estimate,
    ModelResult,
    Placebo,
    Report,
    StreamResult,
    read_report,
    write_report,
)
from trainer.evaluation.stream import SeismicityReference, judge_stream, make_reference
from trainer.evaluation.stream_scores import score_stream
from trainer.models.classifier import Tell, silent
from trainer.models.window_set import WindowSet
from trainer.training.loading import load_windows
from trainer.training.run_folder import RUN_FILE


@dataclass(slots=True, eq=False, kw_only=True)
class _Judged:
    """A run, or its bundle, on its way through the evaluation."""

    run: JudgedRun
    decided: Decided
    opened: int = 0
    raw: FloatArray = field(default_factory=lambda: np.zeros(0))
    matched: MatchedResult | None = None
    stream: StreamResult | None = None
    operating_point: OperatingPoint | None = None
    placebos: list[Placebo] = field(default_factory=list)


def evaluate_runs(
    folders: Sequence[Path], out: Path, options: Options | None = None, tell: Tell = silent
) -> Report:
    """Evaluate runs and write the report.

    Parameters
    ----------
    folders : sequence of Path
        Runs, the main one first.
    out : Path
        Folder of ``report.json``, ``report.html`` and the charts; made if it is missing.
    options : Options, optional
    tell : callable, optional
        Takes a line of progress.

    Raises
    ------
    TrainError
        A run or a dataset cannot be used, or the runs have other test windows.

    Notes
    -----
    Each run gets a ``card.json`` with what was decided, and ``evaluated.json``, which counts
    the openings of the test block before they happen. An evaluation that is there, of the same
    runs by the same release, is found up to date, and opens nothing.
    """
    options = options or Options()
    runs = find_runs(folders)
    nulls = find_runs(options.nulls)
    identity = _identity([*runs, *nulls], options)
    if found := _up_to_date(runs, out, identity):
        tell(f"{out} is up to date")
        return found
    placebos = _places(options.placebos)
    judged = [_decide(run, options, tell) for run in runs]
    fingerprint = require_same_windows(runs)
    for one in judged:
        _write_card(one, options)
        one.opened = note_opening(one.run, one.run.dataset, one.run.record.dataset.windows_sha256)
    if options.bundle is not None:
        bundle = find_bundle(options.bundle, runs)
        of = judged[runs.index(bundle.of)]
        judged.append(_Judged(run=bundle, decided=of.decided, opened=of.opened))
    windows = _open_test(judged, options, tell)
    sample, group, positive = sample_of(windows), group_of(windows), windows.positive
    reference = None if options.reference is None else read_reference(options.reference, windows)
    main = judged[0]
    main.placebos += judge_placebos(main.run, main.decided, placebos, main.raw, windows, options)
    tell("comparing the models")
    done = [one.matched for one in judged if one.matched is not None]
    pairs = compare_models(
        [one.run.name for one in judged],
        [m.scores for m in done],
        [one.decided.decisions.threshold for one in judged],
        [m.found for m in done],
        positive,
        group,
        sample,
        options.resamples,
        options.seed,
    )
    null_runs, null_tests = judge_null_runs(nulls, options, tell)
    simulated = any(r.simulated for r in (*runs, *nulls))
    models = []
    for one, matched in zip(judged, done, strict=True):
        share = []
        if reference is not None:
            share = reference_share(
                matched.scores, reference, positive, group, sample, options.resamples, options.seed
            )
        models.append(_model(one, matched, share))
    report = Report(
        format=REPORT_FORMAT,
        identity=identity,
        code_version=__version__,
        simulated=simulated,
        notice=report_words.notice(simulated),
        quick=options.quick,
        resamples=options.resamples,
        seed=options.seed,
        dataset=main.run.dataset.name,
        mission=main.run.record.mission,
        fingerprint=fingerprint,
        main=main.run.name,
        sample=sample,
        models=models,
        pairs=pairs,
        null_runs=null_runs,
        null_tests=null_tests,
        blocks=_blocks(main.run.dataset),
    )
    for one, matched in zip(judged, done, strict=True):
        if not isinstance(one.run, JudgedBundle):
            _write_card(one, options, matched)
    write_all(report, out)
    return report


def _blocks(dataset: Path) -> list[tuple[str, list[str]]]:
    spans = read_card(dataset).blocks
    return [(name, list(spans[name])) for name in NAMES]


def _identity(runs: Sequence[JudgedRun], options: Options) -> str:
    """sha256 of what an evaluation says, but for how often the test block was opened."""
    files = [p for p in (options.reference,) if p is not None]
    files += [
        p / (RUN_FILE if (p / RUN_FILE).is_file() else DATASET_FILE) for p in options.placebos
    ]
    if options.bundle is not None:
        files.append(options.bundle / BUNDLE_CARD_FILE)
    chosen = {
        f: getattr(options, f)
        for f in Options.__dataclass_fields__
        if f not in ("reference", "placebos", "nulls", "bundle")
    }
    return identity_of(
        REPORT_FORMAT,
        [[r.name, r.record.model_sha256, r.record.dataset.windows_sha256] for r in runs],
        [file_sha256(path) if path.is_file() else "" for path in files],
        chosen,
    )


def _up_to_date(runs: Sequence[JudgedRun], out: Path, identity: str) -> Report | None:
    if not (out / REPORT_FILE).is_file() or not (out / PAGE_FILE).is_file():
        return None
    try:
        found = read_report(out)
        cards = [read_run_card(run.folder) for run in runs]
    except TrainError:
        # Of another version, or damaged: made anew.
        return None
    known = all(
        card.model_sha256 == run.record.model_sha256 and card.metrics
        for card, run in zip(cards, runs, strict=True)
    )
    return found if known and found.identity == identity else None


def write_all(report: Report, out: Path) -> None:
    """Write ``report.json``, ``report.html`` and the charts.

    Parameters
    ----------
    report : Report
    out : Path
        Made if it is missing.
    """
    from trainer.evaluation.report.charts import draw_charts
    from trainer.evaluation.report.page import render

    out.mkdir(parents=True, exist_ok=True)
    charts = draw_charts(report)
    for name, content in charts.items():
        replace_file(out / name, content)
    write_report(out, report)
    replace_file(out / PAGE_FILE, render(report, charts).encode())


def _decide(run: JudgedRun, options: Options, tell: Tell) -> _Judged:
    tell(f"{run.name}: deciding on validation")
    model = run.load()
    windows = load_windows(run.dataset, "validation")
    raw = np.asarray(model.predict_proba(windows), dtype=np.float64)
    stream = scores = None
    if options.stream:
        stream = open_stream(run.dataset, "validation", options.half_orbits)
        scores = score_stream(model, stream, windows.mission, windows.observables)
    return _Judged(run=run, decided=decide(raw, windows, options.alarms, stream, scores))


def _open_test(judged: Sequence[_Judged], options: Options, tell: Tell) -> WindowSet:
    """Open the test block of every run's dataset, a dataset at a time."""
    first: WindowSet | None = None
    main = judged[0].run.dataset
    for dataset in dict.fromkeys(one.run.dataset for one in judged):
        windows = load_windows(dataset, "test", allow_test=True)
        first = windows if dataset == main else first
        stream = reference = None
        if options.stream:
            stream = open_stream(dataset, "test", options.half_orbits, allow_test=True)
            reference = make_reference(stream, options.units, options.seed)
        for one in (j for j in judged if j.run.dataset == dataset):
            tell(f"{one.run.name}: judging on the test block")
            model = one.run.load()
            one.raw = np.asarray(model.predict_proba(windows), dtype=np.float64)
            one.matched = judge_matched(
                one.decided, one.raw, windows, options.resamples, options.seed
            )
            if stream is not None:
                scores = score_stream(model, stream, windows.mission, windows.observables)
                _judge_stream(one, scores, stream, reference, options)
    assert first is not None
    return first


def _judge_stream(
    one: _Judged,
    scores: FloatArray,
    stream: StreamWindows,
    reference: SeismicityReference | None,
    options: Options,
) -> None:
    one.stream = judge_stream(
        one.decided, scores, stream, reference, options.resamples, options.seed
    )
    assert one.decided.alarm_logit is not None
    over = logit_of(scores) >= one.decided.alarm_logit
    one.operating_point = operating_point(over, stream.windows, stream.half_orbits)
    shifted = shift_placebo(scores, stream, options.shifts)
    one.placebos += [] if shifted is None else [shifted]


def _places(places: Sequence[Path]) -> list[Path | JudgedRun]:
    """Tell runs and datasets of placebos apart by what is in the folders."""
    found: list[Path | JudgedRun] = []
    for place in places:
        if (place / RUN_FILE).is_file():
            found += find_runs([place])
        elif (place / DATASET_FILE).is_file():
            found.append(place.resolve())
        else:
            raise TrainError(
                f"placebo {one_line(str(place))}: neither {RUN_FILE} nor {DATASET_FILE} is in it"
            )
    return found


def _model(one: _Judged, matched: MatchedResult, share: list[Estimate]) -> ModelResult:
    run = one.run
    return ModelResult(
        name=run.name,
        kind=run.record.kind,
        run=run.folder.name,
        simulated=run.simulated,
        fingerprint=run.model_sha256,
        opened=one.opened,
        decisions=one.decided.decisions,
        matched=matched.estimates,
        events=matched.events,
        reliability=matched.reliability,
        roc=matched.roc,
        precision_recall=matched.precision_recall,
        stream=one.stream,
        slices=matched.slices,
        placebos=one.placebos,
        reference=share,
    )


def _write_card(one: _Judged, options: Options, matched: MatchedResult | None = None) -> None:
    run = one.run
    card = RunCard(
        format=CARD_FORMAT,
        name=run.name,
        kind=run.record.kind,
        simulated=run.simulated,
        notice=report_words.notice(run.simulated),
        model_sha256=run.record.model_sha256,
        dataset=run.dataset.name,
        code_version=__version__,
        decisions=one.decided.decisions,
        metrics=[] if matched is None else matched.metrics,
        operating_point=one.operating_point,
        quick=options.quick,
    )
    write_card(run, card)

"""What validation decides, and what the test block then says.

- `evaluating`, `evaluation_options`: the steps
- `judged_run`: runs and bundles that are judged, their cards and the log of openings
- `decide`: calibration, thresholds, alarms
- `matched`: the matched windows; `event_level` by earthquake, `breakdown` by class
- `stream`, `stream_scores`, `stream_rates`: every window of unselected half-orbits; `molchan`,
  `seismicity`
- `metrics`, `bootstrap`, `comparison`: numbers, intervals, paired tests
- `negative_controls`, `shifted_catalogues`, `null_test`: skill where there can be none
- `reference_share`: how much of what can be known a model knows
- `report`: the page
- `bundles`, `bundle_table`, `paired_stream`: two bundles on one stream
- `commands`: ``edge-train evaluate`` and ``edge-train compare-bundles``
"""

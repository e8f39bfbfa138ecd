"""One run from a dataset to a fitted classifier in a folder.

- `run_recipe`: kind, parameters, seed, transfer
- `run_plan`: what a run is going to be, checked before data are read
- `loading`, `fractions`: the matched windows of a block; less of them, by whole earthquakes
- `fitting`: one fit of any kind, its validation scores and its curves
- `running`, `run_folder`: once, resumed or up to date; what lies in the folder
- `tuning`, `study_folder`: searches
- `provenance`: what a folder was made from; another is refused
- `commands`: ``edge-train pretrain``, ``finetune``, ``train``, ``tune``
"""

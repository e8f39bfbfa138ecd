"""From an archive of half-orbits, real or simulated, to a verified bundle for the edge.

Imports `edge` and is never imported by it. TensorFlow is loaded by the modules that need it
alone, and never in a process that runs the edge's interpreter. Each package keeps its commands in
``commands.py``; `trainer.cli` lists them.

In the order of the road:

- `simulate`: missions in their native files, where no archive is given
- `inputs`: catalogues of earthquakes, declustering, Kp and F10.7
- `archives`: half-orbits found and read on to the grid, in parts
- `datasets`: labels, controls, blocks without leaks, climatology, tables of windows
- `models`: the network, the benchmarks, the baselines
- `training`: recipes, runs and their folders, transfer, search
- `evaluation`: what validation decides, and what the test block then says; the report
- `export`: from a judged run to a bundle
- `common`: errors, folders, hashes, progress
- `research`: the Bayes reference, the paper's tables, studies in memory, the authors' arrays; in a
  checkout alone
"""

"""Archives of payload files, real or simulated, in bounded memory.

- `archive`: half-orbits found in a folder and read on to the grid
- `rows`: the table of rows of one half-orbit
- `part_making`, `manifest`: parts of some hundred half-orbits, and the record of all
- `row_stage`: all parts of an archive, those that are there left alone
- `cluster`: processes of this computer, or dask's on others
- `rescore`: an archive scored as a station does it
- `commands`: ``edge-train rescore``
"""

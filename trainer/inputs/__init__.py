"""What comes from outside beside the half-orbits.

- `catalogue`: earthquakes, cut and sorted; `catalogue_formats` reads ComCat CSV and QuakeML
- `declustering`: clusters and mainshocks
- `completeness`: b-value and magnitude of completeness
- `placebos`: catalogues whose tie to the archive is broken
- `regions`: parts of the world by name
- `indices`: Kp and F10.7
- `commands`: ``edge-train catalogue``
"""

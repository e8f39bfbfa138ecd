"""Earthquakes: catalogues, clusters, completeness, placebos, regions."""

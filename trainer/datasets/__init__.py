"""Datasets: from the rows of an archive to labelled, matched windows in blocks, without leaks."""

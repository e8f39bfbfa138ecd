"""From datasets to fitted classifiers: loading, training, transfer, search."""

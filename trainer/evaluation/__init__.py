"""How good scores are: metrics, calibration, tests and diagrams, each with its uncertainty."""

"""The paper's tables on simulated missions: missions, experiments, tables."""

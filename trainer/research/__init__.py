"""Studies of the method itself; a checkout has them, the wheel does not.

- `bayes`, `bayes_prior`, `bayes_windows`: the best that can be known of a simulated window
- `strengths`, `strengths_design`: perturbations by what that reference can find
- `reference_scores`: what it says of the windows of a dataset
- `arrays`, `arrays_run`, `arrays_report`: the authors' arrays, as released and clean
- `paper`: the paper's tables on simulated missions
- `commands`: ``edge-train strengths``, ``reference``, ``reproduce``
"""

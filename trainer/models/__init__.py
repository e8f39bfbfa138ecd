"""Classifiers of windows.

- `classifier`: what all of them do and refuse alike
- `window_set`: windows as they take them
- `registry`: kinds by name, and their folders
- `edge_file`: a TFLite file, scored by the edge's own interpreter, in a process without TensorFlow
- `seqnetquake`, `quadratic`, `networks`, `keras_classifier`: the network, the benchmark networks
- `flops`: what a network costs
- `training_loop`, `augmentation`, `whitening`: how they are trained
- `classic`, `row_models`: scikit-learn's and LightGBM's
- `baselines`: what knows no ionosphere
- `search_spaces`: the paper's ranges
- `engine`: TensorFlow and Keras, loaded once and made deterministic
"""

"""What every package of the trainer uses.

- `errors`: `TrainError`
- `files`: folders of output, held and written whole
- `clear_windows`: the covariance that whitening is fitted on
- `code_hash`: which code made something
- `progress`: how far a long step is, and how long it will take
"""

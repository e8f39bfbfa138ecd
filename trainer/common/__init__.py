"""What every package of the trainer uses.

- `errors`: `TrainError`
- `files`: folders of output, held and written whole
- `code_hash`: which code made something
- `progress`: how far a long step is, and how long it will take
"""

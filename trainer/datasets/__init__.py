"""From the rows of an archive to labelled windows without leaks.

- `recipe`: every choice, validated
- `splits`, `plan`: blocks of time, and which half-orbit lies in which
- `labels`: what makes a window positive, clear or neither
- `candidates`: the windows of a half-orbit, with labels and masks
- `controls`: clear windows matched with positives
- `climatology_fit`: the background of the training block
- `build`, `writing`, `stages`, `layout`: the steps, the tables, what is made already
- `dataset_card`: ``dataset.json``
- `leaks`, `leak_tables`: the files looked through for what must not be
- `describing`, `shortcuts`: what a reviewer asks
- `tables`, `windows`, `stream`: reading: matched windows; every window of unselected half-orbits
- `commands`: ``edge-train prepare``, ``describe``, ``check``
"""

"""The report of an evaluation.

- `data`: what ``report.json`` holds
- `words`: sentences that depend on numbers
- `charts`: pictures
- `page`, `sections`, `parts`: ``report.html``
"""

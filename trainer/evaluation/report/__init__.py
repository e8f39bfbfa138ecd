"""The report of an evaluation.

- `data`: what ``report.json`` holds
- `words`: the verdict, and sentences that depend on numbers
- `charts`: pictures
- `page`: the sections of ``report.html``
- `parts`, ``report.html.jinja``: tables, texts and pictures, and the template that they fill
"""

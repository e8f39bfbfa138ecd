"""The report of an evaluation.

- `data`: what ``report.json`` holds
- `words`: the verdict, and sentences that depend on numbers
- `charts`: pictures
- `page`: ``report.html``, from ``report.html.jinja`` within ``page.html.jinja``
"""

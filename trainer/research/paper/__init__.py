"""The paper's tables on simulated missions.

- `design`: which runs there are, and in what order
- `mission_rows`, `datasets`: the missions, without files between, and their datasets
- `work`, `runner`: one run; all of them, resumed
- `reference`: what could be known
- `pooled`, `null_part`, `tables`, `document`: numbers over seeds, tables, the page
"""

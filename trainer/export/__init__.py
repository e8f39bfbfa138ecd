"""From a judged run to the bundle that a station runs.

- `commands`: ``edge-train export``
- `exporting`: the steps, and the gates that refuse a bundle
- `tflite`: conversion, and what a file must not hold
- `card`: what the bundle says of itself; its folder, written whole
"""

"""From an archive of half-orbits, real or simulated, to a verified bundle for the edge.

Imports `edge` and is never imported by it. TensorFlow is loaded by the modules that need it
alone, and never in a process that runs the edge's interpreter.
"""

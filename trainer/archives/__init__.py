"""Archives of half-orbits: read on to rows, and scored again, on many processes."""

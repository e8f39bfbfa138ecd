"""Networks, each with a way to the edge."""

"""Studies in memory: thousands of simulated earthquake clusters without native files."""

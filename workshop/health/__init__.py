"""Is this machine ready? It knows nothing of checks and lessons."""

"""Is this machine ready? It knows nothing of how answers are drawn."""

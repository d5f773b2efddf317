"""What a notebook has in hand. It knows nothing of the command line."""

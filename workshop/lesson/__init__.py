"""What a notebook works with. It knows nothing of the command line."""

"""The course's own measurements: `make bench`."""

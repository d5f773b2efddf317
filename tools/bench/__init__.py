"""The course's own figures: `make bench`."""

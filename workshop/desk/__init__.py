"""The learner's folders: laid out, backed up, restored. It knows nothing of how checks work."""

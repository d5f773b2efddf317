"""The learner's folders: laid out, set aside, brought back. It knows nothing of how checks look."""

"""The third layer: a real worker on a real broker, for what only they can show."""

# TODO e: submit a sum, wait for its result, and test that it is right and that there is a receipt.

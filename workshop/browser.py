"""Ask a web server as a browser would, and measure the answer and nothing else."""

import httpx


def browser(base: str) -> httpx.Client:
    """A client for the server at `base`. Its answers carry their time: `answer.elapsed`.

    One client for many requests, since making one takes longer than an answer of the
    guide's view; a new connection for each, since Django's own server writes an answer in
    two pieces, and on a kept connection the second waits 40 ms for the first one's receipt.
    """
    return httpx.Client(
        base_url=base,
        timeout=15,
        trust_env=False,  # no proxy stands between this machine and itself
        follow_redirects=True,
        limits=httpx.Limits(max_keepalive_connections=0),
    )

"""Whether an editor saved a file so that its readers can read it."""

import codecs
import io
import tokenize

from workshop.checks.content import common


def expect_saved_right(name: str, content: bytes) -> None:
    """Raise Wrong if an editor saved a file so that its readers cannot read it."""
    if name.endswith(".sh") and b"\r\n" in content:
        raise common.wrong("line_ends", name=name)
    try:
        encoding = "utf-8"
        if name.endswith(".py"):
            encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        elif content.startswith(codecs.BOM_UTF8):
            raise UnicodeError("it begins with a byte order mark")
        content.decode(encoding)
    except (UnicodeError, SyntaxError) as error:
        line = content[: getattr(error, "start", 0)].count(b"\n") + 1
        raise common.wrong("not_utf8", name=name, line=line, error=error) from None

"""Whether an editor saved a file so that its readers can read it."""

import codecs
import io
import tokenize

from workshop.checks.wrong import Wrong


def expect_saved_right(name: str, content: bytes) -> None:
    """Raise Wrong if an editor saved a file so that its readers cannot read it."""
    if name.endswith(".sh") and b"\r\n" in content:
        raise Wrong(
            f"{name} has Windows line ends (CRLF): the shell reads the CR as part of each line",
            f"What is at the end of each line? `file {name}` shows it.",
            "Windows ends a line with two characters, CR and LF. A shell wants LF alone.",
            f"sed -i.bak 's/\\r$//' {name}",
        )
    try:
        encoding = "utf-8"
        if name.endswith(".py"):
            encoding, _ = tokenize.detect_encoding(io.BytesIO(content).readline)
        elif content.startswith(codecs.BOM_UTF8):
            raise UnicodeError("it begins with a byte order mark")
        content.decode(encoding)
    except (UnicodeError, SyntaxError) as error:
        line = content[: getattr(error, "start", 0)].count(b"\n") + 1
        raise Wrong(
            f"{name}, line {line}: not saved as UTF-8 ({error})",
            "In which encoding does your editor save files?",
            "Python, the shell and dotenv read a file as UTF-8, without a byte order mark.",
            "Save it again: in your editor, choose the encoding UTF-8, without BOM.",
        ) from None

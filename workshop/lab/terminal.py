"""The shell of a Lab terminal: the learner's own, with this checkout's commands first.

A shell reads its own files at its start, and these may put another Python first (conda does).
So the shell is started with a file from the course that reads the learner's and then sets
PATH and the completion of `workshop`.
"""

import os
import shlex
import shutil
from pathlib import Path

from workshop import places


def command(path: str) -> list[str]:
    """The command line of the learner's shell, with `path` as its final PATH."""
    shell = os.environ.get("SHELL") or shutil.which("bash") or "/bin/sh"
    folder = places.broker() / "shell"
    folder.mkdir(parents=True, exist_ok=True)
    start = {"bash": _bash, "zsh": _zsh}.get(Path(shell).name)
    return start(shell, folder, path) if start else [shell]


def _bash(shell: str, folder: Path, path: str) -> list[str]:
    (folder / "bashrc").write_text(
        f"[ -f ~/.bashrc ] && . ~/.bashrc\nexport PATH={shlex.quote(path)}\n"
        # not in the bash of macOS, 3.2: its `complete` has no `-o nosort`
        '[[ $BASH_VERSION < 4.4 ]] || eval "$(workshop completion bash)"\n'
    )
    return [shell, "--rcfile", str(folder / "bashrc")]


def _zsh(shell: str, folder: Path, path: str) -> list[str]:
    (folder / ".zshrc").write_text(
        "ZDOTDIR=$HOME\n[ -f ~/.zshrc ] && . ~/.zshrc\n"
        f"export PATH={shlex.quote(path)}\n"
        "autoload -U compinit && compinit -u\n" + 'eval "$(workshop completion zsh)"\n'
    )
    return ["env", f"ZDOTDIR={folder}", shell]

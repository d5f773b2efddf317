"""Check that the stack has its secrets, and write the broker's definitions with them.

RabbitMQ reads /definitions/definitions.json when it starts. The file has a user's password in the
form in which RabbitMQ stores it: 4 bytes of salt, then SHA-256 of salt and password, in base64
(https://www.rabbitmq.com/docs/passwords#computing-password-hash).
"""

import base64
import hashlib
import json
import os
import secrets
import sys
from pathlib import Path

NEEDED = ("DJANGO_SECRET_KEY", "POSTGRES_PASSWORD", "RABBITMQ_PASSWORD")


def hashed(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


missing = [name for name in NEEDED if not os.environ.get(name)]
if missing:
    cure = "cp .env.example .env"
    if len(missing) < len(NEEDED):
        cure = f"write {missing[0]}=… into .env, as .env.example has it"
    sys.exit(
        f"✗ the stack has no {', no '.join(missing)}.\n  → {cure}; then the same command again"
    )
definitions = json.loads(Path("/definitions.json").read_text())
for user in definitions["users"]:
    user["password_hash"] = hashed(os.environ["RABBITMQ_PASSWORD"])
Path("/definitions/definitions.json").write_text(json.dumps(definitions))

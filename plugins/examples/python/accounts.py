"""The panel itself: accounts as folders.

    ROOT/panel.json               made by the administrator, see README.md
    ROOT/accounts/NAME/account.json
    ROOT/accounts/NAME/files/     what the customer keeps there; others may read it unless the account is suspended

It knows nothing about gRPC. Changes take a lock, because a process that ends and its successor may overlap, and an
administrator may have tools of their own.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import shutil
import tempfile
import time
from pathlib import Path

from outcome import Refused, RetryLater

# What may be an account's folder; what is being made or removed begins with a dot.
NAME = re.compile(r"[a-z][a-z0-9-]{1,31}")
LOCK_TIME_MAX_S = 2.0
# For what an administrator left out of an account.json.
EMPTY = {
    "domain": "",
    "package": "",
    "email": "",
    "external_id": "",
    "created_at": None,
    "password": None,
    "suspension": None,
}


class Folders:
    """The folders below a root, opened with the administrator's key."""

    def __init__(self, root: str, key: str):
        self.root, self.key = Path(root), key

    def settings(self) -> dict:
        """panel.json: `hostname`, `accounts_max`, `default_package`, `packages` by name. Refuses a wrong key."""
        try:
            settings = json.loads((self.root / "panel.json").read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise RetryLater("UNAVAILABLE", f"panel.json cannot be read: {type(error).__name__}") from None
        sha256 = hashlib.sha256(self.key.encode()).hexdigest()
        if not hmac.compare_digest(sha256, str(settings.get("key_sha256", ""))):
            raise Refused("UNAUTHENTICATED", "the key is not the one of this panel")
        return settings

    @contextlib.contextmanager
    def changing(self, operation):
        """Nobody else changes anything meanwhile. Gives the settings. What fails until then has changed nothing."""
        settings = self.settings()
        try:
            self.base().mkdir(exist_ok=True)
            lock = open(self.root / ".lock", "w", encoding="utf-8")
        except OSError as error:
            raise RetryLater("UNAVAILABLE", f"the folder cannot be written: {type(error).__name__}") from None
        with lock:
            wait_for(lock, operation)
            self.sweep()
            yield settings

    def base(self) -> Path:
        return self.root / "accounts"

    def sweep(self):
        """What a killed process left half made or half removed."""
        for left in self.base().glob(".*"):
            shutil.rmtree(left, ignore_errors=True)

    def names(self) -> list[str]:
        """Sorted, so that pages are stable."""
        try:
            found = os.listdir(self.base())
        except FileNotFoundError:
            return []
        return sorted(name for name in found if NAME.fullmatch(name))

    def read(self, name: str) -> dict | None:
        """account.json of an account: `domain`, `package`, `email`, `external_id`, `created_at`, `password`,
        `suspension` (`reason`, `since`, `locked`) or null. None when there is no such account."""
        # A name from outside must not lead out of the folder.
        if not NAME.fullmatch(name):
            return None
        try:
            return EMPTY | json.loads((self.base() / name / "account.json").read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            # Left out, it would look as if it were gone.
            words = f"account.json of `{name}` cannot be read: {type(error).__name__}"
            raise RetryLater("UNAVAILABLE", words) from None

    def make(self, name: str, account: dict):
        """All or nothing: the folder gets its name when it is whole."""
        folder = Path(tempfile.mkdtemp(prefix=".new-", dir=self.base()))
        folder.chmod(0o755)
        (folder / "files").mkdir(mode=0o755)
        write(folder / "account.json", account)
        folder.rename(self.base() / name)
        sync(self.base())

    def replace(self, name: str, account: dict):
        """Who suspends takes the files from the public; who lifts that gives them back. The record is last: who was
        killed before it does all of it again."""
        (self.base() / name / "files").chmod(0o700 if account["suspension"] else 0o755)
        write(self.base() / name / "account.json", account)

    def remove(self, name: str):
        gone = Path(tempfile.mkdtemp(prefix=".gone-", dir=self.base()))
        (self.base() / name).rename(gone / name)
        sync(self.base())
        shutil.rmtree(gone, ignore_errors=True)

    def used(self, name: str) -> tuple[int, int]:
        """Bytes and files of an account, without following links."""
        size = count = 0
        for folder, _, files in os.walk(self.base() / name / "files"):
            for file in files:
                # It may be deleted while we look.
                with contextlib.suppress(FileNotFoundError):
                    size += os.lstat(os.path.join(folder, file)).st_size
                    count += 1
        return size, count


def write(path: Path, value: dict):
    """A reader sees the old file or the new one, never half of it; only the panel's user reads it."""
    # In the account's folder, under a name that is not swept: it is overwritten by the next one.
    fresh = path.with_suffix(".new")
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    sync(path.parent)


def sync(folder: Path):
    """What was renamed in a folder stays so when the power fails."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def wait_for(lock, operation):
    """Takes the lock, within the time that is left for this attempt."""
    left = operation.time_left.ToTimedelta().total_seconds() if operation.HasField("time_left") else LOCK_TIME_MAX_S
    end = time.monotonic() + min(left, LOCK_TIME_MAX_S)
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                raise RetryLater("BUSY", "other work has the lock of the folder", after_s=5) from None
            time.sleep(0.02)


def hashed(password: str) -> str:
    """As it is kept: salt and scrypt."""
    salt = os.urandom(16)
    return f"{salt.hex()}${hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1).hex()}"

"""A control panel for Billet whose accounts are folders: a whole plugin in Python, to learn from and to begin with."""

import json
import sys
from bisect import bisect_right
from contextlib import suppress
from datetime import datetime, timezone

from billet.plugin.v1 import panel_pb2 as pb
from billet.plugin.v1 import plugin_pb2

from accounts import NAME, Folders, hashed
from outcome import Refused, done
from serving import serve

MARK = "[billet] "
RESERVED = ["admin", "root"]
PASSWORD_CHARACTERS_MIN = 8
PAGE_MAX = 1_000

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["root", "key"],
    "properties": {
        "root": {"type": "string", "pattern": "^/", "description": "The folder with panel.json"},
        "key": {"type": "string", "minLength": 8, "writeOnly": True, "description": "The panel's key"},
    },
}

DESCRIPTION = plugin_pb2.DescribeResponse(
    name="directory",
    title="Folders of a server",
    version="1.0.0",
    kind=plugin_pb2.PLUGIN_KIND_PANEL,
    settings_schema=json.dumps(SCHEMA),
    concurrency_max=8,
    username_rules=plugin_pb2.UsernameRules(
        length_min=2, length_max=32, later_characters="0123456789-", reserved=RESERVED
    ),
)


def configure(settings: str, secrets: dict) -> "DirectoryPanel":
    """The host has checked the schema; whoever else calls is told what is missing. Connects to nothing."""
    try:
        root = json.loads(settings)["root"]
    except (ValueError, KeyError, TypeError):
        raise Refused("INVALID", "settings: `root` is missing") from None
    if not isinstance(root, str) or not root.startswith("/"):
        raise Refused("INVALID", "settings: `root` is not an absolute path")
    if not secrets.get("key"):
        raise Refused("INVALID", "secrets: `key` is missing")
    return DirectoryPanel(Folders(root, secrets["key"]))


class DirectoryPanel:
    """The methods have the names of the protocol: what is not here is refused as unsupported."""

    def __init__(self, folders: Folders):
        self.folders = folders

    # Questions.

    def TestConnection(self, _):
        settings = self.folders.settings()
        return done(pb.TestConnectionResponse(version=DESCRIPTION.version, hostname=settings.get("hostname", "")))

    def CheckUsername(self, request):
        self.folders.settings()
        self.check_free(request.username, request.domain)
        return done(pb.CheckUsernameResponse())

    def ListAccounts(self, request):
        settings = self.folders.settings()
        # There are no resellers here, so nothing is theirs.
        names = [] if request.owner else self.folders.names()
        # The token is the last name of the page before: what comes or goes meanwhile moves no page.
        begin = bisect_right(names, request.page_token)
        page = names[begin : begin + min(max(request.page_size, 1), PAGE_MAX)]
        response = pb.ListAccountsResponse()
        for name in page:
            # It may be gone since its name was read.
            if account := self.folders.read(name):
                response.accounts.append(as_message(name, account, settings))
        if begin + len(page) < len(names):
            response.next_page_token = page[-1]
        return done(response)

    def GetAccount(self, request):
        settings = self.folders.settings()
        name, account = self.find(request.ref)
        message = as_message(name, account, settings)
        message.disk_used_bytes = self.folders.used(name)[0]
        return done(pb.GetAccountResponse(account=message))

    def ListPackages(self, _):
        response = pb.ListPackagesResponse()
        for name, limits in sorted(self.folders.settings().get("packages", {}).items()):
            package = response.packages.add(name=name)
            if "disk_bytes" in limits:
                package.limits.disk_bytes = limits["disk_bytes"]
        return done(response)

    def GetUsage(self, request):
        settings = self.folders.settings()
        response = pb.GetUsageResponse()
        now = datetime.now(timezone.utc)
        month = request.month.ToDatetime(timezone.utc) if request.HasField("month") else now
        # Nothing is kept about other months.
        if (month.year, month.month) != (now.year, now.month):
            return done(response)
        names = [self.find(request.ref)[0]] if request.HasField("ref") else self.folders.names()
        for name in names:
            if account := self.folders.read(name):
                self.add_usage(response, name, account, settings)
        return done(response)

    def GetCapacity(self, _):
        settings = self.folders.settings()
        response = pb.GetCapacityResponse(accounts=len(self.folders.names()))
        if "accounts_max" in settings:
            response.accounts_max = settings["accounts_max"]
        return done(response)

    # Changes.

    def CreateAccount(self, request):
        with self.folders.changing(request.operation) as settings:
            package = known_package(request.package or settings.get("default_package", ""), settings)
            for wrong, words in [
                (request.owner, "there are no resellers at this panel"),
                (request.dedicated_ip, "accounts of this panel have no address of their own"),
                (request.extra, "this panel takes no extra parameters"),
                (not request.domain, "a domain is wanted"),
            ]:
                if wrong:
                    raise Refused("INVALID", words)
            if request.password:
                check_password(request.password)
            there = self.folders.read(request.username)
            if there and is_ours(there, request):
                message = as_message(request.username, there, settings)
                return done(pb.CreateAccountResponse(account=message), already=True)
            self.check_free(request.username, request.domain)
            if len(self.folders.names()) >= settings.get("accounts_max", float("inf")):
                raise Refused("LIMIT", f"there is no room for more than {settings['accounts_max']} accounts")
            account = {
                "domain": request.domain,
                "package": package,
                "email": request.email,
                "external_id": request.external_id,
                "created_at": now_text(),
                "password": hashed(request.password) if request.password else None,
                "suspension": None,
            }
            self.folders.make(request.username, account)
            return done(pb.CreateAccountResponse(account=as_message(request.username, account, settings)))

    def SuspendAccount(self, request):
        with self.folders.changing(request.operation):
            name, account = self.find(request.ref)
            already = bool(account["suspension"])
            if not already:
                account["suspension"] = {"reason": MARK + request.reason, "since": now_text(), "locked": request.lock}
                self.folders.replace(name, account)
            return done(pb.SuspendAccountResponse(suspension=as_suspension(account["suspension"])), already)

    def UnsuspendAccount(self, request):
        with self.folders.changing(request.operation):
            name, account = self.find(request.ref)
            if not account["suspension"]:
                return done(pb.UnsuspendAccountResponse(), already=True)
            if as_suspension(account["suspension"]).origin != pb.SUSPENSION_ORIGIN_BILLET and not request.force:
                raise Refused("STATE", f"somebody else suspended `{name}`")
            account["suspension"] = None
            self.folders.replace(name, account)
            return done(pb.UnsuspendAccountResponse())

    def TerminateAccount(self, request):
        with self.folders.changing(request.operation):
            if self.folders.read(request.ref.username) is None:
                return done(pb.TerminateAccountResponse(), already=True)
            # `find` refuses a name that belongs to another domain by now.
            self.folders.remove(self.find(request.ref)[0])
            warnings = ["this panel has no zones to keep"] if request.keep_dns else []
            return done(pb.TerminateAccountResponse(), warnings=warnings)

    def ChangePackage(self, request):
        with self.folders.changing(request.operation) as settings:
            name, account = self.find(request.ref)
            already = account["package"] == known_package(request.package, settings)
            if already:
                return done(pb.ChangePackageResponse(), already)
            account["package"] = request.package
            self.folders.replace(name, account)
            limit, used = settings["packages"][request.package].get("disk_bytes"), self.folders.used(name)[0]
            over = limit is not None and used > limit
            warnings = [f"`{name}` uses {used} bytes, more than the {limit} of its new package"] if over else []
            return done(pb.ChangePackageResponse(), warnings=warnings)

    def ChangePassword(self, request):
        with self.folders.changing(request.operation):
            name, account = self.find(request.ref)
            check_password(request.password)
            account["password"] = hashed(request.password)
            self.folders.replace(name, account)
            return done(pb.ChangePasswordResponse())

    # What several of them need.

    def find(self, ref) -> tuple[str, dict]:
        """The account that is meant. A name alone may belong to somebody else by now: the domain must be right too."""
        account = self.folders.read(ref.username)
        if account is None:
            raise Refused("NOT_FOUND", f"there is no account `{ref.username}`")
        other = ref.domain and ref.domain.lower() != account["domain"].lower()
        if other or (ref.panel_id and ref.panel_id != ref.username):
            raise Refused("CONFLICT", f"`{ref.username}` is not the account that is meant: nothing was done")
        return ref.username, account

    def check_free(self, username: str, domain: str):
        if not NAME.fullmatch(username) or username in RESERVED:
            raise Refused("INVALID", "a user name has 2 to 32 of a-z, 0-9 and -, a letter first, and is not reserved")
        if username in self.folders.names():
            raise Refused("CONFLICT", f"the name `{username}` is taken")
        for name in self.folders.names() if domain else []:
            if (self.folders.read(name) or {}).get("domain", "").lower() == domain.lower():
                raise Refused("CONFLICT", f"the domain {domain} is taken")

    def add_usage(self, response, name: str, account: dict, settings: dict):
        size, count = self.folders.used(name)
        ref, kind = pb.AccountRef(username=name, domain=account["domain"]), pb.USAGE_KIND_SNAPSHOT
        disk = response.usage.add(ref=ref, metric="disk", unit="byte", kind=kind, quantity=size)
        limit = settings.get("packages", {}).get(account["package"], {}).get("disk_bytes")
        if limit is not None:
            disk.limit = limit
        response.usage.add(ref=ref, metric="inodes", unit="1", kind=kind, quantity=count)


def is_ours(account: dict, request) -> bool:
    """Whether an earlier attempt of this operation made it: what anybody else made is not ours."""
    operation = request.operation
    return bool(
        operation.attempt >= 2
        and account["created_at"]
        and operation.HasField("first_attempt_at")
        and account["domain"].lower() == request.domain.lower()
        and account["external_id"] == request.external_id
        and datetime.fromisoformat(account["created_at"]) >= operation.first_attempt_at.ToDatetime(timezone.utc)
    )


def known_package(name: str, settings: dict) -> str:
    if name not in settings.get("packages", {}):
        raise Refused("INVALID", f"there is no package `{name}`")
    return name


def check_password(password: str):
    # The words do not repeat it.
    if len(password) < PASSWORD_CHARACTERS_MIN:
        raise Refused("INVALID", f"a password has at least {PASSWORD_CHARACTERS_MIN} characters")


def now_text() -> str:
    return datetime.now(timezone.utc).isoformat()


def as_suspension(suspension: dict) -> pb.Suspension:
    """Ours by the mark in the reason; whoever edits account.json otherwise is the administrator."""
    reason = suspension.get("reason", "")
    ours = reason.startswith(MARK.rstrip())
    message = pb.Suspension(
        origin=pb.SUSPENSION_ORIGIN_BILLET if ours else pb.SUSPENSION_ORIGIN_ADMINISTRATOR,
        reason=reason,
        locked=suspension.get("locked", False),
    )
    # Whoever wrote it by hand may have written anything.
    with suppress(KeyError, ValueError, TypeError):
        message.since.FromDatetime(datetime.fromisoformat(suspension["since"]))
    return message


def as_message(name: str, account: dict, settings: dict) -> pb.Account:
    message = pb.Account(
        ref=pb.AccountRef(username=name, domain=account["domain"]),
        package=account["package"],
        email=account["email"],
        external_id=account["external_id"],
    )
    if account["created_at"]:
        message.created_at.FromDatetime(datetime.fromisoformat(account["created_at"]))
    limit = settings.get("packages", {}).get(account["package"], {}).get("disk_bytes")
    if limit is not None:
        message.disk_limit_bytes = limit
    if account["suspension"]:
        message.suspension.CopyFrom(as_suspension(account["suspension"]))
    return message


# What can be done is what is written above.
PANEL_METHODS = [method.name for method in pb.DESCRIPTOR.services_by_name["PanelService"].methods]
DESCRIPTION.capabilities.extend(name for name in PANEL_METHODS if hasattr(DirectoryPanel, name))

if __name__ == "__main__":
    sys.exit(serve(DESCRIPTION, configure))

"""Addresses of tracking servers and databases: redacted, and resolved to files or servers."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

HIDDEN = "***"

# The second form allows "/", "?" or "#" in a password: databases accept them unquoted.
_USER_INFO = re.compile(r"(?<=://)(?:[^/?#]*|[^:/@?#]*:.*)@")
_SECRET_QUERY = re.compile(
    r"([?&;][^=&;#\s]{0,40}(?:passw|pwd|token|secret|key|signature|sig|credential)[^=&;#\s]{0,40}=)"
    r"[^&;#]*",
    re.IGNORECASE,
)
_USER_ONLY = re.compile(r"(?!https?:)[\w+.-]+://[^:/@?#]+@[^@]*$")
_SQLITE = re.compile(r"sqlite(?:\+\w+)?:///(?P<file>[^?]+)")
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
_DATABASE = re.compile(r"(postgresql|mysql|mssql)(\+\w+)?:")
_SCHEME = re.compile(r"[A-Za-z][\w+.-]*:")


def redact(uri: str) -> str:
    """`uri` with user, password and secret-looking query values replaced by `***`.

    In case of doubt, redacts too much rather than too little.
    """
    if not uri.startswith(("sqlite", "file:")):
        uri = _USER_INFO.sub(f"{HIDDEN}@", uri)
    return _SECRET_QUERY.sub(rf"\g<1>{HIDDEN}", uri)


def holds_secret(uri: str) -> bool:
    """Whether an address contains a password or a token; a database's user name is neither."""
    if _SECRET_QUERY.search(uri):
        return True
    return redact(uri) != uri and not _USER_ONLY.match(uri)


def sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite database; None for every other address."""
    found = _SQLITE.match(uri)
    return Path(found["file"]) if found else None


def server_address(uri: str) -> tuple[str, int] | None:
    """Host and port of a tracking or database server; None for every other address."""
    parts = urlsplit(redact(uri))  # a password may look like a port or a path
    usual = _PORTS.get(parts.scheme.partition("+")[0])
    if usual is None or not parts.hostname:
        return None
    try:
        return parts.hostname, parts.port or usual
    except ValueError as error:
        raise ValueError(f"tracking uri {redact(uri)}: {error}") from None


def keeps_artifacts(uri: str) -> bool:
    """Whether the server at the address keeps files, too; a database server does not."""
    return not _DATABASE.match(uri)


def artifact_uri(tracking_uri: str, location: str | None) -> str | None:
    """The location of a new experiment's artifacts, in MLflow's form.

    `location` is a folder or a URI. By default: beside an SQLite database, since MLflow would use
    the working directory; for every other address None, the server's choice.
    """
    if location is not None:
        return location if _SCHEME.match(location) else Path(location).resolve().as_uri()
    database = sqlite_file(tracking_uri)
    return (database.resolve().parent / "mlartifacts").as_uri() if database else None

from __future__ import annotations

from pathlib import Path

import pytest

from results.records.uris import artifact_uri, redact, server_address, sqlite_file


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:hunter2@db:5432/mlflow", "postgresql://***@db:5432/mlflow"),
        ("postgresql+psycopg://me:hun@ter2@db/mlflow", "postgresql+psycopg://***@db/mlflow"),
        ("mysql://me:hun/ter2?#@db/mlflow", "mysql://***@db/mlflow"),
        ("https://hunter2@tracking.example.com", "https://***@tracking.example.com"),
        ("mssql://db/x?user=me&password=hunter2&ssl=1", "mssql://db/x?user=me&password=***&ssl=1"),
        ("https://example.com/?api_key=hunter2", "https://example.com/?api_key=***"),
        ("https://example.com/?Access_Token=hunter2#x", "https://example.com/?Access_Token=***#x"),
    ],
)
def test_a_secret_is_hidden_and_the_rest_is_not(uri, shown):
    assert redact(uri) == shown


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///mlflow.db",
        "sqlite:////home/me@work/a:b@c/mlflow.db?timeout=5",
        "http://127.0.0.1:5000",
        "file:///home/me@work/mlruns",
        "databricks",
    ],
)
def test_an_address_without_secrets_stays(uri):
    assert redact(uri) == uri


def test_redacting_twice_changes_nothing():
    once = redact("postgresql://me:hunter2@db/x?token=abc")
    assert redact(once) == once


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:///mlflow.db", Path("mlflow.db")),
        ("sqlite:////data/my runs/mlflow.db?timeout=5", Path("/data/my runs/mlflow.db")),
        ("sqlite+pysqlite:///x.db", Path("x.db")),
        ("postgresql://db/x", None),
    ],
)
def test_an_sqlite_address_names_its_file(uri, file):
    assert sqlite_file(uri) == file


@pytest.mark.parametrize(
    ("uri", "address"),
    [
        ("http://127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("https://me:hunter2@tracking.example.com/path", ("tracking.example.com", 443)),
        ("http://[::1]/", ("::1", 80)),
        ("sqlite:///mlflow.db", None),
        ("postgresql+psycopg2://db/x", ("db", 5432)),
        ("mysql://me:hun/ter:2@db:99/x", ("db", 99)),
        ("postgresql:///x", None),
        ("databricks", None),
    ],
)
def test_a_server_has_a_host_and_a_port(uri, address):
    assert server_address(uri) == address


def test_a_port_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match=r"tracking uri http://\*\*\*@host:50x0: Port could not"):
        server_address("http://me:hunter2@host:50x0")


@pytest.mark.parametrize(
    ("tracking", "location", "uri"),
    [
        ("http://host", "s3://bucket/x", "s3://bucket/x"),
        ("http://host", None, None),
        ("http://host", "/data/my runs", "file:///data/my%20runs"),
        ("sqlite:////data/mlflow.db", None, "file:///data/mlartifacts"),
    ],
)
def test_artifacts_go_where_they_are_told_and_never_to_the_working_directory(
    tracking, location, uri
):
    assert artifact_uri(tracking, location) == uri

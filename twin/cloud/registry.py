"""What exists: the resources and their outputs, in SQLite, so that a kill at any moment loses none."""

import json
import sqlite3
from pathlib import Path

from twin.services.base import Resource

SCHEMA = """create table if not exists resources(
    id text primary key, position integer not null, content text not null) without rowid"""


class Registry:
    """Resources by ARM id, whose case does not matter; in the order of their creation."""

    def __init__(self, file: Path):
        file.touch(mode=0o600)  # inputs may hold secrets; SQLite gives its own files beside it the same mode
        self._database = sqlite3.connect(file, isolation_level=None)
        self._database.execute("pragma journal_mode=wal")
        self._database.execute(SCHEMA)
        rows = self._database.execute("select id, content from resources order by position").fetchall()
        self._resources = {key: Resource(**json.loads(content)) for key, content in rows}

    def get(self, id: str) -> Resource | None:
        """The resource with that id."""
        return self._resources.get(id.lower())

    def all(self) -> list[Resource]:
        """Every resource."""
        return list(self._resources.values())

    def save(self, resource: Resource) -> None:
        """Adds or replaces; durable when it returns."""
        key = resource.id.lower()
        self._database.execute(
            "insert into resources values(?1, (select coalesce(max(position), 0) + 1 from resources), ?2)"
            " on conflict(id) do update set content = excluded.content", (key, json.dumps(vars(resource))))
        self._resources[key] = resource

    def remove(self, id: str) -> None:
        """Without complaint when there is none."""
        self._database.execute("delete from resources where id = ?", (id.lower(),))
        self._resources.pop(id.lower(), None)

    def close(self) -> None:
        """Ends the connection, which folds the write-ahead log into the file."""
        self._database.close()

"""How much of an owner goes back: everything, one collection, or one record."""

from dataclasses import dataclass

from migration.models import Rollback
from migration.values.digests import key_hash
from migration.values.lines import literal, text_of

Scope = Rollback.Scope


@dataclass(frozen=True, slots=True)
class Within:
    """A part of an owner's records, as a rollback's columns name it."""

    scope: Scope = Scope.OWNER
    collection: str = ""
    namespace: str = ""
    key_hash: bytes | None = None
    key_json: str = ""

    @classmethod
    def of_collection(cls, name: str) -> "Within":
        """Return what a collection holds, by the names its records have now."""
        return cls(Scope.COLLECTION, collection=name)

    @classmethod
    def of_record(cls, *, namespace: str, key_json: str) -> "Within":
        """Return one record by its key, a JSON string however it is written. Raises ValueError for anything else."""
        if not key_json.startswith('"'):
            raise ValueError("a key is a JSON string")
        key = literal(text_of(key_json))
        return cls(Scope.RECORD, namespace=namespace, key_hash=key_hash(key), key_json=key.decode())

    @classmethod
    def of_rollback(cls, rollback: Rollback) -> "Within":
        """Return what a rollback was asked for."""
        mark = rollback.key_hash
        return cls(
            Scope(rollback.scope),
            collection=rollback.collection,
            namespace=rollback.namespace,
            key_hash=None if mark is None else bytes(mark),
            key_json=rollback.key_json,
        )


EVERYTHING = Within()

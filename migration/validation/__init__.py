"""Judges single entries and whole runs. A refused entry goes to quarantine; the rest lands."""

from migration.validation.completeness import Buckets, compare_with_manifest, differing_buckets
from migration.validation.rules import EntryTooLarge, KeyTooLarge, Rule, TypeMismatch
from migration.validation.schemas import PinnedSchema, SchemaMismatch, compile_schema
from migration.validation.service import ValidationService

__all__ = [
    "Buckets",
    "EntryTooLarge",
    "KeyTooLarge",
    "PinnedSchema",
    "Rule",
    "SchemaMismatch",
    "TypeMismatch",
    "ValidationService",
    "compare_with_manifest",
    "compile_schema",
    "differing_buckets",
]

"""Opens what a run uploaded: sealed chunks back into the browser's entries."""

from migration.extraction.chunks import DataExtractor, SealedChunk, open_payload, run_lines

__all__ = ["DataExtractor", "SealedChunk", "open_payload", "run_lines"]

"""What intake refuses. Everything else that is wrong with one entry is quarantine, not an error."""

from migration.errors.base import BadInput


class BodyInvalid(BadInput):
    """The request body does not have the documented shape."""

    code = "invalid_body"


class TooLarge(BadInput):
    """The body is larger than the documented limit."""

    code = "too_large"


class EncodingInvalid(BadInput):
    """The content encoding is unknown, or the compressed body is damaged, cut off or followed by other bytes."""

    code = "encoding_invalid"


class InflateLimit(BadInput):
    """The body inflates to more than the limit."""

    code = "inflate_limit"


class ChecksumMismatch(BadInput):
    """The inflated payload does not have the announced SHA-256 or length."""

    code = "checksum_mismatch"


class LineForm(BadInput):
    """A line of the payload is not a canonical line."""

    code = "line_form"


class EntryCountWrong(BadInput):
    """The payload does not hold the announced number of entries, or holds too many."""

    code = "entry_count"


class SensitiveItem(BadInput):
    """The payload holds entries recognised as secrets; withhold them and cut the chunk anew."""

    code = "sensitive_item"


class EditInvalid(BadInput):
    """The edited value cannot be given to these entries."""

    code = "edit_invalid"


class ManifestInvalid(BadInput):
    """The manifest contradicts itself or is not of the documented shape."""

    code = "manifest_invalid"


class ManifestShrinks(BadInput):
    """An amended manifest must have a higher version, and its number of entries may only rise."""

    code = "manifest_shrinks"

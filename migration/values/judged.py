r"""What a schema judges of a stored value: the JSON it holds verbatim, else the string itself.

The value stays as it is; this is a reading of it, and says where it must choose: of members named twice the last
counts, a number beyond a double's reach counts as the largest double, a lone surrogate as U+FFFD.
"""

import json
import sys
from typing import Any

from migration.values.forms import LITERAL, form_of

_LARGEST = sys.float_info.max


def judged(value: str) -> Any:
    """Return what is judged of `value`: None, a bool, int, float, str, list or dict. Never raises."""
    if form_of(value).form == LITERAL:
        return encodable(value)
    try:
        return json.loads(value, parse_float=_finite)
    except ValueError:  # whole numbers of thousands of digits are refused by Python
        return json.loads(value, parse_float=_finite, parse_int=_finite)


def encodable(value: Any) -> Any:
    """Return `value` with U+FFFD for each lone surrogate, wherever it stands."""
    if isinstance(value, str):
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [encodable(one) for one in value]
    if isinstance(value, dict):
        return {encodable(name): encodable(one) for name, one in value.items()}
    return value


def _finite(digits: str) -> float:
    return min(max(float(digits), -_LARGEST), _LARGEST)

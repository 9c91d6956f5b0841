"""The Django project around the app `migration`: settings, addresses, servers, and the stack that runs it."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - an older Python shall say so in one line, not fail on our syntax
    sys.exit("Python 3.11 or newer is needed")

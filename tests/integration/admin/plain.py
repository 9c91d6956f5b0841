"""Renders pages in a process of its own, where the admin has no theme: addresses in, (status, page) out, as JSON."""

import json
import sys

import django


def main() -> None:
    """Fetch every address read from standard input as the administrator named on the command line."""
    django.setup()
    from django.contrib.auth.models import User
    from django.test import Client

    client = Client()
    client.force_login(User.objects.get(username=sys.argv[1]))
    pages = {}
    for path in json.load(sys.stdin):
        response = client.get(path)
        pages[path] = (response.status_code, response.headers["Content-Security-Policy"], response.content.decode())
    json.dump(pages, sys.stdout)


if __name__ == "__main__":
    main()

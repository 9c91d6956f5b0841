"""An ASGI application that takes its time, for the tests of the server's end."""

import asyncio

SECONDS = 1.5


async def application(scope, receive, send) -> None:
    """Answer a request after a while; accept a socket and wait for its end."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    await asyncio.sleep(SECONDS)
    body = b"x" * 4_000_000
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})

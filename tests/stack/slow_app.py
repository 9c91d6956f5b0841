"""An ASGI application that takes its time or says very much, for the tests of the server."""

import asyncio

SECONDS = 1.5
# Time enough for a slow machine to notice that a request runs; shorter than the server waits in the end.
LONG = 6
BLOCK = b"x" * 65_536
BLOCKS = 2_000
sent: list[int] = []
begun: list[str] = []
COUNTED = {"/sent": sent, "/begun": begun}
LASTS = {"/slowly": 2 * SECONDS, "/long": LONG}


async def application(scope, receive, send) -> None:
    """Answer a request after a while; accept a socket and wait for its end."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.accept"})
        while (await receive())["type"] != "websocket.disconnect":
            pass
        return
    if scope["path"] == "/much":
        await _say_much(send)
        return
    if scope["path"] in COUNTED:
        body = b"%d" % len(COUNTED[scope["path"]])
    else:
        begun.append(scope["path"])
        await asyncio.sleep(LASTS.get(scope["path"], SECONDS))
        body = b"x" * 4_000_000
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def _say_much(send) -> None:
    """Answer in very many parts and count those that were taken."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for number in range(BLOCKS):
        await send({"type": "http.response.body", "body": BLOCK, "more_body": True})
        sent.append(number)
    await send({"type": "http.response.body", "body": b"end"})

"""Browsers that lack something: scripts that take it away before the page begins."""

# Sockets end at an address that refuses them, as behind a proxy that knows only HTTP. (Playwright's own routing of
# sockets never answers here when a handler closes one.)
NO_SOCKETS = """
    const Native = window.WebSocket;
    window.WebSocket = function (url, protocols) {
        return new Native(String(url).replace('/ws/v1/', '/no-sockets/'), protocols);
    };
"""
NO_INDEXED_DB = """
    IDBFactory.prototype.open = () => { throw new DOMException("not here", "SecurityError"); };
"""
NO_FRAMES = "Element.prototype.attachShadow = () => { throw new Error('no'); };"
NO_LOCKS = "delete Navigator.prototype.locks;"
NO_CHANNEL = "delete window.BroadcastChannel;"
NO_COMPRESSION = "delete window.CompressionStream;"
# Ten years ahead, from the first to the last look at the clock.
WRONG_CLOCK = """
    const Native = Date, ahead = 10 * 365 * 86_400_000;
    window.Date = class extends Native {
        constructor(...given) { given.length ? super(...given) : super(Native.now() + ahead); }
        static now() { return Native.now() + ahead; }
    };
"""

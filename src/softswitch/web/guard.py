"""Who may speak to the HTTP API: programs of this machine, and no web page that a browser here happens to show.

The API has no passwords; its wall is the loopback address. A browser can reach loopback on behalf of any page, so
two doors are closed: a name that an attacker's DNS points to 127.0.0.1 (rebinding) is refused by its Host header,
and a page of another origin that posts blindly is refused by its Origin or Sec-Fetch-Site header. There are no CORS
headers.
"""

from __future__ import annotations

from collections.abc import Collection
from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware


def host_name(header: str) -> str:
    """The host of a Host header, without port and brackets, lower case; empty when it cannot be read."""
    header = header.strip().lower()
    if header.startswith("["):
        name, bracket, rest = header[1:].partition("]")
        return name if bracket and (not rest or _is_port(rest)) else ""
    name, colon, port = header.partition(":")
    return name if not colon or _is_port(":" + port) else ""


def _is_port(text: str) -> bool:
    return text.startswith(":") and text[1:].isascii() and text[1:].isdigit()


def is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False


def guard(more_hosts: Collection[str] = ()) -> Middleware:
    """`more_hosts`: further names under which the operator reaches a listener that is not on loopback."""
    allowed = frozenset(name.lower() for name in more_hosts)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        # RFC 9112 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message
        # that lacks a Host header field and to any request message that contains more than one Host header field
        # line or a Host header field with an invalid field value."
        hosts = request.headers.getall("Host", [])
        if len(hosts) != 1 or not (name := host_name(hosts[0])):
            return web.json_response({"error": "The request needs one valid Host header."}, status=400)
        if not is_loopback(name) and name not in allowed:
            return web.json_response({"error": "This API answers under loopback names only."}, status=403)
        origin = request.headers.get("Origin")
        foreign = origin is not None and origin.lower() != f"{request.scheme}://{hosts[0].strip().lower()}"
        if foreign or request.headers.get("Sec-Fetch-Site", "none") in ("cross-site", "same-site"):
            return web.json_response({"error": "This API does not answer to web pages of another origin."}, status=403)
        return await handler(request)

    return check

"""The HTTP API of a running switch (aiohttp)."""

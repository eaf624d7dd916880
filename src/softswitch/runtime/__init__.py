"""The asyncio shells: one driver loop, transports, the media client."""

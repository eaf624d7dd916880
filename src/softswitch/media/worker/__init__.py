"""The media process: RTP sockets, relay, prompts and digits, driven over a Unix socket. Start it with `-m`."""

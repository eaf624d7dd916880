"""RTP, SDP, digits, G.711 and prompts (pure), and `media.worker`, the media process."""

"""The HTTP API on loopback: health, metrics, the floor, the agents' states."""

"""The writer: the process beside the media process that puts recordings on disk."""

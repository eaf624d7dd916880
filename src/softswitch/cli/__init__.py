"""The commands of `softswitch`."""

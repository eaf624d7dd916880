"""YAML to frozen settings, every mistake located."""

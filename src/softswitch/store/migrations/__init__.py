"""The schema's history. `softswitch.store.migrate` runs it at start; add a file to versions/ and never change one."""

"""From settings to a server that runs."""

"""The commands: table.py is the page to read first."""

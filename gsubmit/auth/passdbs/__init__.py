"""The drivers: one file for each kind of user database, and what only it needs."""

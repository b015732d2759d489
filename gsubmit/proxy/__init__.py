"""The login proxy: users who are served by another submission server, the backend."""

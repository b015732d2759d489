"""TLS for both legs: contexts, sockets, certificates, channel bindings."""

"""The words of SMTP: replies, commands, addresses, parameters, data. No sockets, no files, no settings."""

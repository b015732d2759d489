"""Settings: Dovecot's configuration language and names, every setting declared once with its type and default."""

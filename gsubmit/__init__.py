"""gsubmit: a mail submission server that passes each message on to a relay and answers with the relay's reply."""

__version__ = "0.1.0"

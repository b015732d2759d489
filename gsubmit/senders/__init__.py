"""Sender rules: what a user owns, and which addresses a message speaks for."""

"""The front: listeners, sessions, and the commands that clients give."""

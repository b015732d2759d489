"""What is written for the administrator: log lines, rawlogs, and the thread that writes them."""

"""What is kept of logins: in this process, in a file of this machine, or in Redis."""

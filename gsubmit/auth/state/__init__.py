"""What is kept of logins: in this process, or in a file of this machine."""

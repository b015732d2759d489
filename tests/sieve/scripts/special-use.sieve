require ["fileinto", "special-use"]; fileinto :specialuse "\\Junk" "INBOX";

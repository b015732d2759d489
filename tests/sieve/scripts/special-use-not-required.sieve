require "fileinto"; fileinto :specialuse "\\Junk" "INBOX";

require ["imap4flags", "fileinto", "mailbox"];
fileinto :create :flags "\\Flagged" "Last"; fileinto :create :flags "\\Answered" "Last";

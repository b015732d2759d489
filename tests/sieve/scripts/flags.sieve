require ["imap4flags", "fileinto", "variables", "mailbox"];
setflag "\\Draft"; set "mine" "\\Flagged";
fileinto :create :flags "${mine}" "Flagged"; fileinto :create "Variable"; keep :flags ["\\Seen"];

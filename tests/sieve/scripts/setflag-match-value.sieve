require ["imap4flags", "variables"];
setflag "1" "\\Seen";

require "imap4flags"; addflag "a" "\\Seen";

require ["fileinto", "mailbox"]; fileinto :create "Second";

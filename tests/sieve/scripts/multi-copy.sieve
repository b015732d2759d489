require ["fileinto", "copy", "mailbox"]; fileinto :create :copy "First";

require ["fileinto", "mailbox"]; if header "x-added" "yes" { fileinto :create "Edited"; }

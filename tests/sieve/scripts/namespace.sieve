require ["variables", "fileinto"]; if header "subject" "${foo.bar}" { keep; }

if header "subject" "${Unicode:DF01}" { keep; }

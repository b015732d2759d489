redirect "one@example.org, two@example.org";

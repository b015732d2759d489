redirect "one@example.org"; redirect "One <one@example.org>"; redirect "two@example.org";

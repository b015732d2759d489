redirect "Friends: one@example.org;";

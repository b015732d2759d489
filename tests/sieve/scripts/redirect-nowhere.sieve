redirect "one at example.org";

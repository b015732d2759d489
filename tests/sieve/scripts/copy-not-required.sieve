redirect :copy "one@example.org";

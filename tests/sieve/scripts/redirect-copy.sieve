require "copy"; redirect :copy "one@example.org";

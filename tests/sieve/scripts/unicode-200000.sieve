require "encoded-character"; redirect "${unicode:200000}@example.org";

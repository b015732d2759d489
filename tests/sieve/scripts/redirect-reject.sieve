require "reject"; redirect "one@example.org"; reject "No.";

require "ihave"; if ihave ["fileinto", "copy"] { fileinto :copy "INBOX.a"; }

require "body"; if body :contains :content { keep; }
